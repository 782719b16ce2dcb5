/* Linear delta kinematics: a carriage on a tower, an arm of fixed length from it to the toolhead.
 *
 *      carriage |\        height = z + sqrt(arm^2 - (x - tower x)^2 - (y - tower y)^2)
 *         tower | \ arm
 *               |  \_ toolhead
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "klipkit/motion/inner/kinematics.h"
#include "klipkit/motion/inner/order.h"

/* Between two ends the height is at least sqrt(15 / 16) of the lesser there, where third_of goes on. */
static const double LOWER = 1.033;

static double coordinate(const struct kinematics *kinematics, const double position[3])
{
    double x = position[0] - kinematics->tower[0], y = position[1] - kinematics->tower[1];
    return position[2] + sqrt(kinematics->arm * kinematics->arm - x * x - y * y);
}

/* The position, velocity and acceleration of an axis in steps, its position from `origin`. */
static void in_steps(const struct phase *phase, int axis, double origin, double per_mm, double out[3])
{
    out[0] = (phase->position[axis] - origin) * per_mm;
    out[1] = phase->velocity[axis] * per_mm;
    out[2] = phase->accel[axis] * per_mm;
}

/* One end of a part of a phase, from the tower: mm, ticks. */
struct end {
    double x, y, vx, vy, height2, inverse, p, v;    /* inverse: 1 / height */
};

static void end_at(const struct kinematics *kinematics, const struct phase *phase, double t, struct end *end)
{
    const double *at = phase->position, *v = phase->velocity, *a = phase->accel;
    end->x = at[0] + t * (v[0] + 0.5 * a[0] * t) - kinematics->tower[0];
    end->y = at[1] + t * (v[1] + 0.5 * a[1] * t) - kinematics->tower[1];
    end->vx = v[0] + a[0] * t;
    end->vy = v[1] + a[1] * t;
    end->height2 = kinematics->arm * kinematics->arm - end->x * end->x - end->y * end->y;
    double height = sqrt(end->height2);
    end->inverse = 1 / height;
    end->p = at[2] + t * (v[2] + 0.5 * a[2] * t) + height;
    end->v = v[2] + a[2] * t - (end->x * end->vx + end->y * end->vy) * end->inverse;
}

/* The sum of the greater |x| and the greater |y| of two points: at least as much as the length of either. */
static double reach_of(double x0, double y0, double x1, double y1)
{
    return order_greater(fabs(x0), fabs(x1)) + order_greater(fabs(y0), fabs(y1));
}

/* A bound of the height's third derivative (see arm_third in curve.c); HUGE_VAL when the height changes much. height^2 is below its
 * chord by w^2 / 8 times its second derivative at most, which is no more than twice the way to the tower times the acceleration. */
static double third_of(const struct phase *phase, const struct end *a, const struct end *b)
{
    double w = phase->to - phase->from, accel = fabs(phase->accel[0]) + fabs(phase->accel[1]);
    double reach = reach_of(a->x, a->y, b->x, b->y) + 0.125 * accel * w * w, v = reach_of(a->vx, a->vy, b->vx, b->vy);
    if (!(w * w * reach * accel < 0.25 * order_lesser(a->height2, b->height2)))
        return HUGE_VAL;
    double r = LOWER * order_greater(a->inverse, b->inverse), h1 = reach * v * r;
    double h2 = (v * v + reach * accel + h1 * h1) * r;
    return 3 * (v * accel + h1 * h2) * r;
}

/* The segments of a phase so short, or so straight up, that the height is a quadratic; 1: it is not. */
static int append_short(const struct kinematics *kinematics, const struct phase *phase, const struct step_scale *scale,
                        struct segments *segments)
{
    struct end begin, end;
    end_at(kinematics, phase, phase->from, &begin);
    end_at(kinematics, phase, phase->to, &end);
    double per_mm = scale->per_mm;
    struct stretch stretch = {
        .time = phase->time + phase->from,
        .ticks = phase->to - phase->from,
        .p = {(begin.p - scale->mm) * per_mm, (end.p - scale->mm) * per_mm},
        .v = {begin.v * per_mm, end.v * per_mm},
        .third = third_of(phase, &begin, &end) * per_mm,
    };
    return segments_append_stretch(segments, &stretch);
}

static int append(const struct kinematics *kinematics, const struct phase *phase, const struct step_scale *scale,
                  struct segments *segments)
{
    double arm = kinematics->arm * scale->per_mm, z[3];
    if (arm <= 0)
        return -ERANGE;
    int error = append_short(kinematics, phase, scale, segments);
    if (error <= 0)
        return error;
    struct curve curve = {.from = phase->from, .to = phase->to, .arm2 = arm * arm};
    in_steps(phase, 0, kinematics->tower[0], scale->per_mm, curve.x);
    in_steps(phase, 1, kinematics->tower[1], scale->per_mm, curve.y);
    in_steps(phase, 2, scale->mm, scale->per_mm, z);
    z[2] *= 0.5;
    memcpy(curve.polynomial, z, sizeof(z));
    return segments_append_curve(segments, phase->time, &curve);
}

const struct kinematics kinematics_delta = {"delta", {1, 1, 1}, coordinate, append, {0, 0}, 0};
