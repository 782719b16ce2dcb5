/* The ring of received messages: see inner/message_ring.h. */
#include "klipkit/wire/inner/message_ring.h"

#include <errno.h>
#include <stdlib.h>

enum { ROOM_AT_FIRST = 64 };

int message_ring_init(struct message_ring *ring)
{
    *ring = (struct message_ring){ .room = ROOM_AT_FIRST };
    ring->messages = malloc(ROOM_AT_FIRST * sizeof(*ring->messages));
    return ring->messages ? 0 : -ENOMEM;
}

void message_ring_free(struct message_ring *ring)
{
    free(ring->messages);
}

static struct session_message *nth(const struct message_ring *ring, uint32_t index)
{
    return &ring->messages[(ring->first + index) & (ring->room - 1)];
}

/* Doubles the room; stays as it is at the limit or when there is no memory. */
static void grow(struct message_ring *ring)
{
    if (ring->room >= MESSAGE_RING_MOST)
        return;
    struct session_message *messages = malloc(2 * ring->room * sizeof(*messages));
    if (!messages)
        return;
    for (uint32_t i = 0; i < ring->count; i++)
        messages[i] = *nth(ring, i);
    free(ring->messages);
    ring->messages = messages;
    ring->first = 0;
    ring->room *= 2;
}

struct session_message *message_ring_add(struct message_ring *ring)
{
    if (ring->count == ring->room)
        grow(ring);
    if (ring->count == ring->room) {
        ring->first = (ring->first + 1) & (ring->room - 1);
        ring->count--;
        ring->dropped++;
    }
    return nth(ring, ring->count++);
}

int message_ring_take(struct message_ring *ring, struct session_message *message)
{
    if (!ring->count)
        return 0;
    *message = *nth(ring, 0);
    ring->first = (ring->first + 1) & (ring->room - 1);
    ring->count--;
    return 1;
}
