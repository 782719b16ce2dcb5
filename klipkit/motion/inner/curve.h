/* Curves: motion of a stepper that is no quadratic: a polynomial of the fourth degree, and a delta's arm.
 *
 *      p(t) = c0 + c1 t + ... + c4 t^4 + sqrt(arm^2 - x(t)^2 - y(t)^2)     the root only where arm2 > 0
 *
 * x and y, from the tower, are quadratics. Units: steps, ticks; t is counted from a time that the owner keeps.
 */
#ifndef KLIPKIT_MOTION_INNER_CURVE_H
#define KLIPKIT_MOTION_INNER_CURVE_H

struct curve {
    double from, to;        /* where it holds */
    double third;           /* |p'''| is no more there */
    double near;            /* where the next search begins: the result of the last */
    double polynomial[5];
    double arm2, x[3], y[3];    /* position, velocity, acceleration at t = 0 */
};

/* Position, speed and acceleration. */
struct curve_point {
    double p, v, a;
};

/* Out of the arm's reach p is a NaN. */
void curve_at(const struct curve *curve, double t, struct curve_point *point);

/* A bound of |p'''| between two times; HUGE_VAL when none is known. */
double curve_third(const struct curve *curve, double from, double to);

/* When p is `level`, in a curve that goes in one direction (+-1); *point: speed and acceleration there. Within 0.001 ticks,
 * but at a turn, where the speed is 0: within what rounding leaves. */
double curve_solve(struct curve *curve, double level, int direction, struct curve_point *point);
#endif
