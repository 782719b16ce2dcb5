/* The lesser and the greater of two numbers that are no NaN: fmin and fmax are calls, and these stand in the inner loops. */
#ifndef KLIPKIT_MOTION_INNER_ORDER_H
#define KLIPKIT_MOTION_INNER_ORDER_H

static inline double order_lesser(double a, double b)
{
    return a < b ? a : b;
}

static inline double order_greater(double a, double b)
{
    return a > b ? a : b;
}
#endif
