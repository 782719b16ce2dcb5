/* Curves: motion of a stepper that is no quadratic: a polynomial of the fourth degree, and a delta's arm; or any form (bent.c).
 *
 *      p(t) = c0 + c1 t + ... + c4 t^4 + sqrt(arm^2 - x(t)^2 - y(t)^2)     the root only where arm2 > 0
 *
 * x and y, from the tower, are quadratics. Units: steps, ticks; t is counted from a time that the owner keeps.
 */
#ifndef KLIPKIT_MOTION_INNER_CURVE_H
#define KLIPKIT_MOTION_INNER_CURVE_H

struct curve;
struct curve_point;

/* A motion of any other shape; as curve_at, curve_jerk and curve_third. */
struct curve_form {
    void (*at)(const struct curve *curve, double t, struct curve_point *point);
    double (*jerk)(const struct curve *curve, double t);
    double (*third)(const struct curve *curve, double from, double to);
};

struct curve {
    double from, to;        /* where it holds */
    double polynomial[5];
    double arm2, x[3], y[3];    /* position, velocity, acceleration at t = 0 */
    const struct curve_form *form;  /* NULL: what stands above; else that is not looked at */
    void *of;                   /* whatever the form needs */
};

/* Position, speed and acceleration. */
struct curve_point {
    double p, v, a;
};

/* A time and what is there. */
struct curve_place {
    double t;
    struct curve_point at;
};

/* Out of the arm's reach p is a NaN. */
void curve_at(const struct curve *curve, double t, struct curve_point *point);

/* The third derivative at a time, and a bound of |p'''| between two times; HUGE_VAL when none is known. */
double curve_jerk(const struct curve *curve, double t);
double curve_third(const struct curve *curve, double from, double to);

/* Where p is `level`, between two times between which p goes in one direction (+-1) and |p'''| <= third; *place is where to
 * begin, and the result. Within 0.001 ticks, but at a turn, where the speed is 0: within what rounding leaves. */
void curve_solve(const struct curve *curve, const double between[2], double third, double level, int direction,
                 struct curve_place *place);
#endif
