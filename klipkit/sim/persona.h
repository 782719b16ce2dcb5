/* A persona (firmware/ports/sim/abi.h: which chip a simulated MCU plays) made piece by piece, with memory of its own. */
#ifndef KLIPKIT_SIM_PERSONA_H
#define KLIPKIT_SIM_PERSONA_H
#include <stdint.h>

struct sim_persona;

/* The numbers of a persona: the fields of sim_persona with these names. */
struct persona_numbers {
    uint32_t clock_frequency, receive_window, serial_baud, adc_max, pwm_max, move_memory;
};

/* All is copied. NULL when there is no memory. Give it back when no co-simulator uses it any more. */
struct sim_persona *persona_new(const char *mcu, const struct persona_numbers *numbers, const char *constants,
                                const char *enumerations);
void persona_free(struct sim_persona *persona);

/* Append a pin; its number is the count of those before. 0 or -ENOMEM. */
int persona_add_pin(struct sim_persona *persona, const char *name);
#endif
