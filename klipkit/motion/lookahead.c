/* The look-ahead (see lookahead.h). All is done in squared velocities, v2: over a distance d they change by at most 2 d a.
 *
 *      v2 |        peak
 *         |    ____/\              each move: start limit known when it is appended (its corner); a walk backwards from
 *         |   /       \__          standstill finds how fast it may start, and which moves are peaks (can both speed up and
 *         |  /           \         slow down); a walk forwards gives their cruise speed to those that only slow down.
 *         +------------------
 *
 * The same is done twice, the second time "smoothed": with the lower acceleration a (1 - minimum cruise ratio). The smoothed
 * speeds only cap the peaks.
 */
#include "klipkit/motion/lookahead.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/motion/trapq.h"

/* Least time that waits before moves are committed, s: first after a standstill, and then. */
static const double COMMIT_FIRST = 1.0, COMMIT_NEXT = 0.15;
static const double LENGTH_LEAST = 1e-9; /* mm */
static const double FOLLOWS = -1;        /* cruise_v2 of a move that only slows down, until the walk forwards */

struct waiting {
    double start[3], direction[3], length, accel, time_least;
    double deviation;                   /* junction deviation, mm */
    double delta_v2, smooth_delta_v2;   /* changes of v2 over the move */
    double cruise_v2_most, start_v2_most, smooth_start_v2_most, junction_v2_most;
    double start_v2, cruise_v2, end_v2; /* the plan */
    double filament, ratio, advance;    /* where it begins, mm; mm a mm of the move; pressure advance, s */
    uint64_t line;
    uint32_t marks;                     /* things that happen when it ends */
    int in_place;                       /* filament only: its length is the move's */
};

struct lookahead {
    struct trapq *trapq, *extruder;     /* extruder: NULL for none */
    struct lookahead_limits limits;
    double filament, filament_corner, advance;
    uint64_t line;
    double position[3], print_time, start_time, commit_after;
    struct waiting *moves;
    size_t count, room;
    double *marked;                     /* when marks happen; there is room for all that were made */
    size_t marked_count, marked_room, marks;  /* marks: made and not yet taken */
};

struct lookahead *lookahead_new(struct trapq *trapq)
{
    struct lookahead *lookahead = calloc(1, sizeof(*lookahead));
    if (!lookahead)
        return NULL;
    lookahead->trapq = trapq;
    lookahead->commit_after = COMMIT_FIRST;
    return lookahead;
}

void lookahead_free(struct lookahead *lookahead)
{
    if (lookahead) {
        free(lookahead->moves);
        free(lookahead->marked);
    }
    free(lookahead);
}

int lookahead_set_limits(struct lookahead *lookahead, const struct lookahead_limits *limits)
{
    double sum = limits->velocity + limits->accel + limits->square_corner_velocity + limits->minimum_cruise_ratio;
    if (!isfinite(sum) || limits->velocity <= 0 || limits->accel <= 0 || limits->square_corner_velocity < 0 ||
        limits->minimum_cruise_ratio < 0 || limits->minimum_cruise_ratio >= 1)
        return -EINVAL;
    lookahead->limits = *limits;
    return 0;
}

int lookahead_set_position(struct lookahead *lookahead, const double position[3])
{
    if (lookahead->count)
        return -EBUSY;
    memcpy(lookahead->position, position, sizeof(lookahead->position));
    return 0;
}

void lookahead_position(const struct lookahead *lookahead, double position[3])
{
    memcpy(position, lookahead->position, sizeof(lookahead->position));
}

int lookahead_set_extruder(struct lookahead *lookahead, struct trapq *trapq, double filament, double corner_velocity)
{
    if (lookahead->count)
        return -EBUSY;
    if (!isfinite(filament + corner_velocity) || corner_velocity <= 0)
        return -EINVAL;
    lookahead->extruder = trapq;
    lookahead->filament = filament;
    lookahead->filament_corner = corner_velocity;
    return 0;
}

int lookahead_set_pressure_advance(struct lookahead *lookahead, double seconds)
{
    if (!isfinite(seconds) || seconds < 0)
        return -EINVAL;
    lookahead->advance = seconds;
    return 0;
}

void lookahead_set_line(struct lookahead *lookahead, uint64_t line)
{
    lookahead->line = line;
}

double lookahead_filament(const struct lookahead *lookahead)
{
    return lookahead->filament;
}

