/* Kinematics whose coordinate is any smooth function of the toolhead's place: they give its derivatives, and a bound.
 *
 * On the way the toolhead has the acceleration of its phase, and no jerk, so with f the coordinate of a place, p(t) = f(place(t)) has
 * derivatives that `jet` gives in closed form; `third` bounds |p'''| between two states from the speed and the acceleration there
 * (both greatest at an end) and how near the way comes to where f is not smooth. Units: of the coordinate (mm or radians), ticks.
 */
#ifndef KLIPKIT_MOTION_INNER_BENT_H
#define KLIPKIT_MOTION_INNER_BENT_H
#include "klipkit/motion/inner/kinematics.h"

/* Coordinate and append of such kinematics; as those of linear ones. -ERANGE also: the way leads where the toolhead cannot be. */
double bent_coordinate(const struct kinematics *kinematics, const double position[3]);
int bent_append(const struct kinematics *kinematics, const struct phase *phase, const struct step_scale *scale,
                struct segments *segments);

/* The toolhead at the local time t of a phase. */
void bent_state(const struct phase *phase, double t, struct state *state);

/* The greatest speed and acceleration of axes 0 .. axes - 1 between two states. */
double bent_speed(const struct state ends[2], int axes);
double bent_accel(const struct state *state, int axes);

/* How near the way between two states, so many ticks apart, comes to `to` at least, by those axes; may be negative. */
double bent_distance(const struct state ends[2], double ticks, const double to[3], int axes);

/* The jet of the distance of a state from a place, and a bound of its third derivative. */
void bent_distance_jet(const struct state *state, const double to[3], int axes, struct jet *jet);
double bent_distance_third(const struct state ends[2], double ticks, const double to[3], int axes);
#endif
