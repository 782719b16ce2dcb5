/* The one thing that motion gives to the MCU floor: runs of steps.
 *
 * A run is `count` steps of one stepper in one direction. In 64-bit ticks of that stepper's MCU step n (1 .. count) is at
 *     t(n) = T0 + interval * n + add * n * (n - 1) / 2        T0: the clock of the step before the run
 * which is the wire's queue_step: `interval` ticks from the step before the run to the first one, each further interval longer
 * by `add`. So first = t(1) = T0 + interval, and step 2 follows it after interval + add. After a gap of more than 3 * 2^28
 * ticks a run has count 1, and its interval is the gap modulo 2^32. Each interval is at least 1 tick: runs of a stepper are
 * in strict order of time. Owner: the caller's array, filled by value.
 */
#ifndef KLIPKIT_MOTION_RUN_H
#define KLIPKIT_MOTION_RUN_H
#include <stdint.h>

struct step_run {
    uint64_t first;     /* clock of the first step, ticks */
    uint32_t interval;  /* ticks from the step before the run, modulo 2^32 */
    uint16_t count;     /* 1 .. 65535 */
    int16_t add;        /* ticks a step */
    int8_t direction;   /* +1 or -1: sign of the position's change */
};

/* Clock of the last step of a run: t(count). */
uint64_t step_run_last(const struct step_run *run);
#endif
