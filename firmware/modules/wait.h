/* Waiting at task level, for the few microseconds that a sleep would not be worth. */
#ifndef MODULES_WAIT_H
#define MODULES_WAIT_H
#include <stdint.h>

#include "hal/clock.h"

static inline void wait_until(uint32_t clock)
{
    while (clock_is_before(clock_read(), clock))
        ;
}

/* Until `ticks` have gone by since `clock`, which may be any time ago. */
static inline void wait_since(uint32_t clock, uint32_t ticks)
{
    while (clock_read() - clock < ticks)
        ;
}
#endif
