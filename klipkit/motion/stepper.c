/* One stepper: reads a trapezoid queue, keeps the segments whose steps are not yet given, gives runs (see stepper.h). */
#include "klipkit/motion/stepper.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/motion/inner/advance.h"
#include "klipkit/motion/inner/blend.h"
#include "klipkit/motion/inner/fit.h"
#include "klipkit/motion/inner/kinematics.h"
#include "klipkit/motion/run.h"
#include "klipkit/motion/shaper.h"
#include "klipkit/motion/trapq.h"

static const double ERROR_DEFAULT = 25e-6;      /* s */
static const double GAP_MOST = 3.0 * (1 << 28); /* ticks; after a longer gap a run has one step */
static const double BASE_FAR = 4294967296.0;    /* ticks; times are counted from a base nearer than this */

/* A step there and back in less than this is none (see inner/segment.h), s. */
static const double GRAZE = 750e-6;

/* Steps later than GRAZE and this many max errors before `until` wait: whatever comes after `until`, half the interval to it is
 * then more than the max error. One is the step's own error, two the least interval. */
enum { ERRORS_KEPT_BACK = 3 };

struct stepper {
    const struct trapq *trapq;
    struct kinematics kinematics;
    struct step_scale scale;
    int64_t given;                      /* steps, with those of set_position */
    double max_error;                   /* s */
    double clock_time, frequency;       /* the clock is `clock` at print time clock_time */
    uint64_t clock, base, last_clock;   /* last_clock: of the last step given */
    double until;                       /* print time up to which the trapezoid queue was read */
    uint64_t number;                    /* the move that is read next, and how much of it was read: */
    int phase;
    double phase_done;                  /* s */
    struct shaper shapers[2];           /* of x, of y */
    double smooth_time;                 /* s, of an extruder */
    double delay;                       /* s */
    struct blend blend;                 /* has taps while there is a shaper */
    struct segments segments;
    int64_t taken;                      /* steps of the front segment that were given */
    struct step_run *runs;
    size_t count, room;
    struct fit fit;
};

const char *stepper_kinematics(int number)
{
    const struct kinematics *kinematics = kinematics_get(number);
    return kinematics ? kinematics->name : NULL;
}

struct stepper *stepper_new(const struct trapq *trapq, const char *kinematics, double step_distance)
{
    int number = 0;
    while (stepper_kinematics(number) && strcmp(stepper_kinematics(number), kinematics) != 0)
        number++;
    if (!stepper_kinematics(number) || !isfinite(step_distance) || step_distance <= 0)
        return NULL;
    struct stepper *stepper = calloc(1, sizeof(*stepper));
    if (!stepper)
        return NULL;
    stepper->trapq = trapq;
    stepper->kinematics = *kinematics_get(number);
    stepper->scale.per_mm = 1 / step_distance;
    stepper->max_error = ERROR_DEFAULT;
    stepper->until = -HUGE_VAL;
    stepper->number = trapq_end(trapq);
    stepper->segments.last = -HUGE_VAL;
    stepper->fit.gap_most = GAP_MOST;
    for (int i = 0; i < BARS_MOST; i++) {
        stepper->fit.parts[i] = 1.0 / (i + 1);
        stepper->fit.bars.x[i] = 0.5 * i;
    }
    return stepper;
}

void stepper_free(struct stepper *stepper)
{
    if (stepper) {
        free(stepper->segments.items);
        free(stepper->blend.phases);
        free(stepper->runs);
    }
    free(stepper);
}

static int is_busy(const struct stepper *stepper)
{
    return stepper->segments.front < stepper->segments.end || !blend_is_empty(&stepper->blend);
}

int stepper_set_arm(struct stepper *stepper, double tower_x, double tower_y, double arm)
{
    if (stepper->kinematics.append != kinematics_delta.append || !isfinite(tower_x + tower_y + arm) || arm <= 0)
        return -EINVAL;
    if (is_busy(stepper))
        return -EBUSY;
    stepper->kinematics.tower[0] = tower_x;
    stepper->kinematics.tower[1] = tower_y;
    stepper->kinematics.arm = arm;
    return 0;
}

/* From the shapers of those axes that the stepper follows. */
static void set_delay(struct stepper *stepper)
{
    stepper->delay = 0;
    for (int i = 0; i < 2; i++) {
        const struct shaper *on = &stepper->shapers[i];
        if (stepper->kinematics.weights[i] != 0 && on->count)
            stepper->delay = fmax(stepper->delay, fmax(-on->time[0], on->time[on->count - 1]));
    }
}

int stepper_set_geometry(struct stepper *stepper, const double *numbers, int count)
{
    for (int i = 0; i < count; i++)
        if (!isfinite(numbers[i]))
            return -EINVAL;
    if (!stepper->kinematics.set)
        return -EINVAL;
    if (is_busy(stepper))
        return -EBUSY;
    int error = stepper->kinematics.set(&stepper->kinematics, numbers, count);
    if (!error)
        set_delay(stepper);
    return error;
}

