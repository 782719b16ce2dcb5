/* Ticks of an MCU and the co-simulator's units of time: see inner/ticks.h. */
#include "klipkit/sim/inner/ticks.h"

#include <math.h>

enum { UNIT_BITS = 40, RATE_BITS = 20, TICK_BITS = UNIT_BITS + RATE_BITS, DIGIT = 12 };

#define RATE_MOST ((uint64_t)1 << 52) /* a remainder of the division by it can be shifted by DIGIT bits */

uint64_t ticks_rate(uint32_t frequency, double drift)
{
    double rate = ldexp(frequency * (1.0 + drift), RATE_BITS);
    return rate >= 1.0 && rate < (double)RATE_MOST ? (uint64_t)llround(rate) : 0;
}

uint64_t ticks_at(uint64_t rate, uint64_t time)
{
    /* (time * rate) >> TICK_BITS, the product of 128 bits by halves (32-bit hosts have no wider type) */
    const uint64_t half = UINT32_MAX;
    uint64_t low = (time & half) * (rate & half);
    uint64_t left = (time >> 32) * (rate & half), right = (time & half) * (rate >> 32);
    uint64_t carry = (low >> 32) + (left & half) + (right & half);
    uint64_t high = (time >> 32) * (rate >> 32) + (left >> 32) + (right >> 32) + (carry >> 32);
    return high << (64 - TICK_BITS) | (carry << 32 | (low & half)) >> TICK_BITS;
}

uint64_t ticks_time(uint64_t rate, uint64_t ticks)
{
    /* long division of ticks * 2^TICK_BITS by rate, DIGIT bits at a time */
    uint64_t quotient = ticks / rate, rest = ticks % rate;
    for (int bits = 0; bits < TICK_BITS; bits += DIGIT) {
        rest <<= DIGIT;
        quotient = quotient << DIGIT | rest / rate;
        rest %= rate;
    }
    return quotient + (rest != 0);
}

uint64_t ticks_units(double seconds)
{
    double units = ceil(ldexp(seconds, UNIT_BITS));
    if (!(units > 0.0))
        return 0;
    return units < (double)TICKS_NEVER ? (uint64_t)units : TICKS_NEVER;
}

double ticks_seconds(uint64_t time)
{
    return ldexp((double)time, -UNIT_BITS);
}
