/* The one thing that motion gives to the MCU floor: runs of steps.
 *
 * A run is `count` steps of one stepper in one direction. In 64-bit ticks of that stepper's MCU, step k (1 .. count) is at
 *     first + (k - 1) * interval + add * k * (k - 1) / 2      with the interval before step 2 being interval + add
 * that is the wire's queue_step: `interval` ticks from the step before the run to the first one, each further interval
 * longer by `add`. `interval` is (first - clock of the step before) modulo 2^32; a run after a gap of more than 3 * 2^28 ticks
 * has count 1. Runs of a stepper are in strict order of time. Owner: the caller's array, filled by value.
 */
#ifndef KLIPKIT_MOTION_RUN_H
#define KLIPKIT_MOTION_RUN_H
#include <stdint.h>

struct step_run {
    uint64_t first;     /* clock of the first step, ticks */
    uint32_t interval;  /* ticks */
    uint16_t count;     /* 1 .. 65535 */
    int16_t add;        /* ticks a step */
    int8_t direction;   /* +1 or -1: sign of the position's change */
};

/* Clock of the last step of a run. */
uint64_t step_run_last(const struct step_run *run);
#endif
