/* Waiting for a clock at task level, for the few microseconds that a sleep would not be worth. */
#ifndef MODULES_WAIT_H
#define MODULES_WAIT_H
#include <stdint.h>

#include "hal/clock.h"

static inline void wait_until(uint32_t clock)
{
    while (clock_is_before(clock_read(), clock))
        ;
}
#endif
