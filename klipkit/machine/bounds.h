/* What the kinematics allow of a move: where it may go, and how fast.
 *
 * A box (cartesian, corexy) has a reach on each axis; a delta a radius, which tapers where the towers end, and slows down
 * where a tower moves much faster than the toolhead. Formulas: Klipper's Kinematics.md, "Delta kinematics". Units: mm, s.
 */
#ifndef KLIPKIT_MACHINE_BOUNDS_H
#define KLIPKIT_MACHINE_BOUNDS_H

enum { BOUNDS_NONE, BOUNDS_BOX, BOUNDS_DELTA };
enum { BOUNDS_FINE, BOUNDS_OUTSIDE, BOUNDS_UNKNOWN };  /* where a move goes; unknown: it needs an axis that is not homed */

struct bounds {
    int kind;
    int known[3];                   /* axes whose position is known */
    double low[3], high[3];         /* the reach; of a delta: z only */
    double z_velocity, z_accel;     /* limits of the z part */
    double taper;                   /* of a delta: the z above which its radius shrinks by as much as z rises */
    double slow, slower, radius;    /* of a delta: beyond these half, a quarter of the next two; out of reach */
    double velocity, accel;
};

/* Where a move from `start` to `end` goes. When it is fine, *velocity and *accel, the limits so far, are lowered. */
int bounds_check(const struct bounds *bounds, const double start[3], const double end[3], double *velocity, double *accel);
#endif
