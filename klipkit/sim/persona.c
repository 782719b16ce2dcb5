/* Personas with memory of their own: see persona.h. */
#define _POSIX_C_SOURCE 200809L
#include "klipkit/sim/persona.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/ports/sim/abi.h"

struct sim_persona *persona_new(const char *mcu, const struct persona_numbers *numbers, const char *constants,
                                const char *enumerations)
{
    struct sim_persona *persona = calloc(1, sizeof *persona);
    if (!persona)
        return NULL;
    *persona = (struct sim_persona){
        .mcu = strdup(mcu), .constants = strdup(constants), .enumerations = strdup(enumerations),
        .clock_frequency = numbers->clock_frequency, .receive_window = numbers->receive_window,
        .serial_baud = numbers->serial_baud, .adc_max = numbers->adc_max, .pwm_max = numbers->pwm_max,
        .move_memory = numbers->move_memory,
    };
    if (persona->mcu && persona->constants && persona->enumerations)
        return persona;
    persona_free(persona);
    return NULL;
}

void persona_free(struct sim_persona *persona)
{
    if (!persona)
        return;
    for (size_t i = 0; i < persona->pin_count; i++)
        free((char *)persona->pins[i]);
    free((void *)persona->pins);
    free((char *)persona->mcu);
    free((char *)persona->constants);
    free((char *)persona->enumerations);
    free(persona);
}

int persona_add_pin(struct sim_persona *persona, const char *name)
{
    const char **pins = realloc((void *)persona->pins, (persona->pin_count + 1) * sizeof *pins);
    if (!pins)
        return -ENOMEM;
    persona->pins = pins;
    char *copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    pins[persona->pin_count++] = copy;
    return 0;
}
