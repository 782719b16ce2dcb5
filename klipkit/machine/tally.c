/* Adds up the moves of a print by parts of its file (see tally.h). */
#include "klipkit/machine/tally.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/motion/trapq.h"

struct tally {
    uint64_t *bounds;
    size_t bound_count, bound;          /* bound: those passed */
    double by_height, period;
    uint64_t toolhead, filament;        /* numbers of the next moves to be read */
    double last;                        /* when the newest one ends */
    double shifted;                     /* of print time in all */
    struct tally_part *parts;
    size_t part_count, part_room;
    struct tally_sample *samples;
    size_t sample_count, sample_room;
    double sampled, way, speed_most;    /* when the last sample was; since then */
    uint64_t line;                      /* the newest one */
};

static void *grown(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    size_t more = *room ? 2 * *room : 256;
    void *now = realloc(list, more * size);
    if (now)
        *room = more;
    return now;
}

static int begin_part(struct tally *tally, double z)
{
    struct tally_part *parts = grown(tally->parts, tally->part_count, &tally->part_room, sizeof(*parts));
    if (!parts)
        return -ENOMEM;
    tally->parts = parts;
    parts[tally->part_count++] = (struct tally_part){.bound = tally->bound, .z = z};
    return 0;
}

struct tally *tally_new(const uint64_t *bounds, size_t count, double by_height, double period)
{
    struct tally *tally = calloc(1, sizeof(*tally));
    if (!tally)
        return NULL;
    tally->by_height = by_height;
    tally->period = period;
    tally->bounds = malloc((count + 1) * sizeof(*bounds));
    if (!tally->bounds || begin_part(tally, NAN)) {
        tally_free(tally);
        return NULL;
    }
    memcpy(tally->bounds, bounds, count * sizeof(*bounds));
    tally->bound_count = count;
    return tally;
}

void tally_free(struct tally *tally)
{
    if (tally) {
        free(tally->bounds);
        free(tally->parts);
        free(tally->samples);
    }
    free(tally);
}

static struct tally_part *newest(struct tally *tally)
{
    return &tally->parts[tally->part_count - 1];
}

/* The part of a line. Lines do not go back: those of macros have the number of the line that called them. */
static int go_to_line(struct tally *tally, uint64_t line)
{
    size_t before = tally->bound;
    while (tally->bound < tally->bound_count && line >= tally->bounds[tally->bound])
        tally->bound++;
    if (line)
        tally->line = line;
    return tally->bound == before ? 0 : begin_part(tally, tally->by_height > 0 ? newest(tally)->z : NAN);
}

/* Something is printed at a height. */
static int go_to_height(struct tally *tally, double z)
{
    struct tally_part *part = newest(tally);
    if (tally->by_height > 0 && !isnan(part->z) && fabs(part->z - z) > tally->by_height)
        return begin_part(tally, z);
    if (isnan(part->z))
        part->z = z;
    return 0;
}

static int sample(struct tally *tally)
{
    double since = tally->last - tally->sampled;
    if (since < tally->period)
        return 0;
    struct tally_sample *samples = grown(tally->samples, tally->sample_count, &tally->sample_room, sizeof(*samples));
    if (!samples)
        return -ENOMEM;
    tally->samples = samples;
    samples[tally->sample_count++] = (struct tally_sample){
        .line = tally->line, .time = tally->last - tally->shifted, .speed = tally->way / since, .speed_most = tally->speed_most};
    tally->sampled = tally->last;
    tally->way = tally->speed_most = 0;
    return 0;
}

/* The time up to `until`, of which all before `from` was rest. */
static void pass(struct tally *tally, double from, double until)
{
    struct tally_part *part = newest(tally);
    part->rest += fmax(0, fmin(from, until) - tally->last);
    part->time += fmax(0, until - tally->last);
    tally->last = fmax(tally->last, until);
}

static double length_of(const struct trapq_move *move)
{
    double both = move->accel_t + move->decel_t, change = move->accel_t * move->accel_t + move->decel_t * move->decel_t;
    return move->cruise_v * (both + move->cruise_t) - 0.5 * move->accel * change;
}

static int is_way(const struct trapq_move *move)
{
    return move->direction[0] != 0 || move->direction[1] != 0 || move->direction[2] != 0;
}

/* One move: of the toolhead, of the filament, or of both at once. */
static int add(struct tally *tally, const struct trapq_move *way, const struct trapq_move *filament)
{
    const struct trapq_move *move = way ? way : filament;
    int error = go_to_line(tally, move->line);
    double pushed = filament ? length_of(filament) * filament->direction[0] : 0;
    if (!error && way && pushed > 0 && is_way(way))
        error = go_to_height(tally, way->start[2] + way->direction[2] * length_of(way));
    if (error)
        return error;
    struct tally_part *part = newest(tally);
    double end = trapq_move_end(move);
    part->line = part->line ? part->line : move->line;
    part->filament += pushed;
    part->lost += fmax(0, end - move->print_time - move->time_least);
    pass(tally, move->print_time, end);
    if (way && is_way(way)) {
        double length = length_of(way);
        part->way += length;
        tally->way += length;
        tally->speed_most = fmax(tally->speed_most, way->cruise_v);
    }
    return sample(tally);
}

int tally_take(struct tally *tally, const struct trapq *toolhead, const struct trapq *filament)
{
    uint64_t ways = trapq_end(toolhead), pushes = filament ? trapq_end(filament) : 0;
    int error = 0;
    while (!error && (tally->toolhead < ways || tally->filament < pushes)) {
        const struct trapq_move *way = tally->toolhead < ways ? trapq_get(toolhead, tally->toolhead) : NULL;
        const struct trapq_move *push = tally->filament < pushes ? trapq_get(filament, tally->filament) : NULL;
        if (way && push && way->print_time != push->print_time) {
            way = way->print_time < push->print_time ? way : NULL;
            push = way ? NULL : push;
        }
        tally->toolhead += way != NULL;
        tally->filament += push != NULL;
        if (!way && !push)
            return -EINVAL;
        error = add(tally, way, push);
    }
    return error;
}

int tally_rest(struct tally *tally, uint64_t line, double until)
{
    int error = go_to_line(tally, line);
    if (error)
        return error;
    pass(tally, until, until);
    return sample(tally);
}

void tally_skip(struct tally *tally, const struct trapq *toolhead, const struct trapq *filament)
{
    tally->toolhead = trapq_end(toolhead);
    tally->filament = filament ? trapq_end(filament) : 0;
}

void tally_change(struct tally *tally, uint64_t filament)
{
    tally->filament = filament;
}

void tally_shift(struct tally *tally, double by)
{
    tally->last += by;
    tally->sampled += by;
    tally->shifted += by;
}

const struct tally_part *tally_parts(const struct tally *tally, size_t *count)
{
    *count = tally->part_count;
    return tally->parts;
}

const struct tally_sample *tally_samples(const struct tally *tally, size_t *count)
{
    *count = tally->sample_count;
    return tally->samples;
}