void lookahead_set_start(struct lookahead *lookahead, double print_time)
{
    lookahead->start_time = print_time;
}

void lookahead_limit_junction(struct lookahead *lookahead, double velocity)
{
    if (!lookahead->count)
        return;
    double *most = &lookahead->moves[lookahead->count - 1].junction_v2_most;
    *most = fmin(*most, velocity * velocity);
}

double lookahead_print_time(const struct lookahead *lookahead)
{
    return lookahead->print_time;
}

size_t lookahead_waiting(const struct lookahead *lookahead)
{
    return lookahead->count;
}

double lookahead_waiting_time(const struct lookahead *lookahead)
{
    double sum = 0;
    for (size_t i = 0; i < lookahead->count; i++)
        sum += lookahead->moves[i].time_least;
    return sum;
}

/* The greatest v2 at the corner from `before` to `move`: both may take it as an arc whose deviation is that of the square
 * corner velocity (Klipper Kinematics.md, "Look-ahead"), and the arc must fit in half of either move. */
static double corner_v2(const struct waiting *before, const struct waiting *move)
{
    double cosine = 0;
    for (int axis = 0; axis < 3; axis++)
        cosine -= before->direction[axis] * move->direction[axis];
    double half_sine = sqrt(fmax(0, (1 - cosine) / 2)), half_cosine = sqrt(fmax(0, (1 + cosine) / 2));
    if (1 - half_sine <= 0 || half_cosine <= 0)
        return INFINITY;
    double arc = half_sine / (1 - half_sine), fit = half_sine / (4 * half_cosine);
    double v2 = fmin(arc * move->deviation * move->accel, arc * before->deviation * before->accel);
    return fmin(v2, fit * fmin(move->delta_v2, before->delta_v2));
}

/* Start limits of `move`, which comes after `before`; filament that moves alone starts and ends at standstill. */
static void join(const struct lookahead *lookahead, const struct waiting *before, struct waiting *move)
{
    if (before->in_place || move->in_place)
        return;
    double v2 = fmin(before->cruise_v2_most, move->cruise_v2_most);
    v2 = fmin(v2, before->junction_v2_most);
    v2 = fmin(v2, before->start_v2_most + before->delta_v2);
    if (move->ratio != before->ratio) {
        double velocity = lookahead->filament_corner / (move->ratio - before->ratio);
        v2 = fmin(v2, velocity * velocity);
    }
    move->start_v2_most = fmin(v2, corner_v2(before, move));
    move->smooth_start_v2_most = fmin(move->start_v2_most, before->smooth_start_v2_most + before->smooth_delta_v2);
}

/* What a move pushes or pulls. */
static void describe_filament(const struct lookahead *lookahead, double filament, struct waiting *move)
{
    int flat = move->direction[0] != 0 || move->direction[1] != 0;
    move->filament = lookahead->filament;
    move->ratio = filament / move->length;
    move->advance = filament > 0 && flat ? lookahead->advance : 0;
}

/* Fills in a move from the present position; 0 when it has no length. */
static int describe(const struct lookahead *lookahead, const double end[3], double filament, double velocity, double accel,
                    struct waiting *move)
{
    const struct lookahead_limits *limits = &lookahead->limits;
    double square = 0, corner = limits->square_corner_velocity;
    for (int axis = 0; axis < 3; axis++) {
        move->start[axis] = lookahead->position[axis];
        move->direction[axis] = end[axis] - move->start[axis];
        square += move->direction[axis] * move->direction[axis];
    }
    move->length = sqrt(square);
    move->in_place = move->length < LENGTH_LEAST;
    if (move->in_place)
        move->length = fabs(filament);
    if (move->length < LENGTH_LEAST)
        return 0;
    for (int axis = 0; axis < 3; axis++)
        move->direction[axis] = move->in_place ? 0 : move->direction[axis] / move->length;
    velocity = move->in_place ? velocity : fmin(velocity, limits->velocity);
    move->accel = move->in_place ? accel : fmin(accel, limits->accel);
    move->time_least = move->length / velocity;
    move->deviation = corner * corner * (sqrt(2) - 1) / limits->accel;
    move->cruise_v2_most = velocity * velocity;
    move->delta_v2 = 2 * move->length * move->accel;
    move->smooth_delta_v2 =
        fmin(move->delta_v2, 2 * move->length * limits->accel * (1 - limits->minimum_cruise_ratio));
    move->junction_v2_most = INFINITY;
    describe_filament(lookahead, filament, move);
    move->line = lookahead->line;
    return 1;
}

