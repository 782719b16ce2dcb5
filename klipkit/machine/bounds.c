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

/* The z part of the move keeps to its own limits. */
static void lower_for_z(const struct bounds *bounds, const double start[3], const double end[3], double *velocity,
                        double *accel)
{
    double dx = end[X] - start[X], dy = end[Y] - start[Y], dz = fabs(end[Z] - start[Z]);
    if (dz < LENGTH_LEAST)
        return;
    double share = sqrt(dx * dx + dy * dy + dz * dz) / dz;
    lower(velocity, accel, bounds->z_velocity * share, bounds->z_accel * share);
}

static int check_box(const struct bounds *bounds, const double start[3], const double end[3])
{
    for (int axis = 0; axis < 3; axis++) {
        if (end[axis] == start[axis])
            continue;
        if (!bounds->known[axis])
            return BOUNDS_UNKNOWN;
        if (end[axis] < bounds->low[axis] || end[axis] > bounds->high[axis])
            return BOUNDS_OUTSIDE;
    }
    return BOUNDS_FINE;
}

/* The farther from the middle, the faster a tower moves. */
static int check_delta(const struct bounds *bounds, const double start[3], const double end[3], double *velocity,
                       double *accel)
{
    if (!bounds->known[Z])
        return BOUNDS_UNKNOWN;
    double most = bounds->radius, at = hypot(end[X], end[Y]), farther = fmax(at, hypot(start[X], start[Y]));
    if (end[Z] > bounds->taper)
        most = fmin(most, bounds->high[Z] - end[Z]);
    if (at > most || end[Z] < bounds->low[Z] || end[Z] > bounds->high[Z])
        return BOUNDS_OUTSIDE;
    if (farther > bounds->slow) {
        double share = farther > bounds->slower ? 0.25 : 0.5;
        lower(velocity, accel, bounds->velocity * share, bounds->accel * share);
    }
    return BOUNDS_FINE;
}

int bounds_check(const struct bounds *bounds, const double start[3], const double end[3], double *velocity, double *accel)
{
    int found = BOUNDS_FINE;
    int stays = end[X] == start[X] && end[Y] == start[Y] && end[Z] == start[Z]; /* only filament moves */
    if (bounds->kind == BOUNDS_NONE || stays)
        return found;
    found = bounds->kind == BOUNDS_BOX ? check_box(bounds, start, end) : check_delta(bounds, start, end, velocity, accel);
    if (found == BOUNDS_FINE)
        lower_for_z(bounds, start, end, velocity, accel);
    return found;
}
