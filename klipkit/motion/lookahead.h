/* The look-ahead: joins moves at the highest speeds that the limits allow, and writes them to a trapezoid queue.
 *
 * Rules and words are those of Klipper's Kinematics.md: junction deviation from the square corner velocity, minimum cruise
 * ratio. A move is committed to the trapezoid queue once no later move can change it; lookahead_flush commits all, to
 * standstill. The position is where the last appended move ends. Units: mm, s, mm/s, mm/s^2. Not thread-safe.
 */
#ifndef KLIPKIT_MOTION_LOOKAHEAD_H
#define KLIPKIT_MOTION_LOOKAHEAD_H
#include <stddef.h>
#include <stdint.h>

struct lookahead;
struct trapq;

/* Limits of moves that are appended from now on. */
struct lookahead_limits {
    double velocity, accel;         /* > 0 */
    double square_corner_velocity;  /* >= 0; speed of a 90 degree corner */
    double minimum_cruise_ratio;    /* 0 .. below 1 */
};

/* A look-ahead that writes to `trapq` (borrowed) and stands at 0, 0, 0; limits must be set first. NULL: no memory. */
struct lookahead *lookahead_new(struct trapq *trapq);
void lookahead_free(struct lookahead *lookahead);

/* -EINVAL when a limit is out of its range. */
int lookahead_set_limits(struct lookahead *lookahead, const struct lookahead_limits *limits);

/* The position from which the next move goes; -EBUSY when moves are waiting. Does not touch the trapezoid queue. */
int lookahead_set_position(struct lookahead *lookahead, const double position[3]);
void lookahead_position(const struct lookahead *lookahead, double position[3]);

/* A move that begins at standstill begins no sooner than this print time (start lead, dwell). */
void lookahead_set_start(struct lookahead *lookahead, double print_time);

/* Append a straight move to `end`, at no more than this velocity and acceleration (and those of the limits; what the
 * kinematics lower is lowered by the caller). A move shorter than 1e-9 mm is none. Commits what is final once moves of at
 * least 0.15 s (1 s after a standstill) have come. Gives the number of moves committed; -EINVAL: a number that is not
 * finite or not > 0, or no limits; -ENOMEM. */
int lookahead_append(struct lookahead *lookahead, const double end[3], double velocity, double accel);

/* Filament goes with the moves from now on: its motion is written to `trapq` (borrowed; NULL: no longer), in step with them,
 * as a line along its x from the position `filament`, mm. y of a move's direction there is the pressure advance, s (see
 * stepper_set_smooth_time). `corner_velocity`: by how much the filament's speed may jump from move to move, > 0.
 * -EBUSY when moves are waiting; -EINVAL. */
int lookahead_set_extruder(struct lookahead *lookahead, struct trapq *trapq, double filament, double corner_velocity);

/* Moves that are appended from now on come from this line of a file (trapq_move.line). */
void lookahead_set_line(struct lookahead *lookahead, uint64_t line);

/* Pressure advance of moves that are appended from now on and both extrude and move x or y, s. -EINVAL unless >= 0. */
int lookahead_set_pressure_advance(struct lookahead *lookahead, double seconds);

/* As lookahead_append, a move that pushes `filament` mm through the extruder, less than 0: pulls it back. When it goes nowhere
 * the filament alone moves, from and to standstill, at this velocity and acceleration whatever the limits.
 * -EINVAL also: filament without an extruder. */
int lookahead_extrude(struct lookahead *lookahead, const double end[3], double filament, double velocity, double accel);

/* The filament's position after the last appended move, mm. */
double lookahead_filament(const struct lookahead *lookahead);

/* The newest waiting move is left no faster than `velocity` (>= 0). Nothing happens when none waits. */
void lookahead_limit_junction(struct lookahead *lookahead, double velocity);

/* Something is to happen when the newest waiting move ends: 1, and lookahead_take_marks will tell when that is. 0 when none waits:
 * the moves so far end at lookahead_print_time. -ENOMEM. */
int lookahead_mark(struct lookahead *lookahead);

/* The times, s, of marks whose moves were committed (or discarded: then) since they were last taken, at most `room`, in the order in
 * which they were made. */
size_t lookahead_take_marks(struct lookahead *lookahead, double *times, size_t room);

/* Homing was stopped: moves that wait and those in the trapezoid queues are forgotten (steppers: stepper_discard), the next move
 * begins at `print_time` at the earliest; set the position anew. */
void lookahead_discard(struct lookahead *lookahead, double print_time);

/* Commit what is final; gives the number of moves committed, or what trapq_append gives. */
int lookahead_commit(struct lookahead *lookahead);

/* Commit all that waits, the last move to standstill. As lookahead_commit. */
int lookahead_flush(struct lookahead *lookahead);

/* When the last committed move ends, s. */
double lookahead_print_time(const struct lookahead *lookahead);

/* Moves that wait, and the least time they will take, s. */
size_t lookahead_waiting(const struct lookahead *lookahead);
double lookahead_waiting_time(const struct lookahead *lookahead);
#endif
