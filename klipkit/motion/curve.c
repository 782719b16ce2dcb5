/* Evaluates curves and finds where they reach a level (see inner/curve.h). */
#include "klipkit/motion/inner/curve.h"

#include <math.h>

#include "klipkit/motion/inner/order.h"

enum { ROUNDS = 100 };
static const double CLOSE = 1e-3;   /* ticks */

static void add_arm(const struct curve *curve, double t, struct curve_point *point)
{
    const double *x = curve->x, *y = curve->y;
    double px = x[0] + t * (x[1] + 0.5 * x[2] * t), vx = x[1] + x[2] * t;
    double py = y[0] + t * (y[1] + 0.5 * y[2] * t), vy = y[1] + y[2] * t;
    double height = sqrt(curve->arm2 - px * px - py * py), r = 1 / height, speed = -(px * vx + py * vy) * r;
    point->p += height;
    point->v += speed;
    point->a -= (vx * vx + vy * vy + px * x[2] + py * y[2] + speed * speed) * r;
}

void curve_at(const struct curve *curve, double t, struct curve_point *point)
{
    if (curve->form) {
        curve->form->at(curve, t, point);
        return;
    }
    const double *c = curve->polynomial;
    point->p = c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * c[4])));
    point->v = c[1] + t * (2 * c[2] + t * (3 * c[3] + t * 4 * c[4]));
    point->a = 2 * c[2] + t * (6 * c[3] + t * 12 * c[4]);
    if (curve->arm2 > 0)
        add_arm(curve, t, point);
}

/* The greatest |position| and |velocity| of a quadratic between two times. */
static void extent(const double of[3], double from, double to, double *position, double *velocity)
{
    double w = to - from, a = of[0] + from * (of[1] + 0.5 * of[2] * from), b = of[0] + to * (of[1] + 0.5 * of[2] * to);
    *position = order_greater(fabs(a), fabs(b)) + 0.125 * fabs(of[2]) * w * w;
    *velocity = order_greater(fabs(of[1] + of[2] * from), fabs(of[1] + of[2] * to));
}

static double length(double x, double y)
{
    return sqrt(x * x + y * y);
}

/* With h^2 = arm^2 - r^2: h h' = -r.v, h'^2 + h h'' = -(v^2 + r.a), 3 h' h'' + h h''' = -3 v.a */
static double arm_third(const struct curve *curve, double from, double to)
{
    double px, py, vx, vy, accel = length(curve->x[2], curve->y[2]);
    extent(curve->x, from, to, &px, &vx);
    extent(curve->y, from, to, &py, &vy);
    double height2 = curve->arm2 - px * px - py * py;
    if (!(height2 > 0))
        return HUGE_VAL;
    double height = sqrt(height2), reach = length(px, py), v = length(vx, vy), h1 = reach * v / height;
    double h2 = (v * v + reach * accel + h1 * h1) / height;
    return 3 * (v * accel + h1 * h2) / height;
}

double curve_third(const struct curve *curve, double from, double to)
{
    if (curve->form)
        return curve->form->third(curve, from, to);
    const double *c = curve->polynomial;
    double third = order_greater(fabs(6 * c[3] + 24 * c[4] * from), fabs(6 * c[3] + 24 * c[4] * to));
    return curve->arm2 > 0 ? third + arm_third(curve, from, to) : third;
}

double curve_jerk(const struct curve *curve, double t)
{
    if (curve->form)
        return curve->form->jerk(curve, t);
    const double *c = curve->polynomial, *x = curve->x, *y = curve->y;
    double jerk = 6 * c[3] + 24 * c[4] * t;
    if (!(curve->arm2 > 0))
        return jerk;
    struct curve arm = {.arm2 = curve->arm2, .x = {x[0], x[1], x[2]}, .y = {y[0], y[1], y[2]}};
    struct curve_point point;
    curve_at(&arm, t, &point);
    return jerk - 3 * ((x[1] + x[2] * t) * x[2] + (y[1] + y[2] * t) * y[2] + point.v * point.a) / point.p;
}

/* From a point to where the parabola there has its zero; HUGE_VAL: nowhere on this side of a turn. */
static double parabola_step(double f, double v, double a)
{
    double root = v * v - 2 * a * f;
    return v > 0 && root >= 0 ? -2 * f / (v + sqrt(root)) : HUGE_VAL;
}

void curve_solve(const struct curve *curve, const double between[2], double third, double level, int direction,
                 struct curve_place *place)
{
    double low = between[0], high = between[1], t = order_greater(low, order_lesser(high, place->t));
    struct curve_point *point = &place->at;
    for (int round = 0; round < ROUNDS; round++) {
        curve_at(curve, t, point);
        double f = (point->p - level) * direction, v = point->v * direction, a = point->a * direction;
        if (f > 0)
            high = t;
        else
            low = t;
        double step = parabola_step(f, v, a), cube = fabs(step * step * step);
        int close = third * cube < 6 * CLOSE * (v + a * step);
        if (close || high - low < CLOSE) {
            step = close ? step : 0.5 * (low + high) - t;
            t = order_greater(between[0], order_lesser(between[1], t + step));
            point->v += point->a * step;
            break;
        }
        t = t + step > low && t + step < high ? t + step : 0.5 * (low + high);
    }
    place->t = t;
}
