/* What the C tests of motion share: chance, and the true times of a stepper's steps in long double. */
#ifndef TESTS_C_MOTION_CHECK_H
#define TESTS_C_MOTION_CHECK_H
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "klipkit/motion/trapq.h"
#include "tests/c/check.h"

/* A linear congruential generator (Knuth, MMIX): the same numbers on each machine. */
struct chance {
    uint64_t state;
};

/* 0 .. below 1 */
static inline double chance_unit(struct chance *chance)
{
    chance->state = chance->state * 6364136223846793005u + 1442695040888963407u;
    return (double)(chance->state >> 11) * 0x1p-53;
}

static inline double chance_between(struct chance *chance, double least, double most)
{
    return least + (most - least) * chance_unit(chance);
}

/* True crossings: print time from zero, s, and direction. */
struct crossing {
    long double time;
    int direction;
};

struct crossings {
    struct crossing *items;
    size_t count, room;
    int64_t position;
    long double lowest, highest;    /* true positions since the last crossing */
};

/* A crossing there and back within this, s, without the full step in between, is none. */
static const long double CROSSINGS_GRAZE = 750e-6L;

static inline void crossings_push(struct crossings *crossings, long double time, int direction)
{
    const struct crossing *last = crossings->count ? &crossings->items[crossings->count - 1] : NULL;
    long double full = crossings->position;
    if (last && last->direction != direction && time - last->time < CROSSINGS_GRAZE &&
        (direction < 0 ? crossings->highest < full - 1e-7L : crossings->lowest > full + 1e-7L)) {
        crossings->count--;
        crossings->position += direction;
        return;
    }
    crossings->lowest = crossings->highest = crossings->position + 0.5L * direction;
    if (crossings->count == crossings->room) {
        crossings->room = crossings->room ? 2 * crossings->room : 1024;
        crossings->items = realloc(crossings->items, crossings->room * sizeof(*crossings->items));
        CHECK(crossings->items, "no memory");
    }
    crossings->items[crossings->count++] = (struct crossing){time, direction};
    crossings->position += direction;
}

/* Crossings of one phase: from p (steps) with speed v >= 0 and acceleration a along `direction`, for t seconds. */
static inline void crossings_phase(struct crossings *crossings, long double begin, long double p, long double v,
                                   long double a, long double t, int direction)
{
    long double way = t * (v + a * t / 2);
    for (;;) {
        long double d = (crossings->position + 0.5L * direction - p) * direction;
        if (d >= way - 1e-7L)
            break;
        if (d < 0)
            d = 0;
        long double root = v * v + 2 * a * d;
        long double time = 2 * d / (v + sqrtl(root > 0 ? root : 0));
        crossings_push(crossings, begin + (d > 0 ? time : 0), direction);
    }
    crossings->lowest = fminl(crossings->lowest, p + direction * way);
    crossings->highest = fmaxl(crossings->highest, p + direction * way);
}

/* Crossings of one axis of a move; the coordinate `zero` is step 0. */
static inline void crossings_move(struct crossings *crossings, const struct trapq_move *move, int axis, double zero,
                                  double step_distance)
{
    long double per_mm = 1 / (long double)step_distance, u = move->direction[axis];
    int direction = u < 0 ? -1 : 1;
    long double p = (move->start[axis] - (long double)zero) * per_mm, begin = move->print_time, scale = fabsl(u) * per_mm;
    long double a = move->accel * scale, v = move->start_v * scale, top = move->cruise_v * scale;
    if (u == 0)
        return;
    crossings_phase(crossings, begin, p, v, a, move->accel_t, direction);
    p += direction * (long double)move->accel_t * (v + a * move->accel_t / 2);
    begin += move->accel_t;
    crossings_phase(crossings, begin, p, top, 0, move->cruise_t, direction);
    p += direction * (long double)move->cruise_t * top;
    begin += move->cruise_t;
    crossings_phase(crossings, begin, p, top, -a, move->decel_t, direction);
}
#endif
