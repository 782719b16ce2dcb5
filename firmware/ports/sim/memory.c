/* The simulator's memory for configuration: objects from one block, move slots from another of the persona's size.
 *
 * Objects are bigger here than on a chip of 16 or 32 bits, so they do not count against the persona's memory.
 */
#include "hal/memory.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ports/sim/surroundings.h"

enum { OBJECT_BYTES = 64 * 1024, SLOT_BYTES = 64 * 1024, ALIGNMENT = 16 };

static _Alignas(ALIGNMENT) uint8_t objects[OBJECT_BYTES];
static _Alignas(ALIGNMENT) uint8_t slots[SLOT_BYTES];
static uint32_t used;

void memory_reset(void)
{
    used = 0;
}

void *memory_take(uint16_t size)
{
    uint32_t whole = ((uint32_t)size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (whole > OBJECT_BYTES - used)
        return NULL;
    void *memory = objects + used;
    used += whole;
    return memset(memory, 0, size);
}

void *memory_take_rest(uint16_t size, uint16_t most, uint16_t *count)
{
    uint32_t room = sim_persona->move_memory < SLOT_BYTES ? sim_persona->move_memory : SLOT_BYTES;
    uint32_t fit = room / size;
    *count = fit > most ? most : (uint16_t)fit;
    return slots;
}
