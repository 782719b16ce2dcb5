/* Command queues: rings of commands in two heaps; see inner/send_queue.h for the picture. */
#include "klipkit/wire/inner/send_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_AT_FIRST = 16, QUEUES_AT_FIRST = 8 };

static struct send_command *nth(const struct send_queue *queue, uint32_t index)
{
    return &queue->commands[(queue->first + index) & (queue->room - 1)];
}

void send_queues_free(struct send_queues *queues)
{
    for (uint32_t i = 0; i < queues->count; i++)
        free(queues->queues[i].commands);
    free(queues->queues);
    send_heap_free(&queues->ready);
    send_heap_free(&queues->upcoming);
}

int send_queues_add(struct send_queues *queues)
{
    if (queues->count == queues->room) {
        uint32_t room = queues->room ? 2 * queues->room : QUEUES_AT_FIRST;
        struct send_queue *larger = realloc(queues->queues, room * sizeof(*larger));
        if (!larger)
            return -ENOMEM;
        queues->queues = larger;
        if (send_heap_reserve(&queues->ready, room) || send_heap_reserve(&queues->upcoming, room))
            return -ENOMEM;
        queues->room = room;
    }
    queues->queues[queues->count] = (struct send_queue){ 0 };
    return (int)queues->count++;
}

static int grow(struct send_queue *queue)
{
    if (queue->count < queue->room)
        return 0;
    uint32_t room = queue->room ? 2 * queue->room : ROOM_AT_FIRST;
    if (room > SEND_QUEUE_MOST)
        return -ENOMEM;
    struct send_command *commands = malloc(room * sizeof(*commands));
    if (!commands)
        return -ENOMEM;
    for (uint32_t i = 0; i < queue->count; i++)
        commands[i] = *nth(queue, i);
    free(queue->commands);
    queue->commands = commands;
    queue->first = 0;
    queue->room = room;
    return 0;
}

/* Those before a more urgent command become as urgent as it. Ends at the first that is: clocks in order cost nothing. */
static void hurry(struct send_queues *queues, uint32_t index, uint64_t due)
{
    struct send_queue *queue = &queues->queues[index];
    uint32_t i = queue->count - 1;
    while (i > 0 && nth(queue, i - 1)->due > due)
        nth(queue, --i)->due = due;
    if (i == 0 && queue->ready)
        send_heap_set(&queues->ready, index, due, nth(queue, 0)->ticket);
}

int64_t send_queues_put(struct send_queues *queues, int queue, const struct send_command *order, const uint8_t *bytes)
{
    if (queue < 0 || (uint32_t)queue >= queues->count)
        return -EBADF;
    uint32_t index = (uint32_t)queue;
    struct send_queue *own = &queues->queues[index];
    int failed = grow(own);
    if (failed)
        return failed;
    struct send_command *last = nth(own, own->count++);
    last->ticket = ++queues->tickets;
    last->min_clock = order->min_clock;
    last->due = order->due;
    last->count = order->count;
    last->query = order->query;
    memcpy(last->bytes, bytes, order->count);
    queues->upcoming_bytes += last->count;
    hurry(queues, index, last->due);
    if (own->ready + 1 == own->count)
        send_heap_set(&queues->upcoming, index, last->min_clock, last->ticket);
    return (int64_t)last->ticket;
}

int64_t send_queues_purge(struct send_queues *queues, int queue)
{
    if (queue < 0 || (uint32_t)queue >= queues->count)
        return -EBADF;
    struct send_queue *own = &queues->queues[queue];
    for (uint32_t i = 0; i < own->count; i++)
        *(i < own->ready ? &queues->ready_bytes : &queues->upcoming_bytes) -= nth(own, i)->count;
    uint32_t dropped = own->count;
    own->first = own->count = own->ready = 0;
    send_heap_remove(&queues->ready, (uint32_t)queue);
    send_heap_remove(&queues->upcoming, (uint32_t)queue);
    return dropped;
}

static int may_leave(const struct mcu_clock *mcu, uint64_t min_clock, double now)
{
    return min_clock == 0 || (mcu->frequency > 0 && now >= mcu_clock_time(mcu, min_clock));
}

void send_queues_advance(struct send_queues *queues, const struct mcu_clock *mcu, double now)
{
    while (queues->upcoming.count && may_leave(mcu, queues->upcoming.entries[0].key, now)) {
        uint32_t index = queues->upcoming.entries[0].queue;
        struct send_queue *queue = &queues->queues[index];
        uint32_t before = queue->ready;
        while (queue->ready < queue->count && may_leave(mcu, nth(queue, queue->ready)->min_clock, now)) {
            uint8_t count = nth(queue, queue->ready++)->count;
            queues->upcoming_bytes -= count;
            queues->ready_bytes += count;
        }
        const struct send_command *first = nth(queue, 0), *waiting = nth(queue, queue->ready);
        if (!before)
            send_heap_set(&queues->ready, index, first->due, first->ticket);
        if (queue->ready < queue->count)
            send_heap_set(&queues->upcoming, index, waiting->min_clock, waiting->ticket);
        else
            send_heap_remove(&queues->upcoming, index);
    }
}

void send_queues_hold(struct send_queues *queues)
{
    queues->upcoming_bytes += queues->ready_bytes;
    queues->ready_bytes = 0;
    for (uint32_t index = 0; index < queues->count; index++) {
        struct send_queue *queue = &queues->queues[index];
        if (!queue->ready)
            continue;
        const struct send_command *first = nth(queue, 0);
        queue->ready = 0;
        send_heap_remove(&queues->ready, index);
        send_heap_set(&queues->upcoming, index, first->min_clock, first->ticket);
    }
}

const struct send_command *send_queues_urgent(const struct send_queues *queues)
{
    return queues->ready.count ? nth(&queues->queues[queues->ready.entries[0].queue], 0) : NULL;
}

void send_queues_take(struct send_queues *queues)
{
    uint32_t index = queues->ready.entries[0].queue;
    struct send_queue *queue = &queues->queues[index];
    queues->ready_bytes -= nth(queue, 0)->count;
    queue->first = (queue->first + 1) & (queue->room - 1);
    queue->count--;
    queue->ready--;
    if (queue->ready)
        send_heap_set(&queues->ready, index, nth(queue, 0)->due, nth(queue, 0)->ticket);
    else
        send_heap_remove(&queues->ready, index);
}