int stepper_set_max_error(struct stepper *stepper, double seconds)
{
    if (!isfinite(seconds) || seconds <= 0)
        return -EINVAL;
    stepper->max_error = seconds;
    return 0;
}

int stepper_set_clock(struct stepper *stepper, double print_time, uint64_t clock, double frequency)
{
    if (!isfinite(print_time) || !isfinite(frequency) || frequency <= 0)
        return -EINVAL;
    stepper->clock_time = print_time;
    stepper->clock = clock;
    stepper->frequency = frequency;
    return 0;
}

void stepper_set_last_clock(struct stepper *stepper, uint64_t clock)
{
    stepper->last_clock = clock;
}

int stepper_set_shaper(struct stepper *stepper, int axis, const struct shaper *shaper)
{
    if (axis < 0 || axis > 1 || stepper->smooth_time > 0)
        return -EINVAL;
    if (!blend_is_empty(&stepper->blend))
        return -EBUSY;
    stepper->shapers[axis] = shaper ? *shaper : (struct shaper){.count = 0};
    set_delay(stepper);
    return 0;
}

int stepper_set_smooth_time(struct stepper *stepper, double seconds)
{
    if (strcmp(stepper->kinematics.name, "extruder") != 0 || !isfinite(seconds) || seconds < 0)
        return -EINVAL;
    if (!blend_is_empty(&stepper->blend))
        return -EBUSY;
    stepper->smooth_time = seconds;
    stepper->delay = seconds / 2;
    return 0;
}

double stepper_delay(const struct stepper *stepper)
{
    return stepper->delay;
}

double stepper_coordinate(const struct stepper *stepper, const double position[3])
{
    return stepper->kinematics.coordinate(&stepper->kinematics, position);
}

int stepper_set_position(struct stepper *stepper, double mm, int64_t steps)
{
    if (!isfinite(mm))
        return -EINVAL;
    if (is_busy(stepper))
        return -EBUSY;
    stepper->scale.mm = mm;
    stepper->given = steps;
    stepper->segments.position = 0;
    return 0;
}

double stepper_place(const struct stepper *stepper)
{
    return stepper->scale.mm;
}

int64_t stepper_position(const struct stepper *stepper)
{
    return stepper->given;
}

const struct step_run *stepper_runs(const struct stepper *stepper)
{
    return stepper->runs;
}

/* Ticks from the base, `offset` seconds after `print_time`. */
static double ticks_at(const struct stepper *stepper, double print_time, double offset)
{
    double clock = (double)(int64_t)(stepper->clock - stepper->base);
    return clock + (print_time - stepper->clock_time) * stepper->frequency + offset * stepper->frequency;
}

/* Counts time from the clock up to which was read, once that is far from the base. */
static void rebase(struct stepper *stepper)
{
    if (!isfinite(stepper->until))
        return;
    double ticks = floor(ticks_at(stepper, stepper->until, 0));
    if (fabs(ticks) < BASE_FAR)
        return;
    segments_rebase(&stepper->segments, ticks);
    blend_rebase(&stepper->blend, ticks);
    stepper->base += (uint64_t)(int64_t)ticks;
}

/* The segments of a part of a phase of a move: `from` .. `to` seconds from its beginning. */
static int read_phase(struct stepper *stepper, const struct trapq_move *move, double from, double to)
{
    double per_tick = 1 / stepper->frequency, begin = 0, along = 0, v = move->start_v, a = move->accel;
    if (stepper->phase >= 1) {
        begin = move->accel_t;
        along = move->accel_t * (move->start_v + 0.5 * move->accel * move->accel_t);
        v = move->cruise_v;
        a = 0;
    }
    if (stepper->phase == 2) {
        begin += move->cruise_t;
        along += move->cruise_t * move->cruise_v;
        a = -move->accel;
    }
    struct phase phase = {ticks_at(stepper, move->print_time, begin), from * stepper->frequency,
                          to * stepper->frequency, {0}, {0}, {0}};
    for (int axis = 0; axis < 3; axis++) {
        double direction = move->direction[axis];
        phase.position[axis] = move->start[axis] + direction * along;
        phase.velocity[axis] = direction * v * per_tick;
        phase.accel[axis] = direction * a * per_tick * per_tick;
    }
    if (stepper->smooth_time > 0)
        advance_lengthen(&phase, stepper->frequency);
    if (stepper->blend.count)
        return blend_push(&stepper->blend, &phase);
    return stepper->kinematics.append(&stepper->kinematics, &phase, &stepper->scale, &stepper->segments);
}

