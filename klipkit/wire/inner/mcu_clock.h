/* The MCU's clock as a line through one known point. */
#ifndef KLIPKIT_WIRE_INNER_MCU_CLOCK_H
#define KLIPKIT_WIRE_INNER_MCU_CLOCK_H
#include <stdint.h>

struct mcu_clock {
    double frequency;   /* ticks a second; 0 until it is known */
    double time;        /* s */
    uint64_t clock;     /* ticks at `time` */
};

/* When the MCU's clock is at `clock`, s. Only once the frequency is known. */
static inline double mcu_clock_time(const struct mcu_clock *mcu, uint64_t clock)
{
    return mcu->time + (double)(int64_t)(clock - mcu->clock) / mcu->frequency;
}
#endif
