/* The move queue: see moves.h. */
#include "core/moves.h"

#include <stddef.h>

#include "core/declare.h"
#include "hal/memory.h"

enum { SLOTS_MOST = 1024 };

static uintptr_t before;   /* address, in bytes, from which slots have their numbers; the first one's is slot_size */
static uint16_t count;     /* slots there are */
static uint16_t free_slot; /* head of the chain of free slots */
static uint8_t slot_size;

STARTUP(moves)
{
    before = 0;
    count = free_slot = 0;
    slot_size = sizeof(struct move);
}

static struct move *slot(uint16_t number)
{
    return (struct move *)(before + number);
}

void moves_need(uint8_t size)
{
    if (size > slot_size)
        slot_size = size;
}

void moves_allocate(void)
{
    uint16_t most = UINT16_MAX / slot_size;
    void *slots = memory_take_rest(slot_size, most < SLOTS_MOST ? most : SLOTS_MOST, &count);
    if (!count)
        shutdown("alloc_chunks failed");
    before = (uintptr_t)slots - slot_size;
    free_slot = slot_size;
    uint16_t number = free_slot;
    for (uint16_t left = count - 1; left; left--, number += slot_size)
        slot(number)->next = number + slot_size;
    slot(number)->next = 0;
}

uint16_t moves_count(void)
{
    return count;
}

void *moves_append(struct move_queue *queue)
{
    uint16_t number = free_slot;
    if (!number)
        shutdown("Move queue overflow");
    struct move *move = slot(number);
    free_slot = move->next;
    move->next = 0;
    if (queue->first)
        slot(queue->last)->next = number;
    else
        queue->first = number;
    queue->last = number;
    return move;
}

void *moves_first(const struct move_queue *queue)
{
    return queue->first ? slot(queue->first) : NULL;
}

void *moves_last(const struct move_queue *queue)
{
    return queue->first ? slot(queue->last) : NULL;
}

void moves_drop_first(struct move_queue *queue)
{
    uint16_t number = queue->first;
    struct move *move = slot(number);
    queue->first = move->next;
    move->next = free_slot;
    free_slot = number;
}

/* At once, however many there are: a trigger or a shutdown must not keep interrupts waiting. */
void moves_clear(struct move_queue *queue)
{
    if (moves_empty(queue))
        return;
    slot(queue->last)->next = free_slot;
    free_slot = queue->first;
    queue->first = 0;
}
