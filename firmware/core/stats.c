/* The load report, and the upper half of the clock: see stats.h. */
#include "core/stats.h"

#include "core/declare.h"
#include "hal/clock.h"

enum {
    PERIOD = 5, /* s between reports; at 715827882 Hz, the most a host takes, it is below 2^32 ticks */
    SQUARE_BASE = 256,
};

RESPONSE(stats, "count=%u sum=%u sumsq=%u");
CONSTANT(STATS_SUMSQ_BASE, 256);

static uint32_t passes, sum, sum_squares;
static uint32_t reported;         /* clock of the last report */
static uint32_t seen, seen_high;  /* clock when last looked at, and its upper half */

STARTUP(stats)
{
    passes = sum = sum_squares = 0;
    seen = reported = clock_read();
    seen_high = 0;
}

/* ticks * ticks / SQUARE_BASE, rounded up, no more than 2^32 - 1. */
static uint32_t square(uint32_t ticks)
{
    if (ticks <= 0xffff)
        return (ticks * ticks + (SQUARE_BASE - 1)) / SQUARE_BASE;
    uint32_t whole = ticks / SQUARE_BASE, rest = ticks % SQUARE_BASE;
    if (whole >= 0xffff)
        return UINT32_MAX;
    /* (256 w + r)^2 / 256 = 256 w^2 + 2 w r + r^2 / 256 */
    uint32_t squared = whole * whole;
    uint32_t mixed = 2 * whole * rest + (rest * rest + (SQUARE_BASE - 1)) / SQUARE_BASE;
    if (squared > (UINT32_MAX - mixed) / SQUARE_BASE)
        return UINT32_MAX;
    return squared * SQUARE_BASE + mixed;
}

void stats_add(uint32_t ticks)
{
    uint32_t squared = square(ticks);
    passes++;
    sum += ticks;
    sum_squares = squared > UINT32_MAX - sum_squares ? UINT32_MAX : sum_squares + squared;
}

uint32_t stats_clock_high(uint32_t now)
{
    if (now < seen)
        seen_high++;
    seen = now;
    return seen_high;
}

TASK(stats)
{
    uint32_t now = clock_read();
    stats_clock_high(now);
    if (now - reported < PERIOD * clock_frequency())
        return;
    reported = now;
    send_stats(passes, sum, sum_squares);
    passes = sum = sum_squares = 0;
}