static int make_room(struct lookahead *lookahead)
{
    if (lookahead->count < lookahead->room)
        return 0;
    size_t room = lookahead->room ? 2 * lookahead->room : 64;
    struct waiting *moves = realloc(lookahead->moves, room * sizeof(*moves));
    if (!moves)
        return -ENOMEM;
    lookahead->moves = moves;
    lookahead->room = room;
    return 0;
}

int lookahead_append(struct lookahead *lookahead, const double end[3], double velocity, double accel)
{
    return lookahead_extrude(lookahead, end, 0, velocity, accel);
}

int lookahead_extrude(struct lookahead *lookahead, const double end[3], double filament, double velocity, double accel)
{
    if (!isfinite(end[0] + end[1] + end[2] + filament + velocity + accel) || velocity <= 0 || accel <= 0 ||
        lookahead->limits.velocity <= 0 || (filament != 0 && !lookahead->extruder))
        return -EINVAL;
    struct waiting move = {0};
    if (!describe(lookahead, end, filament, velocity, accel, &move))
        return 0;
    int error = make_room(lookahead);
    if (error)
        return error;
    if (lookahead->count)
        join(lookahead, &lookahead->moves[lookahead->count - 1], &move);
    lookahead->moves[lookahead->count++] = move;
    if (!move.in_place)
        memcpy(lookahead->position, end, sizeof(lookahead->position));
    lookahead->filament += filament;
    lookahead->commit_after -= move.time_least;
    return lookahead->commit_after > 0 ? 0 : lookahead_commit(lookahead);
}

/* The walk backwards from standstill. Gives the number of moves that are final: those before the last but one peak, whose
 * speeds hang on the last one, whose start is at its limit whatever comes. */
static size_t walk_back(struct lookahead *lookahead)
{
    double end_v2 = 0, smooth_end_v2 = 0, peak_v2 = 0;
    size_t peaks = 0, final = 0;
    int following = 0;
    for (size_t i = lookahead->count; i-- > 0;) {
        struct waiting *move = &lookahead->moves[i];
        double reach = end_v2 + move->delta_v2, smooth_reach = smooth_end_v2 + move->smooth_delta_v2;
        double smooth_start = fmin(move->smooth_start_v2_most, smooth_reach);
        move->start_v2 = fmin(move->start_v2_most, reach);
        move->end_v2 = end_v2;
        if (smooth_start >= smooth_reach) {
            move->cruise_v2 = FOLLOWS;
            following = 1;
        } else {
            if (following || smooth_start + move->smooth_delta_v2 > smooth_end_v2) {
                peak_v2 = (smooth_start + smooth_reach) / 2;
                following = 0;
                if (++peaks == 2)
                    final = i;
            }
            move->cruise_v2 = fmin(fmin((move->start_v2 + reach) / 2, move->cruise_v2_most), peak_v2);
        }
        end_v2 = move->start_v2;
        smooth_end_v2 = smooth_start;
    }
    return final;
}

/* The walk forwards over the first `count` moves. */
static void walk_on(struct lookahead *lookahead, size_t count)
{
    double before = INFINITY;
    for (size_t i = 0; i < count; i++) {
        struct waiting *move = &lookahead->moves[i];
        if (move->cruise_v2 == FOLLOWS)
            move->cruise_v2 = fmin(before, move->start_v2);
        move->start_v2 = fmin(move->start_v2, move->cruise_v2);
        move->end_v2 = fmin(move->end_v2, move->cruise_v2);
        before = move->cruise_v2;
    }
}

static double time_over(double distance, double speed)
{
    return distance > 0 ? distance / speed : 0;
}

int lookahead_mark(struct lookahead *lookahead)
{
    if (!lookahead->count)
        return 0;
    if (lookahead->marks == lookahead->marked_room) {
        size_t room = lookahead->marked_room ? 2 * lookahead->marked_room : 16;
        double *marked = realloc(lookahead->marked, room * sizeof(*marked));
        if (!marked)
            return -ENOMEM;
        lookahead->marked = marked;
        lookahead->marked_room = room;
    }
    lookahead->marks++;
    lookahead->moves[lookahead->count - 1].marks++;
    return 1;
}

