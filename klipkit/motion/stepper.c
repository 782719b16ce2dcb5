/* One stepper: follows a path, keeps the segments whose steps are not yet given, gives runs (see stepper.h). */
#include "klipkit/motion/stepper.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/motion/inner/advance.h"
#include "klipkit/motion/inner/kinematics.h"
#include "klipkit/motion/inner/pack.h"
#include "klipkit/motion/inner/path.h"
#include "klipkit/motion/shaper.h"
#include "klipkit/motion/trapq.h"

static const double ERROR_DEFAULT = 25e-6;      /* s */
static const double BASE_FAR = 268435456.0;     /* ticks; times are counted from a base nearer than this */

/* A step there and back in less than this is none (see inner/segment.h), s. */
static const double GRAZE = 750e-6;

/* Motions that are nearly a quadratic are taken for one that is so far off, ticks, or part of the max error. */
static const double FLAT_LEAST = 0.03, FLAT_PART = 5e-4;

/* Steps later than GRAZE and this many max errors before `until` wait: whatever comes after `until`, half the interval to it is
 * then more than the max error. One is the step's own error, two the least interval. */
enum { ERRORS_KEPT_BACK = 3 };

/* What the clock is from a print time on; frequency 0: not known. */
struct clock_line {
    double print_time, frequency;
    uint64_t clock;
};

struct stepper {
    struct kinematics kinematics;
    struct step_scale scale;
    double max_error;               /* s */
    struct clock_line clock, old;   /* old: before clock.print_time */
    double until;                   /* print time up to which was read */
    struct path own, *path;         /* path: the one that is read, its own or one that is shared */
    struct path_reader reader;
    struct pack pack;
};

const char *stepper_kinematics(int number)
{
    const struct kinematics *kinematics = kinematics_get(number);
    return kinematics ? kinematics->name : NULL;
}

/* What the path must know of the stepper's kinematics. */
static void set_axes(struct stepper *stepper)
{
    for (int axis = 0; axis < 3; axis++)
        stepper->own.follows[axis] = stepper->kinematics.weights[axis] != 0;
    path_set_delay(&stepper->own);
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
    stepper->kinematics = *kinematics_get(number);
    stepper->scale.per_mm = 1 / step_distance;
    stepper->max_error = ERROR_DEFAULT;
    stepper->until = -HUGE_VAL;
    stepper->own.trapq = trapq;
    stepper->path = &stepper->own;
    path_begin(stepper->path);
    path_join(stepper->path, &stepper->reader);
    set_axes(stepper);
    pack_begin(&stepper->pack);
    return stepper;
}

/* It reads its own path again, from the end of the queue on. The last one to leave a shared path ends it. */
static void read_alone(struct stepper *stepper)
{
    struct path *shared = stepper->path;
    if (shared != &stepper->own) {
        path_leave(shared, &stepper->reader);
        stepper->path = &stepper->own;
        path_follow(stepper->path, shared);
        path_join(stepper->path, &stepper->reader);
        if (shared->reader_count == 0) {
            path_free(shared);
            free(shared);
        }
    }
    path_begin(stepper->path);
    stepper->reader.next = stepper->path->first;
}

static void part_from_others(struct stepper *stepper)
{
    if (stepper->path != &stepper->own)
        read_alone(stepper);
}

void stepper_free(struct stepper *stepper)
{
    if (stepper) {
        read_alone(stepper);
        path_free(&stepper->own);
        pack_free(&stepper->pack);
    }
    free(stepper);
}

static int is_busy(const struct stepper *stepper)
{
    const struct segments *segments = &stepper->pack.segments;
    return segments->front < segments->end || path_is_busy(stepper->path, &stepper->reader);
}

/* Gives a stepper that reads its own path one that others may share; 0: no memory. */
static int open_path(struct stepper *stepper)
{
    struct path *shared = calloc(1, sizeof(*shared));
    if (!shared)
        return 0;
    path_follow(shared, &stepper->own);
    path_leave(&stepper->own, &stepper->reader);
    path_join(shared, &stepper->reader);
    stepper->path = shared;
    return 1;
}

