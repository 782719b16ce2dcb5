/* The AVR's memory for configuration: what lies between the static data and the room kept for the stack. */
#include "hal/memory.h"

#include <stddef.h>
#include <string.h>

extern uint8_t _end[]; /* of the linker: the end of static data */

static uint8_t *next;

static uint16_t room(void)
{
    return (uint16_t)(RAMEND + 1 - STACK_BYTES - (uint16_t)next);
}

void memory_reset(void)
{
    next = _end;
}

void *memory_take(uint16_t size)
{
    if (size > room())
        return NULL;
    void *memory = memset(next, 0, size);
    next += size;
    return memory;
}

void *memory_take_rest(uint16_t size, uint16_t most, uint16_t *count)
{
    uint16_t fit = room() / size;
    *count = fit > most ? most : fit;
    return next;
}
