/* Command queues of one session: what is sendable now, what waits for its min clock, and which command is most urgent.
 *
 *     queue 0:  [ sendable commands | commands from the first that waits on ]      each queue first in, first out
 *     queue 1:  [ sendable | waiting ]
 *                   |           `-- `upcoming`: the queues by the min clock of their first waiting command
 *                   `-- `ready`: the queues by the due clock of their first command
 *
 * A command's due clock is the earliest required clock of itself and of those queued behind it, as it holds them up.
 */
#ifndef KLIPKIT_WIRE_INNER_SEND_QUEUE_H
#define KLIPKIT_WIRE_INNER_SEND_QUEUE_H
#include <stddef.h>
#include <stdint.h>

#include "klipkit/wire/inner/mcu_clock.h"
#include "klipkit/wire/inner/send_heap.h"
#include "klipkit/wire/session.h"

/* Commands that one queue may hold; 88 bytes each. */
enum { SEND_QUEUE_MOST = 1 << 18 };

struct send_command {
    uint64_t ticket;
    uint64_t min_clock, due;
    uint8_t count;
    uint8_t query;       /* its acknowledgement is reported */
    uint8_t bytes[SESSION_PAYLOAD_MOST];
};

struct send_queue {
    struct send_command *commands;   /* a ring; `room` is a power of two */
    uint32_t first, count, room;
    uint32_t ready;                  /* so many from the first on are sendable */
};

struct send_queues {
    struct send_queue *queues;
    uint32_t count, room;
    struct send_heap ready, upcoming;
    uint64_t tickets;                /* handed out so far */
    uint32_t ready_bytes, upcoming_bytes;
};

void send_queues_free(struct send_queues *queues);

/* A new queue's number, or -ENOMEM. */
int send_queues_add(struct send_queues *queues);

/* Append a command of order->count bytes (order->bytes and its ticket are not looked at): its ticket, or -EBADF, -ENOMEM. */
int64_t send_queues_put(struct send_queues *queues, int queue, const struct send_command *order, const uint8_t *bytes);

/* Drop all commands of a queue: their number, or -EBADF. */
int64_t send_queues_purge(struct send_queues *queues, int queue);

/* Make sendable what may be sent at `now`. */
void send_queues_advance(struct send_queues *queues, const struct mcu_clock *mcu, double now);

/* The MCU's clock is known anew: all commands wait again until the next send_queues_advance. */
void send_queues_hold(struct send_queues *queues);

/* The most urgent sendable command, NULL for none. */
const struct send_command *send_queues_urgent(const struct send_queues *queues);

/* Take the most urgent command out. */
void send_queues_take(struct send_queues *queues);
#endif
