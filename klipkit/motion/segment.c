/* Motions under constant acceleration, cut into segments of one direction with whole steps (see inner/segment.h). */
#include "klipkit/motion/inner/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/motion/inner/order.h"

/* A level counts as crossed when it is passed by this much, a full step as reached when it is missed by less, steps: more
 * than the rounding of a position (2e-9 for 1e7 steps), so that a move which ends on a level makes no pair of steps there. */
static const double CROSSING = 1e-7;

/* How far from half a step off a motion may begin, steps. */
static const double JUMP_MOST = 0.5 + 1e-3;

/* A part of a curve with less way than this holds no crossing of its own, steps; turns are found to within TURN_CLOSE ticks. */
static const double CURVE_STILL = 1e-9, TURN_CLOSE = 1e-4;

/* Halvings of a curve; what is then not known to be of one direction has far less than a tick. */
enum { DEPTH_MOST = 48 };

/* The curves have moved. */
static void relink(struct segments *segments)
{
    for (size_t i = segments->front; segments->curves && i < segments->end; i++)
        if (segments->items[i].curve)
            segments->items[i].curve = &segments->curves[i];
}

static int make_room(struct segments *segments)
{
    if (segments->end + 1 < segments->room)
        return 0;
    size_t room = segments->room ? 2 * segments->room : 64;
    struct segment *items = realloc(segments->items, room * sizeof(*items));
    if (!items)
        return -ENOMEM;
    segments->items = items;
    if (segments->curves) {
        struct curve *curves = realloc(segments->curves, room * sizeof(*curves));
        if (!curves)
            return -ENOMEM;
        segments->curves = curves;
    }
    segments->room = room;
    relink(segments);
    return 0;
}

static struct segment *new_segment(struct segments *segments)
{
    if (make_room(segments))
        return NULL;
    segments->items[segments->end + 1].before = HUGE_VAL;
    segments->items[segments->end].curve = NULL;
    return &segments->items[segments->end++];
}

/* Gives the newest segment its curve; -ENOMEM. */
static int bend(struct segments *segments, const struct curve *curve)
{
    size_t last = segments->end - 1;
    if (!segments->curves)
        segments->curves = malloc(segments->room * sizeof(*segments->curves));
    if (!segments->curves)
        return -ENOMEM;
    segments->curves[last] = *curve;
    segments->items[last].curve = &segments->curves[last];
    return 0;
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
    if (!there->count && left) {
        *there = *back;
        if (there->curve)
            segments->curves[segments->end - 1] = *back->curve;
        relink(segments);
    }
    segments->items[segments->end].before = HUGE_VAL;
    return left;
}

/* The steps between two positions; also keeps account of where the stepper was. -ERANGE: a jump. */
static int64_t count_steps(struct segments *segments, double begin, double end, int direction)
{
    segments->lowest = order_lesser(segments->lowest, end);
    segments->highest = order_greater(segments->highest, end);
    if (!(fabs(begin - (double)segments->position) <= JUMP_MOST))
        return -ERANGE;
    int64_t next = (int64_t)(direction > 0 ? floor(end + 0.5 - CROSSING) : ceil(end - 0.5 + CROSSING));
    int64_t count = (next - segments->position) * direction;
    return count > 0 ? count : 0;
}

