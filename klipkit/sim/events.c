/* A binary heap of events with stable order: see inner/events.h. */
#include "klipkit/sim/inner/events.h"

#include <errno.h>
#include <stdlib.h>

#define LATE ((uint64_t)1 << 63) /* in an event's order: after the others of its time */

int events_reserve(struct events *events, size_t more)
{
    size_t room = events->room + more;
    struct event **heap = realloc(events->heap, (room + 1) * sizeof *heap);
    if (!heap)
        return -ENOMEM;
    events->heap = heap;
    events->room = room;
    return 0;
}

void events_free(struct events *events)
{
    free(events->heap);
    *events = (struct events){0};
}

static int is_before(const struct event *a, const struct event *b)
{
    return a->time != b->time ? a->time < b->time : a->order < b->order;
}

static void put(struct events *events, struct event *event, size_t place)
{
    events->heap[place] = event;
    event->place = place;
}

/* Find the event its place, from its present one up or down. */
static void sift(struct events *events, struct event *event)
{
    struct event **heap = events->heap;
    size_t place = event->place;
    for (; place > 1 && is_before(event, heap[place / 2]); place /= 2)
        put(events, heap[place / 2], place);
    for (size_t child; (child = 2 * place) <= events->count; place = child) {
        if (child < events->count && is_before(heap[child + 1], heap[child]))
            child++;
        if (!is_before(heap[child], event))
            break;
        put(events, heap[child], place);
    }
    put(events, event, place);
}

static void set(struct events *events, struct event *event, uint64_t time, uint64_t order)
{
    event->time = time;
    event->order = order;
    if (!event->place)
        put(events, event, ++events->count);
    sift(events, event);
}

void events_set(struct events *events, struct event *event, uint64_t time)
{
    set(events, event, time, events->next_order++);
}

void events_set_late(struct events *events, struct event *event, uint64_t time)
{
    set(events, event, time, LATE | events->next_order++);
}

void events_set_last(struct events *events, struct event *event, uint64_t time)
{
    set(events, event, time, UINT64_MAX);
}

void events_clear(struct events *events, struct event *event)
{
    size_t place = event->place;
    if (!place)
        return;
    event->place = 0;
    struct event *last = events->heap[events->count--];
    if (last == event)
        return;
    put(events, last, place);
    sift(events, last);
}

struct event *events_first(const struct events *events)
{
    return events->count ? events->heap[1] : NULL;
}

uint64_t events_first_but(const struct events *events, void (*due)(void *owner))
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 1; i <= events->count; i++)
        if (events->heap[i]->due != due && events->heap[i]->time < first)
            first = events->heap[i]->time;
    return first;
}
