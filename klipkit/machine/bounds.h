/* What the kinematics allow of a move: where it may go, and how fast.
 *
 * A box (cartesian, corexy) has a reach on each axis; a delta a radius, which tapers where the towers end, and slows down
 * where a tower moves much faster than the toolhead. Formulas: Klipper's Kinematics.md, "Delta kinematics". A deltesian is a box
 * whose carriages keep below their endstops, and slows down as a delta; a polar machine has a ring. Units: mm, s, rad.
 */
#ifndef KLIPKIT_MACHINE_BOUNDS_H
#define KLIPKIT_MACHINE_BOUNDS_H

enum { BOUNDS_NONE, BOUNDS_BOX, BOUNDS_DELTA, BOUNDS_DELTESIAN, BOUNDS_POLAR };
enum { BOUNDS_FINE, BOUNDS_OUTSIDE, BOUNDS_UNKNOWN };  /* where a move goes; unknown: it needs an axis that is not homed */

/* Of a deltesian: where it is, its arm, the height of its carriage at the endstop. */
struct bounds_tower {
    double x, arm, top;
};

struct bounds {
    int kind;
    int known[3];                   /* axes whose position is known */
    double low[3], high[3];         /* the reach; of a delta: z only */
    double z_velocity, z_accel;     /* limits of the z part; if is_z_whole: of all of a move that changes z */
    int is_z_whole;
    double taper, slope;            /* of a delta: the z above which its radius shrinks, by so much for each mm */
    double slow, slower, radius;    /* of a delta: beyond these half, a quarter of the next two; out of reach */
    double velocity, accel;
    double slow_x[2], slower_x[2];  /* of a deltesian, as of a delta: below the first x or above the second */
    struct bounds_tower towers[2];
    double inner;                   /* of a polar machine: no nearer to the middle than this, no farther than radius */
    double angular_velocity;        /* of its bed, rad/s; 0: any */
};

/* Where a move from `start` to `end` goes. When it is fine, *velocity and *accel, the limits so far, are lowered. */
int bounds_check(const struct bounds *bounds, const double start[3], const double end[3], double *velocity, double *accel);
#endif