/* The segments of a piece of an extruder's motion. */
static int append_advanced(struct stepper *stepper, double from, double to)
{
    struct blend *blend = &stepper->blend;
    advance_sum(blend, from, to);
    struct curve curve = {.from = 0, .to = to - from};
    struct curve_point ends[2];
    double turns = stepper->kinematics.weights[0] * stepper->scale.per_mm;
    for (int i = 0; i < 5; i++)
        curve.polynomial[i] = blend->average[i] * turns;
    curve.polynomial[0] += blend->zero * turns - stepper->scale.mm * stepper->scale.per_mm;
    curve_at(&curve, 0, &ends[0]);
    curve_at(&curve, to - from, &ends[1]);
    double third = curve_third(&curve, 0, to - from);
    int error = segments_append_stretch(&stepper->segments, &(struct stretch){from, to - from,
        {ends[0].p, ends[1].p}, {ends[0].v, ends[1].v}, third});
    return error <= 0 ? error : segments_append_curve(&stepper->segments, from, &curve, third, ends);
}

static int is_linear(const struct stepper *stepper)
{
    return stepper->kinematics.append == kinematics_linear_append;
}

/* The segments of a piece under input shapers; the taps of a stepper that is linear have its coordinate as their sum. */
static int append_shaped(struct stepper *stepper, double from, double to)
{
    const struct phase *sum = &stepper->blend.sum;
    blend_sum(&stepper->blend, from, to);
    if (!is_linear(stepper))
        return stepper->kinematics.append(&stepper->kinematics, sum, &stepper->scale, &stepper->segments);
    double per_mm = stepper->scale.per_mm;
    return segments_append(&stepper->segments, &(struct quadratic){from, 0, to - from,
        (sum->position[0] - stepper->scale.mm) * per_mm, sum->velocity[0] * per_mm, sum->accel[0] * per_mm});
}

/* The segments of what is blended, as far as it is known: up to the print time `until` before the taps. */
static int read_blend(struct stepper *stepper, double until)
{
    double from, to;
    int error = blend_rest(&stepper->blend, ticks_at(stepper, until, 0));
    while (!error && blend_next(&stepper->blend, &from, &to))
        error = stepper->smooth_time > 0 ? append_advanced(stepper, from, to) : append_shaped(stepper, from, to);
    return error;
}

/* The taps for the shapers of those axes that the stepper follows; they are in ticks, so they are set when nothing moves. */
static void set_taps(struct stepper *stepper)
{
    struct blend *blend = &stepper->blend;
    if (!blend_is_empty(blend))
        return;
    blend->count = 0;
    blend->axes = is_linear(stepper) ? 1 : 3;
    if (stepper->smooth_time > 0) {
        blend->axes = 0;
        advance_set_taps(blend, stepper->delay * stepper->frequency);
    }
    if (stepper->delay == 0 || stepper->smooth_time > 0)
        return;
    for (int axis = 0; axis < 3; axis++) {
        static const struct shaper NONE = {1, {1}, {0}};
        const struct shaper *shaper = axis < 2 && stepper->shapers[axis].count ? &stepper->shapers[axis] : &NONE;
        if (stepper->kinematics.weights[axis] == 0)
            continue;
        for (int i = 0; i < shaper->count; i++) {
            blend->taps[blend->count++] = (struct tap){
                .shift = shaper->time[i] * stepper->frequency,
                .weight = shaper->amplitude[i] * (is_linear(stepper) ? stepper->kinematics.weights[axis] : 1),
                .axis = axis,
                .into = is_linear(stepper) ? 0 : axis,
            };
        }
    }
}

/* A move up to the print time `until`; *whole: it was read to its end. */
static int read_move(struct stepper *stepper, const struct trapq_move *move, double until, int *whole)
{
    const double times[3] = {move->accel_t, move->cruise_t, move->decel_t};
    double begin = move->print_time;
    for (int i = 0; i < stepper->phase; i++)
        begin += times[i];
    for (*whole = 0; stepper->phase < 3; stepper->phase++, stepper->phase_done = 0) {
        double length = times[stepper->phase], to = order_lesser(length, until - begin);
        if (to > stepper->phase_done) {
            int error = read_phase(stepper, move, stepper->phase_done, to);
            if (error)
                return error;
            stepper->phase_done = to;
        }
        if (to < length)
            return 0;
        begin += length;
    }
    stepper->phase = 0;
    *whole = 1;
    return 0;
}

static int read_trapq(struct stepper *stepper, double until)
{
    const struct trapq_move *move;
    int whole = 1;
    set_taps(stepper);
    if (stepper->number < trapq_begin(stepper->trapq)) {
        stepper->number = trapq_begin(stepper->trapq);
        stepper->phase = 0;
        stepper->phase_done = 0;
    }
    while (whole && (move = trapq_get(stepper->trapq, stepper->number)) && move->print_time < until) {
        int error = read_move(stepper, move, until, &whole);
        if (error)
            return error;
        stepper->number += (uint64_t)whole;
    }
    stepper->until = fmax(stepper->until, until);
    return stepper->blend.count ? read_blend(stepper, until) : 0;
}

