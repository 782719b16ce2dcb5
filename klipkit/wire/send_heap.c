/* A binary heap of command queues that knows where each queue stands in it. */
#include "klipkit/wire/inner/send_heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int send_heap_reserve(struct send_heap *heap, uint32_t room)
{
    struct send_heap_entry *entries = realloc(heap->entries, room * sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    heap->entries = entries;
    uint32_t *places = realloc(heap->places, room * sizeof(*places));
    if (!places)
        return -ENOMEM;
    heap->places = places;
    if (room > heap->room)
        memset(places + heap->room, 0, (room - heap->room) * sizeof(*places));
    heap->room = room;
    return 0;
}

void send_heap_free(struct send_heap *heap)
{
    free(heap->entries);
    free(heap->places);
}

static int is_before(const struct send_heap_entry *a, const struct send_heap_entry *b)
{
    return a->key != b->key ? a->key < b->key : a->tie < b->tie;
}

static void put(struct send_heap *heap, uint32_t at, const struct send_heap_entry *entry)
{
    heap->entries[at] = *entry;
    heap->places[entry->queue] = at + 1;
}

/* Put an entry where the hole at `at` goes when it moves up, then down, as far as the entry's key wants. */
static void settle(struct send_heap *heap, uint32_t at, struct send_heap_entry entry)
{
    while (at > 0 && is_before(&entry, &heap->entries[(at - 1) / 2])) {
        put(heap, at, &heap->entries[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (uint32_t child = 2 * at + 1; child < heap->count; child = 2 * at + 1) {
        if (child + 1 < heap->count && is_before(&heap->entries[child + 1], &heap->entries[child]))
            child++;
        if (!is_before(&heap->entries[child], &entry))
            break;
        put(heap, at, &heap->entries[child]);
        at = child;
    }
    put(heap, at, &entry);
}

void send_heap_set(struct send_heap *heap, uint32_t queue, uint64_t key, uint64_t tie)
{
    struct send_heap_entry entry = { .key = key, .tie = tie, .queue = queue };
    if (heap->count == 1 && heap->places[queue]) {
        heap->entries[0] = entry;
        return;
    }
    uint32_t at = heap->places[queue] ? heap->places[queue] - 1 : heap->count++;
    settle(heap, at, entry);
}

void send_heap_remove(struct send_heap *heap, uint32_t queue)
{
    uint32_t place = heap->places[queue];
    if (!place)
        return;
    heap->places[queue] = 0;
    heap->count--;
    if (place - 1 < heap->count)
        settle(heap, place - 1, heap->entries[heap->count]);
}
