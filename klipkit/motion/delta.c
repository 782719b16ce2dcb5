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
    double t, x, y, z, vx, vy, vz, height2, height, inverse, p, v; /* inverse: 1 / height */
};

/* What the height costs, kept for the phase that begins where this one ends: mm. */
enum { X, Y, ARM, HEIGHT2, HEIGHT, INVERSE };

/* A place is the known one when it is no further off than rounding. */
static const double SAME = 1e-11;

static inline void move_to(const struct kinematics *kinematics, const struct phase *phase, double t, struct end *end)
{
    const double *at = phase->position, *v = phase->velocity, *a = phase->accel;
    end->t = t;
    end->vx = v[0] + a[0] * t;
    end->vy = v[1] + a[1] * t;
    end->vz = v[2] + a[2] * t;
    end->x = at[0] + 0.5 * t * (v[0] + end->vx) - kinematics->tower[0];
    end->y = at[1] + 0.5 * t * (v[1] + end->vy) - kinematics->tower[1];
    end->z = at[2] + 0.5 * t * (v[2] + end->vz);
}

static inline void set_height(double arm, struct end *end)
{
    end->height2 = arm * arm - end->x * end->x - end->y * end->y;
    end->height = sqrt(end->height2);
    end->inverse = 1 / end->height;
}

static inline void set_motion(struct end *end)
{
    end->p = end->z + end->height;
    end->v = end->vz - (end->x * end->vx + end->y * end->vy) * end->inverse;
}

/* The ends of a phase; the first one where the phase before it ended. */
static inline void find_ends(const struct kinematics *kinematics, const struct phase *phase, double known[6], struct end ends[2])
{
    struct end *begin = &ends[0], *end = &ends[1];
    move_to(kinematics, phase, phase->from, begin);
    if (fabs(begin->x - known[X]) + fabs(begin->y - known[Y]) < SAME && kinematics->arm == known[ARM]) {
        begin->height2 = known[HEIGHT2];
        begin->height = known[HEIGHT];
        begin->inverse = known[INVERSE];
    } else {
        set_height(kinematics->arm, begin);
    }
    set_motion(begin);
    move_to(kinematics, phase, phase->to, end);
    set_height(kinematics->arm, end);
    set_motion(end);
    known[X] = end->x;
    known[Y] = end->y;
    known[ARM] = kinematics->arm;
    known[HEIGHT2] = end->height2;
    known[HEIGHT] = end->height;
    known[INVERSE] = end->inverse;
}

static double accel_of(const struct phase *phase, const struct end *end)
{
    double speed = end->v - end->vz; /* of the height */
    double square = end->vx * end->vx + end->vy * end->vy + end->x * phase->accel[0] + end->y * phase->accel[1];
    return phase->accel[2] - (square + speed * speed) * end->inverse;
}

/* The length of a vector or up to 9 % more: it is greatest where the lesser part is sqrt(2) - 1 of the greater one. */
static double length_most(double x, double y)
{
    double a = fabs(x), b = fabs(y);
    return order_greater(a, b) + 0.41421357 * order_lesser(a, b);
}

/* A bound of the height's third derivative (see arm_third in curve.c); HUGE_VAL when the height changes much. The speed is greatest at an
 * end. height^2 is below its chord by at most w^2 / 8 times its second derivative, which is no more than twice the way to the
 * tower times the acceleration, and that way no further than w^2 / 8 times the acceleration from its chord. */
static double third_of(const struct phase *phase, const struct end *a, const struct end *b)
{
    double w = phase->to - phase->from, accel = length_most(phase->accel[0], phase->accel[1]);
    double v = order_greater(length_most(a->vx, a->vy), length_most(b->vx, b->vy));
    double height2 = order_lesser(a->height2, b->height2), bulge = accel * w * w;
    double reach = order_greater(length_most(a->x, a->y), length_most(b->x, b->y)) + 0.125 * bulge;
    if (!(bulge * reach < 0.25 * height2))
        return HUGE_VAL;
    double r = LOWER * order_greater(a->inverse, b->inverse), h1 = reach * v * r;
    double h2 = (v * v + reach * accel + h1 * h1) * r;
    return 3 * (v * accel + h1 * h2) * r;
}

static int append(const struct kinematics *kinematics, const struct phase *phase, const struct step_scale *scale,
                  struct segments *segments)
{
    double per_mm = scale->per_mm, arm = kinematics->arm * per_mm, z[3];
    struct end ends[2];
    const struct end *begin = &ends[0], *end = &ends[1];
    if (arm <= 0)
        return -ERANGE;
    find_ends(kinematics, phase, segments->known, ends);
    struct stretch stretch = {
        .time = phase->time + phase->from,
        .ticks = phase->to - phase->from,
        .p = {(begin->p - scale->mm) * per_mm, (end->p - scale->mm) * per_mm},
        .v = {begin->v * per_mm, end->v * per_mm},
        .third = third_of(phase, begin, end) * per_mm,
    };
    int error = segments_append_stretch(segments, &stretch);
    if (error <= 0)
        return error;
    struct curve curve = {.from = phase->from, .to = phase->to, .arm2 = arm * arm};
    in_steps(phase, 0, kinematics->tower[0], per_mm, curve.x);
    in_steps(phase, 1, kinematics->tower[1], per_mm, curve.y);
    in_steps(phase, 2, scale->mm, per_mm, z);
    z[2] *= 0.5;
    memcpy(curve.polynomial, z, sizeof(z));
    const struct curve_point points[2] = {
        {stretch.p[0], stretch.v[0], accel_of(phase, begin) * per_mm},
        {stretch.p[1], stretch.v[1], accel_of(phase, end) * per_mm},
    };
    return segments_append_curve(segments, phase->time, &curve, stretch.third, points);
}

/* Tower x and y, arm. */
static int set(struct kinematics *kinematics, const double *numbers, int count)
{
    if (count != 3 || numbers[2] <= 0)
        return -EINVAL;
    memcpy(kinematics->tower, numbers, sizeof(kinematics->tower));
    kinematics->arm = numbers[2];
    return 0;
}

const struct kinematics kinematics_delta = {
    .name = "delta", .weights = {1, 1, 1}, .coordinate = coordinate, .append = append, .set = set};
