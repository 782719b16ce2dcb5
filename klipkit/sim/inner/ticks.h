/* The integer time base of the co-simulator, and its exact conversion to an MCU's ticks and back.
 *
 * Time is a count of 2^-40 s (0.9 ps) since the co-simulator's start: 64 bits last for 194 days, each value below 2^13 s is exact
 * as a double. A rate is an MCU's real frequency in 2^-20 Hz (1e-6 Hz), below 2^52. Nothing is accumulated: a clock is
 * always computed from the time since the MCU's power-on, rounded once.
 */
#ifndef KLIPKIT_SIM_INNER_TICKS_H
#define KLIPKIT_SIM_INNER_TICKS_H
#include <stdint.h>

/* Longest time, units: what comes later counts as never. */
#define TICKS_NEVER ((uint64_t)1 << 62)

/* The rate of a nominal frequency in Hz that is off by `drift` (1e-6: 1 ppm fast); 0 when it is out of range. */
uint64_t ticks_rate(uint32_t frequency, double drift);

/* Whole ticks that have passed after `time`. */
uint64_t ticks_at(uint64_t rate, uint64_t time);

/* The first time at which `ticks` ticks have passed: ticks_at(rate, ticks_time(rate, n)) == n. */
uint64_t ticks_time(uint64_t rate, uint64_t ticks);

/* Seconds to units, up to the next one (TICKS_NEVER at most, 0 at least), and units to seconds. */
uint64_t ticks_units(double seconds);
double ticks_seconds(uint64_t time);
#endif
