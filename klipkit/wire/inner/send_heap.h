/* A heap of command queues by a 64-bit key, smallest on top; each queue is in it once at most. */
#ifndef KLIPKIT_WIRE_INNER_SEND_HEAP_H
#define KLIPKIT_WIRE_INNER_SEND_HEAP_H
#include <stdint.h>

struct send_heap_entry {
    uint64_t key, tie;   /* `tie` decides between equal keys */
    uint32_t queue;
};

struct send_heap {
    struct send_heap_entry *entries;
    uint32_t *places;    /* for each queue its index in entries + 1, 0 when it is not in the heap */
    uint32_t count, room;
};

/* Room for queues 0 .. room - 1; 0 or -ENOMEM (the heap stays as it was). */
int send_heap_reserve(struct send_heap *heap, uint32_t room);
void send_heap_free(struct send_heap *heap);

/* Put a queue in, or give it another key. O(log queues). */
void send_heap_set(struct send_heap *heap, uint32_t queue, uint64_t key, uint64_t tie);

/* Take a queue out; nothing when it is not in. O(log queues). */
void send_heap_remove(struct send_heap *heap, uint32_t queue);
#endif
