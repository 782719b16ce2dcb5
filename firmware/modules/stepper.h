/* What a short step pulse takes of a stepper: a port may carry out steps in assembly (ports/avr/row.S). */
#ifndef MODULES_STEPPER_H
#define MODULES_STEPPER_H
#include <stdbool.h>
#include <stdint.h>

#include "core/sched.h"
#include "hal/gpio.h"

/* The current run of steps. */
struct train {
    struct timer timer; /* of the next step, or tail */
    struct gpio_out step;
    uint16_t left;      /* steps of the current run still to be made */
    uint32_t interval;  /* to the planned step from the one before */
    int16_t add;
};

/* A timer's run function: step and tail in one. */
bool stepper_pulse(struct timer *timer);

/* After the last step of a run, whose pulse still lasts: end it and take the next run; gives false when there is none. */
bool stepper_end_run(struct timer *timer);
#endif