/* When step n of a run is, from the step before the run. */
static double run_ticks(const struct bars_run *run, int64_t n)
{
    return (double)n * (run->interval + run->add * 0.5 * (double)(n - 1));
}

/* The steps of a run that are no later than `ticks` after the step before the run. */
static int64_t count_until(const struct fitted *found, double ticks)
{
    if (run_ticks(&found->run, found->count) <= ticks)
        return found->count;
    int64_t low = 0, high = found->count - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (run_ticks(&found->run, middle) <= ticks)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static int push_run(struct stepper *stepper, const struct fitted *found, int64_t count, int direction)
{
    if (stepper->count == stepper->room) {
        size_t room = stepper->room ? 2 * stepper->room : 64;
        struct step_run *runs = realloc(stepper->runs, room * sizeof(*runs));
        if (!runs)
            return -ENOMEM;
        stepper->runs = runs;
        stepper->room = room;
    }
    uint64_t first = stepper->last_clock + (uint64_t)(int64_t)found->run.interval;
    struct step_run run = {
        .first = first,
        .interval = (uint32_t)(first - stepper->last_clock),
        .count = (uint16_t)count,
        .add = (int16_t)(count == 1 ? 0 : found->run.add),
        .direction = (int8_t)direction,
    };
    stepper->runs[stepper->count++] = run;
    stepper->last_clock = step_run_last(&run);
    stepper->given += count * direction;
    return 0;
}

/* Goes on over `count` steps of the segments. */
static void pass(struct stepper *stepper, int64_t count)
{
    struct segments *segments = &stepper->segments;
    stepper->taken += count;
    while (segments->front < segments->end && stepper->taken >= segments->items[segments->front].count)
        stepper->taken -= segments->items[segments->front++].count;
}

/* Where the segments of the direction of the front one end. */
static size_t stretch_end(const struct segments *segments)
{
    size_t end = segments->front;
    while (end < segments->end && segments->items[end].direction == segments->items[segments->front].direction)
        end++;
    return end;
}

/* The runs of what was read, as far as they can be given: `horizon` and `due` in ticks from the base. */
static int give(struct stepper *stepper, double horizon, double due)
{
    struct segments *segments = &stepper->segments;
    struct fit *fit = &stepper->fit;
    fit->segments = segments->items;
    pass(stepper, 0); /* the front segment may have lost the steps that were left */
    fit->end = stretch_end(segments);
    fit_forget(fit);
    fit->error = stepper->max_error * stepper->frequency;
    while (segments->front < segments->end) {
        if (segments->front >= fit->end) {
            fit->end = stretch_end(segments);
            fit_forget(fit);
        }
        fit->before = (double)(int64_t)(stepper->last_clock - stepper->base);
        struct fitted found;
        fit_run(fit, segments->front, stepper->taken, &found);
        int64_t count = count_until(&found, horizon - fit->before);
        int grows = count < found.count || (found.open && fit->end == segments->end);
        if (count == 0 || (grows && fit->before + found.run.interval > due))
            return 0;
        int error = push_run(stepper, &found, count, segments->items[segments->front].direction);
        if (error)
            return error;
        pass(stepper, count);
        fit_pass(fit, count);
    }
    return 0;
}

/* After an error: what was read is dropped, and reading goes on with the next move. */
static void drop(struct stepper *stepper)
{
    stepper->segments.front = stepper->segments.end = 0;
    blend_clear(&stepper->blend);
    stepper->taken = 0;
    stepper->number = trapq_end(stepper->trapq);
    stepper->phase = 0;
    stepper->phase_done = 0;
}

void stepper_discard(struct stepper *stepper, uint64_t clock)
{
    drop(stepper);
    stepper->last_clock = clock;
}

int64_t stepper_generate(struct stepper *stepper, double until, double due)
{
    stepper->count = 0;
    if (stepper->frequency <= 0 || !isfinite(until) || isnan(due))
        return -EINVAL;
    uint64_t last_clock = stepper->last_clock;
    rebase(stepper);
    segments_compact(&stepper->segments);
    stepper->segments.graze = GRAZE * stepper->frequency;
    int error = read_trapq(stepper, until);
    double kept_back = (GRAZE + ERRORS_KEPT_BACK * stepper->max_error + stepper->delay) * stepper->frequency;
    if (!error)
        error = give(stepper, ticks_at(stepper, until, 0) - kept_back, ticks_at(stepper, due, 0));
    if (error) {
        stepper->last_clock = last_clock;
        drop(stepper);
        return error;
    }
    return (int64_t)stepper->count;
}
