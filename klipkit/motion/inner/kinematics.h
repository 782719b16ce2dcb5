/* Kinematics: how one stepper follows the toolhead. One file each, and one line in the list of kinematics.c. */
#ifndef KLIPKIT_MOTION_INNER_KINEMATICS_H
#define KLIPKIT_MOTION_INNER_KINEMATICS_H
#include <stdint.h>

#include "klipkit/motion/inner/segment.h"

/* Motion of the toolhead under constant acceleration on each axis, while from <= t <= to:
 * position + velocity t + accel t^2 / 2. Times in ticks from the base of the segments; mm, mm/tick, mm/tick^2. */
struct phase {
    double time, from, to;
    double position[3], velocity[3], accel[3];
};

/* The stepper's coordinate `mm` is step 0 of the segments; `per_mm`: steps. */
struct step_scale {
    double mm, per_mm;
};

enum { KINEMATICS_NUMBERS_MOST = 5 };

/* The toolhead at a time of a phase. */
struct state {
    double position[3], velocity[3], accel[3];
};

/* A coordinate and its derivatives by time; NaN where the toolhead cannot be. */
struct jet {
    double p, v, a, jerk;
};

struct kinematics {
    const char *name;
    double weights[3];      /* of x, y, z in the coordinate, where it is linear; else 0 for what it does not follow */
    double (*coordinate)(const struct kinematics *kinematics, const double position[3]);
    int (*append)(const struct kinematics *kinematics, const struct phase *phase, const struct step_scale *scale,
                  struct segments *segments);
    double tower[2], arm;   /* of a delta: where the tower is, mm; the arm's length */
    int (*set)(struct kinematics *kinematics, const double *numbers, int count); /* what is below; -EINVAL; NULL: nothing */
    double geometry[KINEMATICS_NUMBERS_MOST];
    /* Of those whose append is bent_append, see inner/bent.h. */
    void (*jet)(const struct kinematics *kinematics, const struct state *state, struct jet *jet);
    double (*third)(const struct kinematics *kinematics, const struct state ends[2], double ticks);
    double turn;            /* after so much the coordinate is the same again; 0: never */
};

/* By number, from 0; NULL after the last. */
const struct kinematics *kinematics_get(int number);

/* Coordinate and append of those that are linear; append gives what segments_append gives. */
double kinematics_linear_coordinate(const struct kinematics *kinematics, const double position[3]);
int kinematics_linear_append(const struct kinematics *kinematics, const struct phase *phase,
                             const struct step_scale *scale, struct segments *segments);

extern const struct kinematics kinematics_cartesian_x, kinematics_cartesian_y, kinematics_cartesian_z;
extern const struct kinematics kinematics_corexy_x, kinematics_corexy_y;
extern const struct kinematics kinematics_delta, kinematics_extruder, kinematics_linear;
extern const struct kinematics kinematics_deltesian, kinematics_polar_arm, kinematics_polar_bed, kinematics_rotary_delta;
extern const struct kinematics kinematics_winch;
#endif
