/* The move queue: fixed slots for what is to happen at a later clock, shared by all objects; each object chains its own.
 *
 *     moves_need(sizeof(struct run))      at configuration: slots must be as big as the biggest entry
 *     finalize_config                     all memory that is left becomes slots
 *     moves_append -> [slot] -> [slot] -> moves_first, moves_drop_first
 *
 * Slots are named by 16-bit numbers, 0 for none: half of a pointer on 32-bit chips.
 */
#ifndef CORE_MOVES_H
#define CORE_MOVES_H
#include <stdbool.h>
#include <stdint.h>

/* An entry's first member. */
struct move {
    uint16_t next;
};

/* The entries of one object, oldest first. */
struct move_queue {
    uint16_t first, last;
};

/* Before finalize_config: entries of `size` bytes will be used. */
void moves_need(uint8_t size);

/* A slot at the end of the queue, to be filled by the caller; shutdown "Move queue overflow" when none is free. Interrupts
 * disabled. */
void *moves_append(struct move_queue *queue);

/* The oldest and the newest entry, NULL when there is none. */
void *moves_first(const struct move_queue *queue);
void *moves_last(const struct move_queue *queue);

/* Free the oldest entry. Interrupts disabled. */
void moves_drop_first(struct move_queue *queue);

static inline bool moves_empty(const struct move_queue *queue)
{
    return queue->first == 0;
}

/* Free all entries of a queue. Interrupts disabled. */
void moves_clear(struct move_queue *queue);

/* For finalize_config: make the slots. */
void moves_allocate(void);
uint16_t moves_count(void);
#endif
