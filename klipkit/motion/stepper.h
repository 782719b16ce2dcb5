/* One stepper on a trapezoid queue: the exact times of its steps, packed into runs.
 *
 * A stepper at a whole step n steps when its true position crosses n +- 1/2. Every step given is within +-min(max error, half
 * the interval to the nearer neighbour) of that crossing, in strict order, and the count is exact; crossings closer to
 * each other than a tick come a tick apart. A step there and back within 750 us that did not reach the full step is none. The
 * work goes with the runs, not with the steps. Not thread-safe.
 *
 *     trapq --> phases (constant acceleration) --> input shaper or pressure advance --> kinematics --> segments (one direction) --> fit --> runs
 */
#ifndef KLIPKIT_MOTION_STEPPER_H
#define KLIPKIT_MOTION_STEPPER_H
#include <stdint.h>

struct shaper;
struct step_run;
struct stepper;
struct trapq;

/* The names of the kinematics: "cartesian_x" ...; NULL after the last. */
const char *stepper_kinematics(int number);

/* A stepper that reads `trapq` (borrowed) from its next move on; `step_distance`: mm a step, > 0. It stands at 0 mm = step 0.
 * NULL: no such kinematics, a bad distance, no memory. */
struct stepper *stepper_new(const struct trapq *trapq, const char *kinematics, double step_distance);
void stepper_free(struct stepper *stepper);

/* How far a step may be from its true time, s; 25e-6 at first. -EINVAL unless > 0 and finite. */
int stepper_set_max_error(struct stepper *stepper, double seconds);

/* The MCU's clock from where the steps have been generated to: `clock` at `print_time`, `frequency` ticks a second. The caller
 * keeps it continuous. -EINVAL: a number that is not finite, or a frequency that is not > 0. */
int stepper_set_clock(struct stepper *stepper, double print_time, uint64_t clock, double frequency);

/* The next run's interval counts from `clock` (as after reset_step_clock). */
void stepper_set_last_clock(struct stepper *stepper, uint64_t clock);

/* What a kinematics has of its own, as its file says ("linear": the weights of x, y, z; "delta": where the tower is and the arm's length,
 * mm, the coordinate being the carriage's height over z = 0). -EINVAL: it has none, or not so many, or they are out of their range;
 * -EBUSY while steps are kept back. A position must then be set. */
int stepper_set_geometry(struct stepper *stepper, const double *numbers, int count);

/* Shape the motion of an axis (0: x, 1: y) from now on; NULL or a shaper of no impulses: no longer. -EBUSY while something moves
 * under the impulses of the old one; -EINVAL: no such axis, or an extruder that is smoothed. */
int stepper_set_shaper(struct stepper *stepper, int axis, const struct shaper *shaper);

/* An extruder's motion is smoothed over this time, s, and pressure advance acts: it follows the filament's position plus the
 * advance of each move times the filament's speed, averaged with the weights of a triangle this wide. 0, as at first: neither.
 * -EBUSY while something moves within the old time; -EINVAL: no extruder, or less than 0. */
int stepper_set_smooth_time(struct stepper *stepper, double seconds);

/* Read what the queue does together with another stepper, for less work; each may have its own clock. Both are asked for the same
 * `until` from then on. 1: they do; 0: not now, as they are not of the same queue, axes and shapers, or not at rest. Ends when one of
 * them is given other shapers or geometry, is discarded, or fails. */
int stepper_share(struct stepper *stepper, struct stepper *with);

/* How much later than `until` the trapezoid queue must be final for the steps there, and that long after the end of a move
 * the stepper may still step, s. */
double stepper_delay(const struct stepper *stepper);

/* The stepper's own coordinate, mm, when the toolhead is at `position`. */
double stepper_coordinate(const struct stepper *stepper, const double position[3]);

/* The whole step `steps` is at coordinate `mm`, and there the stepper stands. -EBUSY while steps are kept back or not yet made;
 * -EINVAL when `mm` is not finite. */
int stepper_set_position(struct stepper *stepper, double mm, int64_t steps);

/* Homing was stopped: steps that were not given are never made, what is in the trapezoid queue now is not looked at any more,
 * and the next run's interval counts from `clock`. A position must be set (stepper_set_position) before the next move. */
void stepper_discard(struct stepper *stepper, uint64_t clock);

/* The coordinate of the last stepper_set_position, mm; 0 before. */
double stepper_place(const struct stepper *stepper);

/* Steps given so far, in the direction of the position: the whole step that the stepper will be at. */
int64_t stepper_position(const struct stepper *stepper);

/* Make the runs of all steps due up to the print time `due`, and those runs until `until` >= due that no later move can make
 * longer. The trapezoid queue must be final up to `until`, which never goes back. The last 750 us + 3 x max error
 * + stepper_delay before `until` wait for the next call. Gives the number of runs, which stand in stepper_runs until the next call; -EINVAL:
 * no clock was set, or `until` is not finite; -ERANGE: the toolhead's position jumped by more than half a step; -ENOMEM.
 * After -ERANGE and -ENOMEM nothing is given, what was read is dropped, and the stepper must be set to a position. */
int64_t stepper_generate(struct stepper *stepper, double until, double due);
const struct step_run *stepper_runs(const struct stepper *stepper);
#endif
