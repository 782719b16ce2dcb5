/* Phases under the taps of input shapers (see inner/blend.h). */
#include "klipkit/motion/inner/blend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/motion/inner/order.h"

/* A gap less than this between two phases is rounding, s. */
static const double GAP_LEAST = 1e-11;

static int push(struct blend *blend, const struct phase *phase)
{
    if (blend->end == blend->room) {
        size_t room = blend->room ? 2 * blend->room : 64;
        struct phase *phases = realloc(blend->phases, room * sizeof(*phases));
        if (!phases)
            return -ENOMEM;
        blend->phases = phases;
        blend->room = room;
    }
    blend->phases[blend->end++] = *phase;
    return 0;
}

static double axis_at(const struct phase *phase, int axis, double t)
{
    return phase->position[axis] + t * (phase->velocity[axis] + 0.5 * phase->accel[axis] * t);
}

/* A rest between two times, where `at` is at its local time t. */
static struct phase rest_at(const struct phase *at, double t, double from, double to)
{
    struct phase rest = {.time = from, .from = 0, .to = to - from};
    for (int axis = 0; axis < 3; axis++)
        rest.position[axis] = axis_at(at, axis, t);
    return rest;
}

void blend_add_taps(struct blend *blend, int axis, int count, const double *times, const double *weights)
{
    if (blend->count == 0)
        blend->axis = axis;
    blend->axes = axis + 1;
    for (int i = 0; i < count; i++)
        blend->taps[blend->count++] = (struct tap){.shift = times[i], .weight = weights[i], .axis = axis};
}

static double shift_least(const struct blend *blend)
{
    double shift = 0;
    for (int i = 0; i < blend->count; i++)
        shift = order_lesser(shift, blend->taps[i].shift);
    return shift;
}

static double shift_most(const struct blend *blend)
{
    double shift = 0;
    for (int i = 0; i < blend->count; i++)
        shift = order_greater(shift, blend->taps[i].shift);
    return shift;
}

static int rests(const struct phase *phase, int axis)
{
    return phase->velocity[axis] == 0 && phase->accel[axis] == 0;
}

/* Puts a tap into a phase; that of a sum into the last one of those from there on in which its axis rests: nothing changes there. */
static void stand(const struct blend *blend, struct tap *tap, size_t phase)
{
    if (blend->axes && rests(&blend->phases[phase], tap->axis))
        while (phase + 1 < blend->end && rests(&blend->phases[phase + 1], tap->axis))
            phase++;
    tap->phase = phase;
    tap->end = phase_end(&blend->phases[phase]) + tap->shift;
}

/* The tap that leaves its phase first. */
static int first_to_leave(const struct blend *blend)
{
    int first = 0;
    double end = blend->taps[0].end;
    for (int i = 1; i < blend->count; i++) {
        first = blend->taps[i].end < end ? i : first;
        end = order_lesser(end, blend->taps[i].end);
    }
    return first;
}

int blend_rest(struct blend *blend, double until)
{
    if (blend_is_empty(blend))
        return 0;
    const struct phase *last = &blend->phases[blend->end - 1];
    if (until - phase_end(last) <= GAP_LEAST)
        return 0;
    struct phase rest = rest_at(last, last->to, phase_end(last), until);
    return push(blend, &rest);
}

int blend_push(struct blend *blend, const struct phase *phase)
{
    double begin = phase->time + phase->from;
    if (!blend_is_empty(blend)) {
        int error = blend_rest(blend, begin);
        return error ? error : push(blend, phase);
    }
    blend->front = blend->end = 0;
    blend->now = begin + shift_least(blend);
    blend->known = 0;
    struct phase rest = rest_at(phase, phase->from, blend->now - shift_most(blend) - 1, begin);
    int error = push(blend, &rest);
    for (int i = 0; !error && i < blend->count; i++)
        stand(blend, &blend->taps[i], 0);
    blend->next = first_to_leave(blend);
    return error ? error : push(blend, phase);
}

static int is_rest(const struct phase *phase)
{
    int still = 1;
    for (int axis = 0; axis < 3; axis++)
        still = still && rests(phase, axis);
    return still;
}

/* Gives up phases that no tap comes to again; all, when those from the last tap on are rests. */
static void forget(struct blend *blend)
{
    size_t least = blend->end;
    for (int i = 0; i < blend->count; i++)
        least = blend->taps[i].phase < least ? blend->taps[i].phase : least;
    blend->front = least;
    while (least < blend->end && is_rest(&blend->phases[least]))
        least++;
    if (least == blend->end)
        blend_clear(blend);
    if (blend->front <= blend->room / 2)
        return;
    memmove(blend->phases, blend->phases + blend->front, (blend->end - blend->front) * sizeof(*blend->phases));
    for (int i = 0; i < blend->count; i++)
        blend->taps[i].phase -= blend->front;
    blend->end -= blend->front;
    blend->front = 0;
}

