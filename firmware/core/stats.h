/* The load report, and the upper half of the clock. */
#ifndef CORE_STATS_H
#define CORE_STATS_H
#include <stdint.h>

/* A pass of the main loop took `ticks`. */
void stats_add(uint32_t ticks);

/* Times that the clock had wrapped when it read `now`, a moment ago at most. Task level. */
uint32_t stats_clock_high(uint32_t now);
#endif
