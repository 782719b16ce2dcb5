/* The trapezoid queue: moves in an array whose front is given up as they expire (see trapq.h). */
#include "klipkit/motion/trapq.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Print times of a move's end and of the next one's start are sums in another order: they may differ by rounding. */
static const double OVERLAP_MOST = 1e-9;

struct trapq {
    struct trapq_move *moves;
    size_t front, end, room;    /* held: moves[front .. end), of `room` places */
    uint64_t number;            /* of moves[front] */
};

struct trapq *trapq_new(void)
{
    return calloc(1, sizeof(struct trapq));
}

void trapq_free(struct trapq *trapq)
{
    if (trapq)
        free(trapq->moves);
    free(trapq);
}

double trapq_move_end(const struct trapq_move *move)
{
    return move->print_time + move->accel_t + move->cruise_t + move->decel_t;
}

static int is_sound(const struct trapq_move *move)
{
    double sum = move->print_time + move->start_v + move->cruise_v + move->accel;
    for (int axis = 0; axis < 3; axis++)
        sum += move->start[axis] + move->direction[axis];
    return isfinite(sum) && isfinite(trapq_move_end(move)) && move->accel_t >= 0 && move->cruise_t >= 0 &&
           move->decel_t >= 0;
}

/* Room for one more move: the places of expired moves once they are half of all, else twice as many. */
static int make_room(struct trapq *trapq)
{
    if (trapq->end < trapq->room)
        return 0;
    size_t held = trapq->end - trapq->front;
    if (trapq->front > 0 && trapq->front >= trapq->room / 2) {
        memmove(trapq->moves, trapq->moves + trapq->front, held * sizeof(*trapq->moves));
        trapq->front = 0;
        trapq->end = held;
        return 0;
    }
    size_t room = trapq->room ? 2 * trapq->room : 64;
    struct trapq_move *moves = realloc(trapq->moves, room * sizeof(*moves));
    if (!moves)
        return -ENOMEM;
    trapq->moves = moves;
    trapq->room = room;
    return 0;
}

int trapq_append(struct trapq *trapq, const struct trapq_move *move)
{
    if (!is_sound(move))
        return -EINVAL;
    if (trapq->end > trapq->front &&
        move->print_time < trapq_move_end(&trapq->moves[trapq->end - 1]) - OVERLAP_MOST)
        return -EINVAL;
    int error = make_room(trapq);
    if (!error)
        trapq->moves[trapq->end++] = *move;
    return error;
}

int trapq_set_position(struct trapq *trapq, double print_time, const double position[3])
{
    struct trapq_move mark = {.print_time = print_time};
    memcpy(mark.start, position, sizeof(mark.start));
    return trapq_append(trapq, &mark);
}

void trapq_expire(struct trapq *trapq, double print_time)
{
    while (trapq->end - trapq->front > 1 && trapq_move_end(&trapq->moves[trapq->front]) < print_time) {
        trapq->front++;
        trapq->number++;
    }
}

void trapq_discard(struct trapq *trapq)
{
    trapq->number += trapq->end - trapq->front;
    trapq->front = trapq->end = 0;
}

uint64_t trapq_begin(const struct trapq *trapq)
{
    return trapq->number;
}

uint64_t trapq_end(const struct trapq *trapq)
{
    return trapq->number + (trapq->end - trapq->front);
}

const struct trapq_move *trapq_get(const struct trapq *trapq, uint64_t number)
{
    if (number < trapq->number || number >= trapq_end(trapq))
        return NULL;
    return &trapq->moves[trapq->front + (size_t)(number - trapq->number)];
}

/* The newest move that has begun at `print_time`; NULL when none has. */
static const struct trapq_move *begun(const struct trapq *trapq, double print_time)
{
    size_t low = trapq->front, high = trapq->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (trapq->moves[middle].print_time <= print_time)
            low = middle + 1;
        else
            high = middle;
    }
    return low > trapq->front ? &trapq->moves[low - 1] : NULL;
}

uint64_t trapq_line(const struct trapq *trapq, double print_time)
{
    const struct trapq_move *move = begun(trapq, print_time);
    return move ? move->line : 0;
}

int trapq_position(const struct trapq *trapq, double print_time, double position[3], double *velocity)
{
    const struct trapq_move *move = begun(trapq, print_time);
    if (!move)
        return -ENOENT;
    double left = print_time - move->print_time, v = move->start_v, along = 0;
    const double times[3] = {move->accel_t, move->cruise_t, move->decel_t};
    const double accels[3] = {move->accel, 0, -move->accel};
    for (int phase = 0; phase < 3 && left > 0; phase++) {
        double t = fmin(left, times[phase]);
        v = phase == 1 ? move->cruise_v : v;
        along += t * (v + 0.5 * accels[phase] * t);
        v += accels[phase] * t;
        left -= times[phase];
    }
    for (int axis = 0; axis < 3; axis++)
        position[axis] = move->start[axis] + move->direction[axis] * along;
    *velocity = left > 0 ? 0 : fmax(v, 0);
    return 0;
}