size_t lookahead_take_marks(struct lookahead *lookahead, double *times, size_t room)
{
    size_t taken = room < lookahead->marked_count ? room : lookahead->marked_count;
    if (!taken)
        return 0;
    memcpy(times, lookahead->marked, taken * sizeof(*times));
    lookahead->marked_count -= taken;
    lookahead->marks -= taken;
    memmove(lookahead->marked, lookahead->marked + taken, lookahead->marked_count * sizeof(*times));
    return taken;
}

static void happen(struct lookahead *lookahead, uint32_t marks)
{
    for (; marks; marks--)
        lookahead->marked[lookahead->marked_count++] = lookahead->print_time;
}

/* What the filament does during a move, into the extruder's queue. */
static int write_filament(struct lookahead *lookahead, const struct waiting *move, const struct trapq_move *whole)
{
    double ratio = fabs(move->ratio);
    struct trapq_move out = *whole;
    out.start_v *= ratio;
    out.cruise_v *= ratio;
    out.accel *= ratio;
    const double start[3] = {move->filament}, direction[3] = {move->ratio < 0 ? -1 : 1, move->advance};
    memcpy(out.start, start, sizeof(out.start));
    memcpy(out.direction, direction, sizeof(out.direction));
    return trapq_append(lookahead->extruder, &out);
}

/* One planned move into the trapezoid queue. */
static int write_move(struct lookahead *lookahead, const struct waiting *move)
{
    if (move->start_v2 == 0)
        lookahead->print_time = fmax(lookahead->print_time, lookahead->start_time);
    double start_v = sqrt(move->start_v2), cruise_v = sqrt(move->cruise_v2), end_v = sqrt(move->end_v2);
    double accel_d = fmin((move->cruise_v2 - move->start_v2) / (2 * move->accel), move->length);
    double decel_d = fmin((move->cruise_v2 - move->end_v2) / (2 * move->accel), move->length - accel_d);
    struct trapq_move out = {
        .print_time = lookahead->print_time,
        .accel_t = time_over(accel_d, (start_v + cruise_v) / 2),
        .cruise_t = time_over(move->length - accel_d - decel_d, cruise_v),
        .decel_t = time_over(decel_d, (cruise_v + end_v) / 2),
        .start_v = start_v,
        .cruise_v = cruise_v,
        .accel = move->accel,
        .line = move->line,
        .time_least = move->time_least,
    };
    int error = 0;
    if (!move->in_place) {
        memcpy(out.start, move->start, sizeof(out.start));
        memcpy(out.direction, move->direction, sizeof(out.direction));
        error = trapq_append(lookahead->trapq, &out);
    }
    if (!error && move->ratio != 0)
        error = write_filament(lookahead, move, &out);
    if (!error) {
        lookahead->print_time = trapq_move_end(&out);
        happen(lookahead, move->marks);
    }
    return error;
}

/* The first `count` moves into the trapezoid queue; the next one is held to the speed with which they end. */
static int write_moves(struct lookahead *lookahead, size_t count)
{
    size_t done = 0;
    int error = 0;
    while (done < count && !(error = write_move(lookahead, &lookahead->moves[done])))
        done++;
    if (done && done < lookahead->count) {
        struct waiting *next = &lookahead->moves[done];
        next->start_v2_most = fmin(next->start_v2_most, lookahead->moves[done - 1].end_v2);
        next->smooth_start_v2_most = fmin(next->smooth_start_v2_most, next->start_v2_most);
    }
    lookahead->count -= done;
    if (done)
        memmove(lookahead->moves, lookahead->moves + done, lookahead->count * sizeof(*lookahead->moves));
    return error ? error : (int)done;
}

void lookahead_discard(struct lookahead *lookahead, double print_time)
{
    lookahead->print_time = print_time;
    for (size_t i = 0; i < lookahead->count; i++)
        happen(lookahead, lookahead->moves[i].marks);
    lookahead->count = 0;
    trapq_discard(lookahead->trapq);
    if (lookahead->extruder)
        trapq_discard(lookahead->extruder);
    lookahead->commit_after = COMMIT_FIRST;
}

int lookahead_commit(struct lookahead *lookahead)
{
    size_t final = walk_back(lookahead);
    walk_on(lookahead, final);
    lookahead->commit_after = COMMIT_NEXT;
    return write_moves(lookahead, final);
}

int lookahead_flush(struct lookahead *lookahead)
{
    walk_back(lookahead);
    walk_on(lookahead, lookahead->count);
    lookahead->commit_after = COMMIT_FIRST;
    return write_moves(lookahead, lookahead->count);
}
