/* The interrupt controller: the lowest vector first, one instruction after the flag was enabled. */
#include <simavr/sim_interrupts.h>

#include "chip.h"

void interrupts_add(struct chip *chip, const avr_int_vector_t *vector, bool level)
{
    if (!vector->vector || chip->source_count == SOURCES_MOST)
        return;
    struct source source = {
        .vector = vector->vector,
        .flag_register = vector->raised.reg,
        .enable_register = vector->enable.reg,
        .flag_mask = (uint8_t)(vector->raised.mask << vector->raised.bit),
        .enable_mask = (uint8_t)(vector->enable.mask << vector->enable.bit),
        .level = level,
    };
    size_t place = chip->source_count++;
    for (; place > 0 && chip->sources[place - 1].vector > source.vector; place--)
        chip->sources[place] = chip->sources[place - 1];
    chip->sources[place] = source;
}

static const struct source *first_due(const struct chip *chip)
{
    const uint8_t *data = chip->avr->data;
    for (size_t i = 0; i < chip->source_count; i++) {
        const struct source *source = &chip->sources[i];
        if (data[source->flag_register] & source->flag_mask && data[source->enable_register] & source->enable_mask)
            return source;
    }
    return NULL;
}

static void enter(struct chip *chip, const struct source *source)
{
    avr_t *avr = chip->avr;
    uint8_t *data = avr->data;
    uint16_t stack = (uint16_t)(data[R_SPL] | data[R_SPH] << 8);
    uint32_t word = avr->pc >> 1;
    for (int i = 0; i < avr->address_size; i++, word >>= 8)
        data[stack--] = (uint8_t)word;
    data[R_SPL] = (uint8_t)stack;
    data[R_SPH] = (uint8_t)(stack >> 8);
    avr->sreg[S_I] = 0;
    avr->interrupt_state = 0;
    avr->pc = source->vector * avr->vector_size;
    if (!source->level)
        data[source->flag_register] &= (uint8_t)~source->flag_mask;
    avr->cycle += chip->entry_cycles;
}

/* Peripherals that libsimavr models have its own controller. */
static void take_of_library(struct chip *chip)
{
    avr_t *avr = chip->avr;
    if (!avr_has_pending_interrupts(avr))
        return;
    avr_flashaddr_t before = avr->pc;
    avr->interrupt_state = 1;
    avr_service_interrupts(avr);
    if (avr->pc != before)
        avr->cycle += chip->entry_cycles;
}

void interrupts_take(struct chip *chip)
{
    if (chip->enabling) {
        chip->avr->run_cycle_count = 0; /* one more instruction, then look again */
        return;
    }
    if (!chip->avr->sreg[S_I])
        return;
    const struct source *source = first_due(chip);
    if (source)
        enter(chip, source);
    else
        take_of_library(chip);
}
