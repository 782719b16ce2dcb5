/* Where moves may go, and how fast (see bounds.h). */
#include "klipkit/machine/bounds.h"

#include <math.h>

enum { X, Y, Z };
static const double LENGTH_LEAST = 1e-9; /* mm: a shorter z part is none */

static void lower(double *velocity, double *accel, double most_velocity, double most_accel)
{
    *velocity = most_velocity < *velocity ? most_velocity : *velocity;
    *accel = most_accel < *accel ? most_accel : *accel;
}

/* The z part of the move, or all of it, keeps to its own limits. */
static void lower_for_z(const struct bounds *bounds, const double start[3], const double end[3], double *velocity,
                        double *accel)
{
    double dx = end[X] - start[X], dy = end[Y] - start[Y], dz = fabs(end[Z] - start[Z]);
    if (dz < LENGTH_LEAST)
        return;
    double share = bounds->is_z_whole ? 1 : sqrt(dx * dx + dy * dy + dz * dz) / dz;
    lower(velocity, accel, bounds->z_velocity * share, bounds->z_accel * share);
}

/* One axis of a box. */
static int check_axis(const struct bounds *bounds, const double start[3], const double end[3], int axis)
{
    if (end[axis] == start[axis])
        return BOUNDS_FINE;
    if (!bounds->known[axis])
        return BOUNDS_UNKNOWN;
    return end[axis] < bounds->low[axis] || end[axis] > bounds->high[axis] ? BOUNDS_OUTSIDE : BOUNDS_FINE;
}

static int check_box(const struct bounds *bounds, const double start[3], const double end[3], double *velocity,
                     double *accel)
{
    (void)velocity;
    (void)accel;
    int found = BOUNDS_FINE;
    for (int axis = 0; axis < 3 && found == BOUNDS_FINE; axis++)
        found = check_axis(bounds, start, end, axis);
    return found;
}

/* The farther from the middle, the faster a tower moves. */
static int check_delta(const struct bounds *bounds, const double start[3], const double end[3], double *velocity,
                       double *accel)
{
    if (!bounds->known[Z])
        return BOUNDS_UNKNOWN;
    double most = bounds->radius, at = hypot(end[X], end[Y]), farther = fmax(at, hypot(start[X], start[Y]));
    if (end[Z] > bounds->taper)
        most = fmin(most, (bounds->high[Z] - end[Z]) * bounds->slope);
    if (at > most || end[Z] < bounds->low[Z] || end[Z] > bounds->high[Z])
        return BOUNDS_OUTSIDE;
    if (farther > bounds->slow) {
        double share = farther > bounds->slower ? 0.25 : 0.5;
        lower(velocity, accel, bounds->velocity * share, bounds->accel * share);
    }
    return BOUNDS_FINE;
}

/* How high a deltesian's carriage comes on the way. Its height z + sqrt(arm^2 - x^2) rises and then falls on a line: it is highest
 * where the arm's slope x / sqrt(...) is that of the line, if that is on the way. */
static double highest(const struct bounds_tower *tower, const double start[3], const double end[3])
{
    double x0 = start[X] - tower->x, x1 = end[X] - tower->x, arm2 = tower->arm * tower->arm;
    double most = fmax(start[Z] + sqrt(arm2 - x0 * x0), end[Z] + sqrt(arm2 - x1 * x1));
    if (x0 == x1)
        return most;
    double slope = (end[Z] - start[Z]) / (x1 - x0), x = slope * tower->arm / sqrt(1 + slope * slope);
    if (x <= fmin(x0, x1) || x >= fmax(x0, x1))
        return most;
    return start[Z] + slope * (x - x0) + sqrt(arm2 - x * x);
}

static int is_beyond(const double between[2], double x)
{
    return x < between[0] || x > between[1];
}

static int check_deltesian(const struct bounds *bounds, const double start[3], const double end[3], double *velocity,
                           double *accel)
{
    int found = check_axis(bounds, start, end, Y), leans = end[X] != start[X] || end[Z] != start[Z];
    if (found != BOUNDS_FINE || !leans)
        return found;
    if (!bounds->known[X] || !bounds->known[Z])
        return BOUNDS_UNKNOWN;
    for (int axis = X; axis <= Z; axis += Z - X)
        if (end[axis] < bounds->low[axis] || end[axis] > bounds->high[axis])
            return BOUNDS_OUTSIDE;
    for (int i = 0; i < 2; i++)
        if (highest(&bounds->towers[i], start, end) > bounds->towers[i].top + LENGTH_LEAST)
            return BOUNDS_OUTSIDE;
    int is_slower = is_beyond(bounds->slower_x, start[X]) || is_beyond(bounds->slower_x, end[X]);
    if (end[X] != start[X] && (is_slower || is_beyond(bounds->slow_x, start[X]) || is_beyond(bounds->slow_x, end[X]))) {
        double share = is_slower ? 0.25 : 0.5;
        lower(velocity, accel, bounds->velocity * share, bounds->accel * share);
    }
    return BOUNDS_FINE;
}

/* The bed's angle changes fastest where the way is nearest to the middle: by aside / nearest^2 for each mm of its part in x and y,
 * where the line passes the middle at the distance `aside`. A move that is slower for that is accelerated as much less. */
static int check_polar(const struct bounds *bounds, const double start[3], const double end[3], double *velocity,
                       double *accel)
{
    double dx = end[X] - start[X], dy = end[Y] - start[Y], flat = hypot(dx, dy);
    if (flat > 0) {
        if (!bounds->known[X] || !bounds->known[Y])
            return BOUNDS_UNKNOWN;
        double part = fmax(0, fmin(1, -(start[X] * dx + start[Y] * dy) / (flat * flat)));
        double nearest = hypot(start[X] + part * dx, start[Y] + part * dy);
        double aside = fabs(start[X] * dy - start[Y] * dx) / flat, length = hypot(flat, end[Z] - start[Z]);
        if (nearest < bounds->inner || hypot(end[X], end[Y]) > bounds->radius)
            return BOUNDS_OUTSIDE;
        double most = aside > 0 ? bounds->angular_velocity * nearest * nearest / aside * length / flat : HUGE_VAL;
        if (bounds->angular_velocity > 0 && most < *velocity)
            lower(velocity, accel, most, *accel * most / *velocity);
    }
    return check_axis(bounds, start, end, Z);
}

int bounds_check(const struct bounds *bounds, const double start[3], const double end[3], double *velocity, double *accel)
{
    static int (*const CHECKS[])(const struct bounds *, const double *, const double *, double *, double *) = {
        [BOUNDS_BOX] = check_box,
        [BOUNDS_DELTA] = check_delta,
        [BOUNDS_DELTESIAN] = check_deltesian,
        [BOUNDS_POLAR] = check_polar,
    };
    int stays = end[X] == start[X] && end[Y] == start[Y] && end[Z] == start[Z]; /* only filament moves */
    if (bounds->kind == BOUNDS_NONE || stays)
        return BOUNDS_FINE;
    int found = CHECKS[bounds->kind](bounds, start, end, velocity, accel);
    if (found == BOUNDS_FINE)
        lower_for_z(bounds, start, end, velocity, accel);
    return found;
}
