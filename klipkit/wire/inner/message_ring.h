/* The ring of received messages of one session: grows to a limit, then loses the oldest. */
#ifndef KLIPKIT_WIRE_INNER_MESSAGE_RING_H
#define KLIPKIT_WIRE_INNER_MESSAGE_RING_H
#include <stdint.h>

#include "klipkit/wire/session.h"

/* 6 MB: at the 1000 messages a second of a busy MCU a minute in which nobody looked. */
enum { MESSAGE_RING_MOST = 1 << 16 };

struct message_ring {
    struct session_message *messages;
    uint32_t first, count, room;   /* `room` is a power of two */
    uint64_t dropped;
};

/* Room for the first messages; 0 or -ENOMEM. */
int message_ring_init(struct message_ring *ring);
void message_ring_free(struct message_ring *ring);

/* The place for one more message, its bytes not cleared. When the ring is full and can't grow this is the oldest's. */
struct session_message *message_ring_add(struct message_ring *ring);

/* Take the oldest; 1, or 0 when there is none. */
int message_ring_take(struct message_ring *ring, struct session_message *message);
#endif