int stepper_share(struct stepper *stepper, struct stepper *with)
{
    if (stepper->path == with->path)
        return 1;
    if (stepper->path != &stepper->own || is_busy(stepper) || is_busy(with) || !path_is_like(stepper->path, with->path))
        return 0;
    if (with->path == &with->own && !open_path(with))
        return 0;
    if (!path_join(with->path, &stepper->reader))
        return 0;
    path_leave(&stepper->own, &stepper->reader);
    stepper->path = with->path;
    return 1;
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
    if (error)
        return error;
    part_from_others(stepper);
    set_axes(stepper);
    return 0;
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
    if (print_time > stepper->clock.print_time)
        stepper->old = stepper->clock;
    stepper->clock = (struct clock_line){print_time, frequency, clock};
    return 0;
}

void stepper_set_last_clock(struct stepper *stepper, uint64_t clock)
{
    stepper->pack.last_clock = clock;
}

int stepper_set_shaper(struct stepper *stepper, int axis, const struct shaper *shaper)
{
    if (axis < 0 || axis > 1 || stepper->path->smooth_time > 0)
        return -EINVAL;
    if (path_is_busy(stepper->path, &stepper->reader))
        return -EBUSY;
    part_from_others(stepper);
    stepper->own.shapers[axis] = shaper ? *shaper : (struct shaper){.count = 0};
    path_set_delay(&stepper->own);
    return 0;
}

int stepper_set_smooth_time(struct stepper *stepper, double seconds)
{
    if (strcmp(stepper->kinematics.name, "extruder") != 0 || !isfinite(seconds) || seconds < 0)
        return -EINVAL;
    if (path_is_busy(stepper->path, &stepper->reader))
        return -EBUSY;
    part_from_others(stepper);
    stepper->own.smooth_time = seconds;
    path_set_delay(&stepper->own);
    return 0;
}

double stepper_delay(const struct stepper *stepper)
{
    return stepper->path->delay;
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
    stepper->pack.given = steps;
    stepper->pack.segments.position = 0;
    return 0;
}

double stepper_place(const struct stepper *stepper)
{
    return stepper->scale.mm;
}

int64_t stepper_position(const struct stepper *stepper)
{
    return stepper->pack.given;
}

const struct step_run *stepper_runs(const struct stepper *stepper)
{
    return stepper->pack.runs;
}

/* How print time becomes ticks from the base, and the path's seconds: ticks = offset + frequency * seconds. */
struct time_line {
    double offset, frequency;
};

static struct time_line line_of(const struct stepper *stepper, const struct clock_line *clock, double zero)
{
    double ticks = (double)(int64_t)(clock->clock - stepper->pack.base);
    return (struct time_line){ticks + (zero - clock->print_time) * clock->frequency, clock->frequency};
}

/* Ticks from the base. */
static double ticks_at(const struct stepper *stepper, double print_time)
{
    return line_of(stepper, &stepper->clock, print_time).offset;
}

/* Counts time from the clock up to which was read, once that is far from the base. */
static void rebase(struct stepper *stepper)
{
    if (!isfinite(stepper->until))
        return;
    double ticks = floor(ticks_at(stepper, stepper->until));
    if (fabs(ticks) >= BASE_FAR)
        pack_rebase(&stepper->pack, ticks);
}

/* Its pieces are quadratics, of which the times are exact. */
static int is_quadratic(const struct stepper *stepper)
{
    return stepper->kinematics.append == kinematics_linear_append && stepper->path->smooth_time == 0;
}

