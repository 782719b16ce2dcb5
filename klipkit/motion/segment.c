/* Motions under constant acceleration, cut into segments of one direction with whole steps (see inner/segment.h). */
#include "klipkit/motion/inner/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/motion/inner/order.h"

/* A level counts as crossed when it is passed by this much, a full step as reached when it is missed by less, steps: more
 * than the rounding of a position (2e-9 for 1e7 steps), so that a move which ends on a level makes no pair of steps there. */
static const double CROSSING = 1e-7;

/* Where a motion goes on, that is many ticks of a slow one: there a level is crossed when it is passed by more than rounding, steps
 * and part of the position. */
static const double PASSED = 1e-9, PASSED_PART = 1e-15;

/* How far from half a step off a motion may begin, steps. */
static const double JUMP_MOST = 0.5 + 1e-3;

static int make_room(struct segments *segments)
{
    if (segments->end + 1 < segments->room)
        return 0;
    size_t room = segments->room ? 2 * segments->room : 64;
    struct segment *items = realloc(segments->items, room * sizeof(*items));
    if (!items)
        return -ENOMEM;
    segments->items = items;
    segments->room = room;
    return 0;
}

struct segment *segments_draft(struct segments *segments)
{
    return make_room(segments) ? NULL : &segments->items[segments->end];
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
    segment->is_bent = 0;
}

/* Are the last step but those of the newest segment, and the first one of it, a pair that only grazed the half-way point? */
static int is_graze(const struct segments *segments)
{
    if (segments->end - segments->front < 2)
        return 0;
    const struct segment *there = &segments->items[segments->end - 2], *back = there + 1;
    if (there->direction == back->direction || back->before >= segments->graze)
        return 0;
    double full = (double)(segments->position - back->direction * back->count);
    return there->direction > 0 ? segments->highest < full - CROSSING : segments->lowest > full + CROSSING;
}

/* Drops that pair, and segments that have no step left; is there one left of the newest? */
static int drop_graze(struct segments *segments)
{
    struct segment *there = &segments->items[segments->end - 2], *back = there + 1;
    double before = there->first - there->before;
    if (--there->count)
        before = there->last = segment_time(there, there->count - 1);
    segments->last = before;
    if (--back->count) {
        back->reach += back->side;
        back->first = segment_time(back, 0);
        back->before = back->first - before;
        segments->last = back->last;
    }
    int left = back->count > 0;
    segments->end -= (size_t)(!there->count + !left);
    if (!there->count && left)
        *there = *back;
    segments->items[segments->end].before = HUGE_VAL;
    return left;
}

/* The last whole step in front of which the level before `end` is crossed, where the speed is v. */
static double step_reached(double end, double v)
{
    double level = end + 0.5, step = order_floor(level - CROSSING), passed = level - (step + 1);
    return passed > PASSED + PASSED_PART * fabs(end) && v != 0 ? step + 1 : step;
}

int64_t segments_count(struct segments *segments, double begin, double end, double v, int direction)
{
    segments->lowest = order_lesser(segments->lowest, end);
    segments->highest = order_greater(segments->highest, end);
    if (!(fabs(begin - (double)segments->position) <= JUMP_MOST))
        return -ERANGE;
    int64_t count = (int64_t)step_reached(end * direction, v) - segments->position * direction;
    return count > 0 ? count : 0;
}

void segments_finish(struct segments *segments, struct segment *segment, double end)
{
    segments->end++;
    segment[1].before = HUGE_VAL;
    segment->first = segment_time(segment, 0);
    segment->last = segment->count > 1 ? segment_time(segment, segment->count - 1) : segment->first;
    segment->before = segment->first - segments->last;
    segments->last = segment->last;
    segments->position += segment->count * segment->direction;
    if (!is_graze(segments) || drop_graze(segments))
        segments->lowest = segments->highest = end;
}

static int append_part(struct segments *segments, const struct quadratic *motion, const struct part *part)
{
    double speed = part->from_v + part->to_v, end = position_at(motion, part->to);
    if (speed == 0)
        return 0;
    int direction = speed > 0 ? 1 : -1;
    int64_t count = segments_count(segments, position_at(motion, part->from), end, part->to_v, direction);
    if (count <= 0)
        return (int)count;
    struct segment *segment = segments_draft(segments);
    if (!segment)
        return -ENOMEM;
    segment->direction = direction;
    segment->count = count;
    anchor(segment, motion, part, (double)segments->position + 0.5 * direction);
    segments_finish(segments, segment, end);
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
