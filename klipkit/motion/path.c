/* Reads a trapezoid queue for the steppers that follow it (see inner/path.h). */
#include "klipkit/motion/inner/path.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/motion/inner/advance.h"
#include "klipkit/motion/inner/order.h"
#include "klipkit/motion/trapq.h"

/* Times are counted from a base that is no further off than this, s. */
static const double BASE_FAR = 1;

static void drop_pieces(struct path *path)
{
    path->first += path->count;
    path->count = 0;
}

void path_begin(struct path *path)
{
    path->number = trapq_end(path->trapq);
    path->phase = 0;
    path->phase_done = 0;
    path->until = -HUGE_VAL;
    blend_clear(&path->blend);
    drop_pieces(path);
}

void path_free(struct path *path)
{
    free(path->blend.phases);
    free(path->pieces);
}

void path_set_delay(struct path *path)
{
    path->delay = path->smooth_time / 2;
    for (int i = 0; i < 2; i++) {
        const struct shaper *on = &path->shapers[i];
        if (path->follows[i] && on->count)
            path->delay = fmax(path->delay, fmax(-on->time[0], on->time[on->count - 1]));
    }
}

void path_follow(struct path *path, const struct path *other)
{
    path->trapq = other->trapq;
    path->base = other->base;
    path->number = other->number;
    memcpy(path->follows, other->follows, sizeof(path->follows));
    memcpy(path->shapers, other->shapers, sizeof(path->shapers));
    path->until = -HUGE_VAL;
    path_set_delay(path);
}

int path_is_like(const struct path *path, const struct path *other)
{
    int follows = path->follows[0] || path->follows[1] || path->follows[2];
    return follows && path->trapq == other->trapq && path->number == other->number && path->phase_done + other->phase_done == 0 &&
           path->phase + other->phase == 0 && path->smooth_time + other->smooth_time == 0 &&
           memcmp(path->follows, other->follows, sizeof(path->follows)) == 0 &&
           memcmp(path->shapers, other->shapers, sizeof(path->shapers)) == 0;
}

int path_is_busy(const struct path *path, const struct path_reader *reader)
{
    return !blend_is_empty(&path->blend) || reader->next != path->first + path->count;
}

int path_join(struct path *path, struct path_reader *reader)
{
    if (path->reader_count == PATH_READERS_MOST)
        return 0;
    reader->next = path->first + path->count;
    reader->reads = path->reads;
    path->readers[path->reader_count++] = reader;
    return 1;
}

void path_leave(struct path *path, struct path_reader *reader)
{
    int at = 0;
    while (path->readers[at] != reader)
        at++;
    path->readers[at] = path->readers[--path->reader_count];
}

/* The taps for the shapers of those axes that are followed, set when nothing moves. */
static void set_taps(struct path *path)
{
    struct blend *blend = &path->blend;
    if (!blend_is_empty(blend))
        return;
    blend->count = 0;
    if (path->smooth_time > 0)
        advance_set_taps(blend, path->delay);
    if (path->delay == 0 || path->smooth_time > 0)
        return;
    for (int axis = 0; axis < 3; axis++) {
        static const struct shaper NONE = {1, {1}, {0}};
        const struct shaper *shaper = axis < 2 && path->shapers[axis].count ? &path->shapers[axis] : &NONE;
        if (path->follows[axis])
            blend_add_taps(blend, axis, shaper->count, shaper->time, shaper->amplitude);
    }
}

/* Room for one more piece. */
static struct phase *new_piece(struct path *path)
{
    if (path->count == path->room) {
        size_t room = path->room ? 2 * path->room : 64;
        struct phase *pieces = realloc(path->pieces, room * sizeof(*pieces));
        if (!pieces)
            return NULL;
        path->pieces = pieces;
        path->room = room;
    }
    return &path->pieces[path->count];
}

/* A part of a phase of a move: `from` .. `to` seconds from its beginning. */
static int read_phase(struct path *path, const struct trapq_move *move, double from, double to)
{
    double begin = 0, along = 0, v = move->start_v, a = move->accel;
    if (path->phase >= 1) {
        begin = move->accel_t;
        along = move->accel_t * (move->start_v + 0.5 * move->accel * move->accel_t);
        v = move->cruise_v;
        a = 0;
    }
    if (path->phase == 2) {
        begin += move->cruise_t;
        along += move->cruise_t * move->cruise_v;
        a = -move->accel;
    }
    struct phase phase = {.time = move->print_time - path->base + begin, .from = from, .to = to};
    for (int axis = 0; axis < 3; axis++) {
        double direction = move->direction[axis];
        phase.position[axis] = move->start[axis] + direction * along;
        phase.velocity[axis] = direction * v;
        phase.accel[axis] = direction * a;
    }
    if (path->blend.count)
        return blend_push(&path->blend, &phase);
    struct phase *piece = new_piece(path);
    if (!piece)
        return -ENOMEM;
    *piece = phase;
    path->count++;
    return 0;
}

/* A move up to the print time `until`; *whole: it was read to its end. */
static int read_move(struct path *path, const struct trapq_move *move, double until, int *whole)
{
    const double times[3] = {move->accel_t, move->cruise_t, move->decel_t};
    double begin = move->print_time;
    for (int i = 0; i < path->phase; i++)
        begin += times[i];
    for (*whole = 0; path->phase < 3; path->phase++, path->phase_done = 0) {
        double length = times[path->phase], to = order_lesser(length, until - begin);
        if (to > path->phase_done) {
            int error = read_phase(path, move, path->phase_done, to);
            if (error)
                return error;
            path->phase_done = to;
        }
        if (to < length)
            return 0;
        begin += length;
    }
    path->phase = 0;
    *whole = 1;
    return 0;
}

/* The pieces of what is shaped, as far as it is known: up to the print time `until` before the taps. */
static int read_blend(struct path *path, double until)
{
    double from, to;
    int error = blend_rest(&path->blend, until - path->base);
    if (path->smooth_time > 0)
        return error;
    while (!error && blend_next(&path->blend, &from, &to)) {
        struct phase *piece = new_piece(path);
        if (!piece)
            return -ENOMEM;
        blend_sum(&path->blend, from, to);
        *piece = path->blend.sum;
        path->count++;
    }
    return error;
}

/* Gives up what all readers have passed, and then counts time from near what is read next. */
static void trim(struct path *path, double until)
{
    for (int i = 0; i < path->reader_count; i++)
        if (path->readers[i]->next != path->first + path->count)
            return;
    drop_pieces(path);
    double base = floor(isfinite(path->until) ? path->until : until);
    if (fabs(base - path->base) < BASE_FAR)
        return;
    blend_rebase(&path->blend, base - path->base);
    path->base = base;
}

int path_read(struct path *path, struct path_reader *reader, double until)
{
    const struct trapq_move *move;
    int whole = 1, is_read = reader->reads != path->reads && until <= path->until;
    if (is_read) {
        reader->reads = path->reads;
        return 0;
    }
    trim(path, until);
    set_taps(path);
    if (path->number < trapq_begin(path->trapq)) {
        path->number = trapq_begin(path->trapq);
        path->phase = 0;
        path->phase_done = 0;
    }
    while (whole && (move = trapq_get(path->trapq, path->number)) && move->print_time < until) {
        int error = read_move(path, move, until, &whole);
        if (error)
            return error;
        path->number += (uint64_t)whole;
    }
    path->until = fmax(path->until, until);
    reader->reads = ++path->reads;
    return path->blend.count ? read_blend(path, until) : 0;
}
