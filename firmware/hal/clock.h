/* Port contract: the free-running clock and the one compare register that wakes the timers.
 *
 * Clocks are 32-bit ticks of CLOCK_FREQ and wrap; two clocks are compared by their signed difference, so they must lie
 * within 2^31 ticks of each other.
 */
#ifndef HAL_CLOCK_H
#define HAL_CLOCK_H
#include <stdbool.h>
#include <stdint.h>

#include "port.h"

/* The clock now. May be called anywhere. */
uint32_t clock_read(void);

/* The same, but only with interrupts disabled: cheaper on some ports. */
uint32_t clock_now(void);

/* Ticks a second. */
uint32_t clock_frequency(void);

/* Ask for sched_interrupt() at `clock`, never earlier; an earlier request is dropped, even if its interrupt is pending. Called
 * with interrupts disabled. Gives false when `clock` has come or is so near that an interrupt would be late: the caller then
 * waits for it and runs what is due itself. */
bool clock_arm(uint32_t clock);

/* Wait until `clock`, which clock_arm() just refused, has come. Interrupts disabled. */
void clock_wait(uint32_t clock);

static inline bool clock_is_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline uint32_t clock_later(uint32_t a, uint32_t b)
{
    return clock_is_before(a, b) ? b : a;
}
#endif
