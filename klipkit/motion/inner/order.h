/* Order and whole numbers for the inner loops, where fmin, fmax, floor and ceil are calls; of numbers that are no NaN. */
#ifndef KLIPKIT_MOTION_INNER_ORDER_H
#define KLIPKIT_MOTION_INNER_ORDER_H
#include <stdint.h>

static inline double order_lesser(double a, double b)
{
    return a < b ? a : b;
}

static inline double order_greater(double a, double b)
{
    return a > b ? a : b;
}

/* The greatest whole number <= x, for |x| < 2^63. */
static inline double order_floor(double x)
{
    double whole = (double)(int64_t)x;
    return whole > x ? whole - 1 : whole;
}

/* The least whole number >= x, for |x| < 2^63. */
static inline double order_ceil(double x)
{
    double whole = (double)(int64_t)x;
    return whole < x ? whole + 1 : whole;
}
#endif