/* The times and the end of a new segment. */
static void finish(struct segments *segments, struct segment *segment, double end)
{
    segment->first = segment_time(segment, 0);
    segment->last = segment_time(segment, segment->count - 1);
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
    int64_t count = count_steps(segments, position_at(motion, part->from), end, direction);
    if (count <= 0)
        return (int)count;
    struct segment *segment = new_segment(segments);
    if (!segment)
        return -ENOMEM;
    segment->direction = direction;
    segment->count = count;
    anchor(segment, motion, part, (double)segments->position + 0.5 * direction);
    finish(segments, segment, end);
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

/* A part of a curve that goes in one direction. */
static int append_bent(struct segments *segments, double time, struct curve *part)
{
    struct curve_point begin, end;
    curve_at(part, part->from, &begin);
    curve_at(part, part->to, &end);
    int direction = end.p > begin.p ? 1 : -1;
    int64_t count = count_steps(segments, begin.p, end.p, direction);
    if (count <= 0)
        return (int)count;
    struct segment *segment = new_segment(segments);
    part->third = curve_third(part, part->from, part->to);
    part->near = part->from;
    if (!segment || bend(segments, part))
        return -ENOMEM;
    segment->anchor = time;
    segment->reach = (double)segments->position + 0.5 * direction;
    segment->side = segment->direction = direction;
    segment->v = segment->v2 = 0;
    segment->a2 = HUGE_VAL;
    segment->count = count;
    finish(segments, segment, end.p);
    return 0;
}

/* What is known of a curve's turns between two times. */
enum shape { NO_TURN, ONE_TURN, UNKNOWN, STILL };

/* From bounds of the second and third derivative no turn follows, or one at most. */
static enum shape shape_of(const struct curve *curve, const struct curve_point *a, const struct curve_point *b)
{
    double w = curve->to - curve->from, third = curve_third(curve, curve->from, curve->to);
    double bent = order_greater(fabs(a->a), fabs(b->a)) + 0.5 * third * w;
    if ((order_greater(fabs(a->v), fabs(b->v)) + bent * w) * w < CURVE_STILL)
        return STILL;
    if (a->v * b->v > 0 && order_lesser(fabs(a->v), fabs(b->v)) > 0.5 * bent * w)
        return NO_TURN;
    if (a->a * b->a > 0 && order_lesser(fabs(a->a), fabs(b->a)) > 0.5 * third * w)
        return a->v * b->v >= 0 ? NO_TURN : ONE_TURN;
    return UNKNOWN;
}

/* Where the speed is 0, when it is `v` at the beginning and has the other sign at the end. */
static double find_turn(const struct curve *curve, double v)
{
    double from = curve->from, to = curve->to;
    while (to - from > TURN_CLOSE) {
        struct curve_point point;
        double middle = 0.5 * (from + to);
        curve_at(curve, middle, &point);
        if (point.v * v > 0)
            from = middle;
        else
            to = middle;
    }
    return 0.5 * (from + to);
}

/* Halves a curve until each part's turns are known. */
static int cut(struct segments *segments, double time, const struct curve *curve, int depth)
{
    struct curve_point begin, end;
    struct curve first = *curve, second = *curve;
    curve_at(curve, curve->from, &begin);
    curve_at(curve, curve->to, &end);
    if (!isfinite(begin.p + end.p))
        return -ERANGE;
    enum shape shape = depth == DEPTH_MOST ? NO_TURN : shape_of(curve, &begin, &end);
    if (shape == STILL)
        return 0;
    if (shape == NO_TURN)
        return append_bent(segments, time, &first);
    if (shape == ONE_TURN) {
        first.to = second.from = find_turn(curve, begin.v);
        int error = append_bent(segments, time, &first);
        return error ? error : append_bent(segments, time, &second);
    }
    first.to = second.from = 0.5 * (curve->from + curve->to);
    int error = cut(segments, time, &first, depth + 1);
    return error ? error : cut(segments, time, &second, depth + 1);
}

int segments_append_curve(struct segments *segments, double time, const struct curve *curve)
{
    return cut(segments, time, curve, 0);
}

void segments_compact(struct segments *segments)
{
    size_t held = segments->end - segments->front;
    if (segments->front && held)
        memmove(segments->items, segments->items + segments->front, held * sizeof(*segments->items));
    if (segments->front && held && segments->curves)
        memmove(segments->curves, segments->curves + segments->front, held * sizeof(*segments->curves));
    segments->front = 0;
    segments->end = held;
    relink(segments);
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