/* Moves a tap on to the phase that it stands in now. */
static void go_on(struct blend *blend, int number)
{
    struct tap *tap = &blend->taps[number];
    size_t left = tap->phase;
    while (tap->phase + 1 < blend->end && tap->end <= blend->now)
        stand(blend, tap, tap->phase + 1);
    if (tap->phase == left)
        return;
    tap->left = left;
    blend->moved[blend->moves++] = number;
}

int blend_next(struct blend *blend, double *from, double *to)
{
    if (blend_is_empty(blend))
        return 0;
    blend->moves = 0;
    while (blend->taps[blend->next].end <= blend->now) {
        go_on(blend, blend->next);
        if (blend->taps[blend->next].end <= blend->now) {
            blend->known = 0;
            forget(blend);
            return 0;
        }
        blend->next = first_to_leave(blend);
    }
    *from = blend->now;
    *to = blend->now = blend->taps[blend->next].end;
    return 1;
}

/* A time is rounded by that part of it. */
static const double ROUNDING = 0x1p-52;

/* So far a sum may go wrong, mm: as far as its rounding. */
static const double AWAY_MOST = 2e-13;

/* A tap comes into a phase, at the phase's local time t (side 1), or leaves it (-1). */
static void step_in(struct blend *blend, const struct tap *tap, const struct phase *phase, double t, int side)
{
    struct phase *sum = &blend->sum;
    int axis = tap->axis;
    double weight = tap->weight * side, accel = phase->accel[axis], velocity = phase->velocity[axis];
    sum->position[axis] += weight * (phase->position[axis] + t * (velocity + 0.5 * accel * t));
    sum->velocity[axis] += weight * (velocity + t * accel);
    sum->accel[axis] += weight * accel;
    blend->changing[axis] += accel != 0 ? side : 0;
}

static void sum_anew(struct blend *blend, double from)
{
    blend->sum = (struct phase){.from = 0};
    memset(blend->changing, 0, sizeof(blend->changing));
    blend->drift = blend->age = 0;
    for (int i = 0; i < blend->count; i++) {
        const struct tap *tap = &blend->taps[i];
        const struct phase *phase = &blend->phases[tap->phase];
        step_in(blend, tap, phase, from - tap->shift - phase->time, 1);
    }
    blend->known = BLEND_CARRIED;
}

/* From the piece before this one: to its end, and what the taps that moved bring and take. */
static void carry_on(struct blend *blend, double from)
{
    struct phase *sum = &blend->sum;
    for (int axis = blend->axis; axis < blend->axes; axis++) {
        sum->position[axis] = axis_at(sum, axis, sum->to);
        sum->velocity[axis] += sum->accel[axis] * sum->to;
    }
    for (int i = 0; i < blend->moves; i++) {
        const struct tap *tap = &blend->taps[blend->moved[i]];
        const struct phase *left = &blend->phases[tap->left], *phase = &blend->phases[tap->phase];
        double t = from - tap->shift;
        step_in(blend, tap, left, t - left->time, -1);
        step_in(blend, tap, phase, t - phase->time, 1);
        double jolt = fabs(tap->weight) * (fabs(left->accel[tap->axis]) + fabs(phase->accel[tap->axis]));
        blend->drift += jolt * ROUNDING * fabs(t);
        if (blend->changing[tap->axis] == 0)
            sum->accel[tap->axis] = 0; /* no rounding is left of it */
    }
}

/* A border whose time is rounded leaves a speed that is wrong by the acceleration times that, and counts for as long as the sum is
 * carried on: does that matter by the end of a piece so long? */
static int has_drifted(struct blend *blend, double length)
{
    blend->age += length;
    return blend->drift * blend->age > AWAY_MOST;
}

void blend_sum(struct blend *blend, double from, double to)
{
    int known = blend->known-- > 0;
    if (known)
        carry_on(blend, from);
    if (!known || has_drifted(blend, to - from))
        sum_anew(blend, from);
    blend->sum.time = from;
    blend->sum.to = to - from;
}

void blend_clear(struct blend *blend)
{
    blend->front = blend->end = 0;
}

void blend_rebase(struct blend *blend, double seconds)
{
    for (size_t i = blend->front; i < blend->end; i++)
        blend->phases[i].time -= seconds;
    for (int i = 0; i < blend->count; i++)
        blend->taps[i].end -= seconds;
    blend->now -= seconds;
}
