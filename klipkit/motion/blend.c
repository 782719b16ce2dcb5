/* Phases under the taps of input shapers (see inner/blend.h). */
#include "klipkit/motion/inner/blend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/motion/inner/order.h"

/* A gap less than this between two phases is rounding, ticks. */
static const double GAP_LEAST = 1e-3;

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
    for (int i = 0; i < blend->count; i++)
        blend->taps[i].phase = 0;
    struct phase rest = rest_at(phase, phase->from, blend->now - shift_most(blend) - 1, begin);
    int error = push(blend, &rest);
    return error ? error : push(blend, phase);
}

static int is_rest(const struct phase *phase)
{
    int rests = 1;
    for (int axis = 0; axis < 3; axis++)
        rests = rests && phase->velocity[axis] == 0 && phase->accel[axis] == 0;
    return rests;
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

int blend_next(struct blend *blend, double *from, double *to)
{
    if (blend_is_empty(blend))
        return 0;
    double end = HUGE_VAL;
    for (int i = 0; i < blend->count; i++) {
        struct tap *tap = &blend->taps[i];
        while (tap->phase + 1 < blend->end && phase_end(&blend->phases[tap->phase]) + tap->shift <= blend->now)
            tap->phase++;
        end = order_lesser(end, phase_end(&blend->phases[tap->phase]) + tap->shift);
    }
    *from = blend->now;
    *to = end;
    if (end > blend->now) {
        blend->now = end;
        return 1;
    }
    forget(blend);
    return 0;
}

void blend_sum(const struct blend *blend, double from, double to, struct phase *sum)
{
    *sum = (struct phase){.time = from, .from = 0, .to = to - from};
    for (int i = 0; i < blend->count; i++) {
        const struct tap *tap = &blend->taps[i];
        const struct phase *phase = &blend->phases[tap->phase];
        double t = from - tap->shift - phase->time;
        for (int axis = 0; axis < 3; axis++) {
            sum->position[axis] += tap->weight[axis] * axis_at(phase, axis, t);
            sum->velocity[axis] += tap->weight[axis] * (phase->velocity[axis] + t * phase->accel[axis]);
            sum->accel[axis] += tap->weight[axis] * phase->accel[axis];
        }
    }
}

void blend_clear(struct blend *blend)
{
    blend->front = blend->end = 0;
}

void blend_rebase(struct blend *blend, double ticks)
{
    for (size_t i = blend->front; i < blend->end; i++)
        blend->phases[i].time -= ticks;
    blend->now -= ticks;
}
