/* G-code's moves in the machine's terms (see moves.h). */
#include "klipkit/machine/moves.h"

#include <math.h>
#include <string.h>

#include "klipkit/machine/bounds.h"
#include "klipkit/motion/lookahead.h"

enum { F = 4 };
static const double LENGTH_LEAST = 1e-9; /* mm: with less only filament moves, as in the look-ahead */
static const double MINUTE = 60, FEED = 25 * 60; /* s; mm/min at first */

void moves_begin(struct moves *moves, struct lookahead *lookahead, const struct bounds *bounds,
                 const struct moves_extruder *extruder)
{
    *moves = (struct moves){.feed = FEED, .speed_factor = 1, .extrude_factor = 1};
    moves->lookahead = lookahead;
    moves->bounds = bounds;
    moves->extruder = extruder;
}

int moves_set_limits(struct moves *moves, const struct lookahead_limits *limits)
{
    int error = lookahead_set_limits(moves->lookahead, limits);
    if (!error)
        moves->limits = *limits;
    return error;
}

int moves_set_accel(struct moves *moves, double accel)
{
    struct lookahead_limits limits = moves->limits;
    limits.accel = accel;
    return moves_set_limits(moves, &limits);
}

/* The limits of a move that pushes or pulls filament: those of filament alone hold also when it is pulled on the way. */
static int check_filament(struct moves *moves, const double start[4], const double end[4], double length, double *velocity,
                          double *accel)
{
    const struct moves_extruder *extruder = moves->extruder;
    double filament = end[MOVES_E] - start[MOVES_E];
    int flat = end[0] != start[0] || end[1] != start[1];
    moves->ratio = length > 0 ? filament / length : 0;
    if (!extruder->present)
        return MOVES_NO_EXTRUDER;
    if (extruder->is_cold)
        return MOVES_TOO_COLD;
    if (!flat || filament < 0) {
        if (fabs(filament) > extruder->length_most)
            return MOVES_TOO_LONG;
        double slower = length > 0 ? length / fabs(filament) : 1;
        *velocity = fmin(*velocity, extruder->velocity_most * slower);
        *accel = fmin(*accel, extruder->accel_most * slower);
        return MOVES_FINE;
    }
    int is_tiny = filament <= extruder->nozzle * extruder->ratio_most;
    return moves->ratio > extruder->ratio_most && !is_tiny ? MOVES_TOO_THICK : MOVES_FINE;
}

static double length_of(const double from[4], const double to[4])
{
    double dx = to[0] - from[0], dy = to[1] - from[1], dz = to[2] - from[2];
    return sqrt(dx * dx + dy * dy + dz * dz);
}

/* A move of an object that is not to be printed. */
static int leave_out(struct moves *moves, const double end[4])
{
    moves->left_out += end[MOVES_E] - moves->position[MOVES_E];
    memcpy(moves->position, end, sizeof(moves->position));
    moves->is_apart = 1;
    return MOVES_FINE;
}

int moves_to(struct moves *moves, const double end[4], double velocity)
{
    double start[4], accel = HUGE_VAL;
    memcpy(start, moves->position, sizeof(start));
    memcpy(moves->wanted, end, sizeof(moves->wanted));
    if (!isfinite(end[0] + end[1] + end[2] + end[MOVES_E]))
        return MOVES_NOT_FINITE;
    if (moves->is_left_out)
        return leave_out(moves, end);
    if (moves->is_apart)
        lookahead_position(moves->lookahead, start);
    double filament = end[MOVES_E] - start[MOVES_E], length = length_of(start, end);
    if (length >= LENGTH_LEAST) {
        velocity = fmin(velocity, moves->limits.velocity);
        accel = moves->limits.accel;
    }
    int found = bounds_check(moves->bounds, start, end, &velocity, &accel);
    if (found != BOUNDS_FINE)
        return found == BOUNDS_OUTSIDE ? MOVES_OUTSIDE : MOVES_UNKNOWN;
    if (filament != 0) {
        found = check_filament(moves, start, end, length, &velocity, &accel);
        if (found != MOVES_FINE)
            return found;
    }
    if (filament == 0 && length < LENGTH_LEAST)
        return MOVES_FINE;
    found = lookahead_extrude(moves->lookahead, end, filament, velocity, accel);
    if (found < 0)
        return found;
    memcpy(moves->position, end, sizeof(moves->position));
    moves->is_apart = 0;
    return MOVES_FINE;
}

int moves_end(struct moves *moves, uint32_t given, const double words[5], double end[4])
{
    memcpy(end, moves->position, MOVES_AXES * sizeof(*end));
    if (given >> F & 1) {
        if (!(words[F] > 0))
            return MOVES_NO_SPEED;
        moves->feed = words[F];
    }
    for (int axis = 0; axis < 3; axis++)
        if (given >> axis & 1)
            end[axis] = words[axis] + (moves->is_relative ? end[axis] : moves->origin[axis]);
    if (given >> MOVES_E & 1) {
        int is_relative = moves->is_relative || moves->is_relative_e;
        end[MOVES_E] = words[MOVES_E] * moves->extrude_factor + (is_relative ? end[MOVES_E] : moves->origin[MOVES_E]);
    }
    return MOVES_FINE;
}

int moves_line(struct moves *moves, uint32_t given, const double words[5])
{
    double end[4];
    int found = moves_end(moves, given, words, end);
    if (found != MOVES_FINE || (given & 15) == 0)
        return found;
    return moves_to(moves, end, moves->feed * moves->speed_factor / MINUTE);
}

void moves_set_origin(struct moves *moves, uint32_t given, const double words[4])
{
    for (int axis = 0; axis < MOVES_AXES; axis++) {
        double factor = axis == MOVES_E ? moves->extrude_factor : 1;
        if ((given & 15) == 0 || given >> axis & 1)
            moves->origin[axis] = moves->position[axis] - ((given >> axis & 1) ? words[axis] * factor : 0);
    }
}

void moves_set_speed_factor(struct moves *moves, double factor)
{
    moves->speed_factor = factor;
}

void moves_set_extrude_factor(struct moves *moves, double factor)
{
    double said = (moves->position[MOVES_E] - moves->origin[MOVES_E]) / moves->extrude_factor;
    moves->origin[MOVES_E] = moves->position[MOVES_E] - said * factor;
    moves->extrude_factor = factor;
}

void moves_set_offset(struct moves *moves, int axis, double offset)
{
    moves->origin[axis] += offset - moves->offset[axis];
    moves->offset[axis] = offset;
}

void moves_take_position(struct moves *moves)
{
    lookahead_position(moves->lookahead, moves->position);
    moves->position[MOVES_E] = lookahead_filament(moves->lookahead) + moves->left_out;
    moves->is_apart = 0;
}
