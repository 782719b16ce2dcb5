/* Motions under constant acceleration, cut into segments of one direction with whole steps (see inner/segment.h). */
#include "klipkit/motion/inner/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A level counts as crossed when it is passed by this much, steps: more than the rounding of a position (2e-9 for 1e7
 * steps), so that a move which ends on a level makes no pair of steps there. */
static const double CROSSING = 1e-7;

/* How far from half a step off a motion may begin, steps. */
static const double JUMP_MOST = 0.5 + 1e-3;

static struct segment *new_segment(struct segments *segments)
{
    if (segments->end + 1 >= segments->room) {
        size_t room = segments->room ? 2 * segments->room : 64;
        struct segment *items = realloc(segments->items, room * sizeof(*items));
        if (!items)
            return NULL;
        segments->items = items;
        segments->room = room;
    }
    segments->items[segments->end + 1].before = HUGE_VAL;
    return &segments->items[segments->end++];
}

/* A motion's part of one direction: from, to, and the speeds there. */
struct part {
    double from, to, from_v, to_v;
};

static double position_at(const struct quadratic *motion, double t)
{
    return motion->position + t * (motion->velocity + 0.5 * motion->accel * t);
}

/* Anchors a segment whose first level (half a step) is `level` at the slow end of the part. */
static void anchor(struct segment *segment, const struct quadratic *motion, const struct part *part, double level)
{
    int starts_slow = motion->accel * segment->direction >= 0;
    double end = starts_slow ? part->from : part->to, v = starts_slow ? part->from_v : part->to_v;
    segment->side = starts_slow ? 1 : -1;
    segment->anchor = motion->time + end;
    segment->reach = segment->side * segment->direction * (level - position_at(motion, end));
    segment->v = fmax(v * segment->direction, 0);
    segment->v2 = segment->v * segment->v;
    segment->a2 = 2 * fabs(motion->accel);
}

static int append_part(struct segments *segments, const struct quadratic *motion, const struct part *part)
{
    double speed = part->from_v + part->to_v, end = position_at(motion, part->to);
    if (speed == 0)
        return 0;
    if (fabs(position_at(motion, part->from) - (double)segments->position) > JUMP_MOST)
        return -ERANGE;
    int direction = speed > 0 ? 1 : -1;
    int64_t next = (int64_t)(direction > 0 ? floor(end + 0.5 - CROSSING) : ceil(end - 0.5 + CROSSING));
    int64_t count = (next - segments->position) * direction;
    if (count <= 0)
        return 0;
    struct segment *segment = new_segment(segments);
    if (!segment)
        return -ENOMEM;
    segment->direction = direction;
    segment->count = count;
    anchor(segment, motion, part, (double)segments->position + 0.5 * direction);
    segment->first = segment_time(segment, 0);
    segment->last = segment_time(segment, count - 1);
    segment->before = segment->first - segments->last;
    segments->last = segment->last;
    segments->position = next;
    return 0;
}

int segments_append(struct segments *segments, const struct quadratic *motion)
{
    double from_v = motion->velocity + motion->accel * motion->from;
    double to_v = motion->velocity + motion->accel * motion->to;
    if (from_v * to_v >= 0)
        return append_part(segments, motion, &(struct part){motion->from, motion->to, from_v, to_v});
    double turn = -motion->velocity / motion->accel;
    int error = append_part(segments, motion, &(struct part){motion->from, turn, from_v, 0});
    return error ? error : append_part(segments, motion, &(struct part){turn, motion->to, 0, to_v});
}

void segments_compact(struct segments *segments)
{
    size_t held = segments->end - segments->front;
    if (segments->front && held)
        memmove(segments->items, segments->items + segments->front, held * sizeof(*segments->items));
    segments->front = 0;
    segments->end = held;
    if (held)
        segments->items[held].before = HUGE_VAL;
}

void segments_rebase(struct segments *segments, double ticks)
{
    for (size_t i = segments->front; i < segments->end; i++) {
        struct segment *segment = &segments->items[i];
        segment->anchor -= ticks;
        segment->first -= ticks;
        segment->last -= ticks;
    }
    segments->last -= ticks;
}