static int append(struct stepper *stepper, const struct phase *piece, const struct time_line *line)
{
    double f = line->frequency, r = 1 / f, r2 = r * r;
    struct phase phase = {line->offset + piece->time * f, piece->from * f, piece->to * f, {0}, {0}, {0}};
    for (int axis = 0; axis < 3; axis++) {
        phase.position[axis] = piece->position[axis];
        phase.velocity[axis] = piece->velocity[axis] * r;
        phase.accel[axis] = piece->accel[axis] * r2;
    }
    return stepper->kinematics.append(&stepper->kinematics, &phase, &stepper->scale, &stepper->pack.segments);
}

/* The segments of a piece of an extruder's motion. */
static int append_advanced(struct stepper *stepper, double begin, double end, const struct time_line *line)
{
    struct blend *blend = &stepper->path->blend;
    advance_sum(blend, begin, end);
    double from = line->offset + begin * line->frequency, to = (end - begin) * line->frequency;
    double turns = stepper->kinematics.weights[0] * stepper->scale.per_mm, unit = turns;
    struct curve curve = {.from = 0, .to = to};
    struct curve_point ends[2];
    for (int i = 0; i < 5; i++, unit /= line->frequency)
        curve.polynomial[i] = blend->average[i] * unit;
    curve.polynomial[0] += blend->zero * turns - stepper->scale.mm * stepper->scale.per_mm;
    curve_at(&curve, 0, &ends[0]);
    curve_at(&curve, to, &ends[1]);
    double third = curve_third(&curve, 0, to);
    int error = segments_append_stretch(&stepper->pack.segments, &(struct stretch){from, to,
        {ends[0].p, ends[1].p}, {ends[0].v, ends[1].v}, third});
    return error <= 0 ? error : segments_append_curve(&stepper->pack.segments, from, &curve, third, ends);
}

/* The segments of all pieces that were read. What a shaper delayed may be before the clock's last change. */
static int append_pieces(struct stepper *stepper)
{
    struct path *path = stepper->path;
    struct time_line line = line_of(stepper, &stepper->clock, path->base), old = line_of(stepper, &stepper->old, path->base);
    double from, to, change = stepper->old.frequency > 0 ? stepper->clock.print_time - path->base : -HUGE_VAL;
    const struct phase *piece;
    int error = 0;
    while (!error && (piece = path_next(path, &stepper->reader)))
        error = append(stepper, piece, piece->time + 0.5 * (piece->from + piece->to) < change ? &old : &line);
    if (path->smooth_time > 0 && path->blend.count)
        while (!error && blend_next(&path->blend, &from, &to))
            error = append_advanced(stepper, from, to, 0.5 * (from + to) < change ? &old : &line);
    return error;
}

/* After an error: what was read is dropped, and reading goes on with the next move. */
static void drop(struct stepper *stepper)
{
    pack_drop(&stepper->pack);
    read_alone(stepper);
    stepper->old.frequency = 0;
}

void stepper_discard(struct stepper *stepper, uint64_t clock)
{
    drop(stepper);
    stepper->pack.last_clock = clock;
}

int64_t stepper_generate(struct stepper *stepper, double until, double due)
{
    struct pack *pack = &stepper->pack;
    double f = stepper->clock.frequency;
    pack->count = 0;
    if (f <= 0 || !isfinite(until) || isnan(due))
        return -EINVAL;
    uint64_t last_clock = pack->last_clock;
    rebase(stepper);
    segments_compact(&pack->segments);
    pack->segments.graze = GRAZE * f;
    pack->segments.flat = is_quadratic(stepper) ? FLAT_LEAST : fmax(FLAT_LEAST, FLAT_PART * stepper->max_error * f);
    int error = path_read(stepper->path, &stepper->reader, until);
    stepper->until = fmax(stepper->until, until);
    double kept_back = GRAZE + ERRORS_KEPT_BACK * stepper->max_error + stepper->path->delay;
    if (!error)
        error = append_pieces(stepper);
    if (!error)
        error = pack_runs(pack, stepper->max_error * f, ticks_at(stepper, until) - kept_back * f, ticks_at(stepper, due));
    if (error) {
        pack->last_clock = last_clock;
        drop(stepper);
        return error;
    }
    return (int64_t)pack->count;
}
