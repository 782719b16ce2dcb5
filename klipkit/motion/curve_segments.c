/* Curves, cut into segments whose times are polynomials of those of a quadratic (see inner/segment.h).
 *
 * A curve is halved until its turns are known. Each part of one direction, from its slow end, where the speed is v, to its
 * fast end, N steps and T ticks away, is compared with a quadratic motion of the same end speeds, whose time at a distance d is
 *
 *      u(d) = 2 d / (v + sqrt(v^2 + 2 a d))         so that      time(d) = u + u^2 (c0 + c1 u + c2 u^2 + c3 u^3)
 *
 * is smooth through a turn as well, and close to u. c0 .. c3 give the curve's time, speed and acceleration at both ends. What
 * is left between is of the sixth order; it is measured at two places, and a part with more of it than BENT_MOST is cut there.
 * A part that needs none of this is a quadratic, one of few steps is searched step by step.
 */
#include <errno.h>
#include <float.h>

#include "klipkit/motion/inner/order.h"
#include "klipkit/motion/inner/segment.h"

/* A part of a curve with less way than this holds no crossing of its own, steps; turns are found to within TURN_CLOSE ticks. */
static const double CURVE_STILL = 1e-9, TURN_CLOSE = 1e-4;

/* How far the time of a step may be off, ticks, as measured in a bent segment; and by bounds in a quadratic where steps may come faster
 * than FAST a tick, so that whole ticks matter. */
static const double BENT_MOST = 0.005, FLAT_FAST = 0.03, FAST = 0.25;

/* A stretch whose acceleration changes its times by less than this is of constant speed, ticks. */
static const double LINE_MOST = 1e-3;

/* Where what is left is measured, as a part of u; and there s^3 (1 - s)^3 of what it is in the middle. */
static const double EARLY = 0.2, EARLY_PART = 0.25;

/* The bend of the first derivative may not be more: the time rises, and the bounds of the proof are close. */
static const double TILT_MOST = 0.1;

/* A stretch whose slow end has less than this part of the speed of the fast one is measured from the turn before it; that may be so
 * many times as far off as the fast end, and there this part of the speed is none. */
static const double NEAR_TURN = 0.95, TURN_AWAY = 40, TURN_STILL = 1e-7;

/* A part whose slow end has more than this part of the speed of the fast one needs no measuring when its first derivative is bent
 * by no more than TILT_SMALL and the last two terms of its polynomial are no more than LAST_MOST ticks. */
static const double STEADY = 0.6, TILT_SMALL = 0.02, LAST_MOST = 0.04;

/* Slower than this a step is as if it had this speed, steps a tick; less ticks are not halved. */
static const double SPEED_LEAST = 1e-9, TICKS_LEAST = 1e-2;

/* Halvings of a curve; what is then not known to be of one direction has far less than a tick. Steps that are searched singly. */
enum { DEPTH_MOST = 48, SINGLES = 2, TURN_ROUNDS = 4, ROUNDS = 100 };

/* A curve between two times where its third derivative is known. */
struct part {
    struct segments *segments;
    const struct curve *curve;
    double time, third;
};

/* A quadratic's segment from the speeds at its ends, in the direction of the motion. */
static void fill(const struct segments *segments, const struct stretch *stretch, double v0, double v1, struct segment *segment)
{
    int slow = v0 <= v1 ? 0 : 1;
    double v = slow ? v1 : v0;
    segment->side = slow ? -1 : 1;
    segment->anchor = stretch->time + (slow ? stretch->ticks : 0);
    double level = (double)segments->position + 0.5 * segment->direction;
    segment->reach = segment->side * segment->direction * (level - stretch->p[slow]);
    segment->v = v;
    segment->v2 = v * v;
    segment->a2 = 2 * fabs(v1 - v0) / stretch->ticks;
    segment->is_bent = 0;
}

/* The quadratic that has the stretch's ends and its mean acceleration differs from it by at most third ticks^3 / 60: twice the
 * greatest value of the third Bernoulli polynomial, over 6. Its speed differs by third ticks^2 / 6 at most. */
int segments_append_stretch(struct segments *segments, const struct stretch *stretch)
{
    double w = stretch->ticks, square = stretch->third * w * w, v0 = stretch->v[0], v1 = stretch->v[1];
    double least = order_lesser(fabs(v0), fabs(v1)) - 0.125 * square;
    if (v0 == 0 && v1 == 0 && stretch->third == 0)
        return 0;
    double flat = order_greater(fabs(v0), fabs(v1)) > FAST ? FLAT_FAST : segments->flat;
    if (!(v0 * v1 > 0 && square <= 4 * least && square * w <= 60 * flat * least))
        return 1;
    int direction = v0 > 0 ? 1 : -1;
    int64_t count = segments_count(segments, stretch->p[0], stretch->p[1], v1, direction);
    if (count <= 0)
        return (int)count;
    struct segment *segment = segments_draft(segments);
    if (!segment)
        return -ENOMEM;
    double mean = (stretch->p[1] - stretch->p[0]) * direction / w, half = 0.5 * (v1 - v0) * direction;
    if (fabs(half) * w <= 4 * LINE_MOST * least)
        half = 0;
    segment->direction = direction;
    segment->count = count;
    fill(segments, stretch, order_greater(mean - half, 0), order_greater(mean + half, 0), segment);
    segments_finish(segments, segment, stretch->p[1]);
    return 0;
}

/* A segment of one step, found by a search from `place` on. */
static int append_single(const struct part *part, const double between[2], int direction, double end, struct curve_place *place)
{
    struct segments *segments = part->segments;
    curve_solve(part->curve, between, part->third, (double)segments->position + 0.5 * direction, direction, place);
    struct segment *segment = segments_draft(segments);
    if (!segment)
        return -ENOMEM;
    double accel = place->at.a * direction;
    segment->direction = direction;
    segment->count = 1;
    segment->anchor = part->time + place->t;
    segment->side = accel < 0 ? -1 : 1;
    segment->reach = 0;
    segment->v = order_greater(place->at.v * direction, SPEED_LEAST);
    segment->v2 = segment->v * segment->v;
    segment->a2 = order_greater(2 * fabs(accel), DBL_MIN);
    segment->is_bent = 0;
    segments_finish(segments, segment, end);
    return 0;
}

/* When a motion is at a level that has the ends' places, and speeds in their proportion, at a constant acceleration. */
static double guess(const struct curve_place *begin, const struct curve_place *end, double level)
{
    double way = end->at.p - begin->at.p, part = (level - begin->at.p) / way, sum = begin->at.v + end->at.v;
    double v = begin->at.v / sum, v2 = v * v + (1 - 2 * v) * part; /* of the mean speed: twice v .. twice 1 - v */
    return begin->t + (end->t - begin->t) * part / (v + sqrt(order_greater(v2, 0)));
}

static int append_singles(const struct part *part, const struct curve_place *begin, const struct curve_place *end,
                          int direction, int64_t count)
{
    const double between[2] = {begin->t, end->t};
    for (; count > 0; count--) {
        double level = (double)part->segments->position + 0.5 * direction, upto = count > 1 ? level : end->at.p;
        struct curve_place place = {.t = guess(begin, end, level)};
        int error = append_single(part, between, direction, upto, &place);
        if (error)
            return error;
    }
    return 0;
}

/* What is asked of the bend at the slow end, where it and its first derivative are 0, and at the fast end, at u = length. */
struct wish {
    double length, slow2, fast, fast1, fast2;
};

/* Fills in the polynomial and gives its last two terms, ticks; HUGE_VAL: it is bent too much. */
static double bend(const struct wish *wish, struct segment *segment)
{
    double u = wish->length, b2 = 0.5 * wish->slow2 * u * u;
    double f = wish->fast - b2, f1 = wish->fast1 * u - 2 * b2, f2 = wish->fast2 * u * u - 2 * b2;
    double b3 = 10 * f - 4 * f1 + 0.5 * f2, b4 = 7 * f1 - 15 * f - f2, b5 = 6 * f - 3 * f1 + 0.5 * f2;
    double r = 1 / u, r2 = r * r;
    segment->tilt[0] = (2 * fabs(b2) + 3 * fabs(b3) + 4 * fabs(b4) + 5 * fabs(b5)) * r;
    segment->tilt[1] = (2 * fabs(b2) + 6 * fabs(b3) + 12 * fabs(b4) + 20 * fabs(b5)) * r2;
    segment->tilt[2] = (6 * fabs(b3) + 24 * fabs(b4) + 60 * fabs(b5)) * r2 * r;
    segment->bend[0] = b2 * r2;
    segment->bend[1] = b3 * r2 * r;
    segment->bend[2] = b4 * r2 * r2;
    segment->bend[3] = b5 * r2 * r2 * r;
    return segment->tilt[0] <= TILT_MOST ? fabs(b4) + fabs(b5) : HUGE_VAL;
}

/* The turn that the curve comes from, as it would be before its slow end: not further from there than the fast end is times
 * TURN_AWAY. 0: there is none. */
static int turn_before(const struct curve *curve, const struct curve_place *slow, const struct curve_place *fast,
                       struct curve_place *turn)
{
    double away = TURN_AWAY * fabs(fast->t - slow->t), v = fabs(fast->at.v);
    *turn = *slow;
    for (int i = 0; i < TURN_ROUNDS; i++) {
        if (fabs(turn->at.v) <= TURN_STILL * v)
            break;
        turn->t -= turn->at.v / turn->at.a;
        if (!(fabs(turn->t - slow->t) <= away))
            return 0;
        curve_at(curve, turn->t, &turn->at);
    }
    if (!(fabs(turn->at.v) <= TURN_STILL * v) || (turn->t - slow->t) * (fast->t - slow->t) > 0)
        return 0;
    turn->at.v = 0;
    return 1;
}

/* The acceleration of the quadratic motion: that which has the speeds of both ends; or that at a turn, or that has its turn where the
 * curve has. */
static double base_accel(const struct part *part, const struct curve_place *slow, const struct curve_place *fast, int turns)
{
    double v = fabs(slow->at.v), vf = fabs(fast->at.v);
    struct curve_place turn;
    if (v == 0)
        return fabs(slow->at.a);
    if (turns && v < NEAR_TURN * vf && turn_before(part->curve, slow, fast, &turn))
        return 0.5 * v * v / fabs(slow->at.p - turn.at.p);
    return 0.5 * (vf * vf - v * v) / fabs(fast->at.p - slow->at.p);
}

/* Chooses the quadratic, and bends it: as bend. With P the bent u: time' = P' / w, time'' = P'' / w^2 - a P' / w^3. */
static double bend_by(const struct part *part, const struct curve_place *slow, const struct curve_place *fast, int turns,
                      struct segment *segment)
{
    double turned = segment->side * segment->direction, d = fabs(fast->at.p - slow->at.p), t = fabs(fast->t - slow->t);
    double v = segment->v, r = 1 / fabs(fast->at.v), a = base_accel(part, slow, fast, turns);
    double w = sqrt(v * v + 2 * a * d), u = 2 * d / (v + w), wr = w * r;
    if (!(w > 0 && isfinite(u)))
        return HUGE_VAL;
    segment->length = u;
    segment->a2 = order_greater(2 * a, DBL_MIN);
    double slow2 = v > 0 ? (a - slow->at.a * turned) / v
                         : curve_jerk(part->curve, slow->t) * segment->direction / (-3 * a);
    return bend(&(struct wish){u, slow2, t - u, wr - 1, (a - fast->at.a * turned * wr * wr) * r}, segment);
}

/* By how much a bent segment misses the curve at u, ticks; *place: there. */
static double miss(const struct part *part, const struct segment *segment, const struct curve_place *slow, double u,
                   struct curve_place *place)
{
    place->t = slow->t + segment->side * segment_bend(segment, u);
    curve_at(part->curve, place->t, &place->at);
    double d = (place->at.p - slow->at.p) * segment->side * segment->direction;
    return fabs((d - u * (segment->v + 0.25 * segment->a2 * u)) / place->at.v);
}

/* Fills in a bent segment; 0: it misses the curve. *middle is set to a place to cut at. Where the speed changes little and the last
 * terms are small the next one, of which at most 1 / 64 is left, need not be measured. */
static int bend_over(const struct part *part, const struct curve_place *begin, const struct curve_place *end, int few,
                     struct segment *segment, struct curve_place *middle)
{
    int starts_slow = begin->at.v * segment->direction <= end->at.v * segment->direction;
    const struct curve_place *slow = starts_slow ? begin : end, *fast = starts_slow ? end : begin;
    double level = (double)part->segments->position + 0.5 * segment->direction;
    segment->side = starts_slow ? 1 : -1;
    segment->anchor = part->time + slow->t;
    segment->reach = segment->side * segment->direction * (level - slow->at.p);
    segment->v = order_greater(slow->at.v * segment->direction, 0);
    segment->v2 = segment->v * segment->v;
    segment->is_bent = 1;
    middle->t = HUGE_VAL;
    if (segment->v > STEADY * fabs(fast->at.v) && bend_by(part, slow, fast, 0, segment) <= LAST_MOST &&
        segment->tilt[0] <= TILT_SMALL)
        return 1;
    if (few || !(bend_by(part, slow, fast, 1, segment) < HUGE_VAL))
        return 0;
    if (!(miss(part, segment, slow, 0.5 * segment->length, middle) <= BENT_MOST))
        return 0;
    struct curve_place early;
    return miss(part, segment, slow, EARLY * segment->length, &early) <= EARLY_PART * BENT_MOST;
}

/* A place to cut at, well inside. */
static void find_middle(const struct curve *curve, const struct curve_place *begin, const struct curve_place *end,
                        struct curve_place *middle)
{
    double edge = 0.125 * (end->t - begin->t);
    if (middle->t >= begin->t + edge && middle->t <= end->t - edge)
        return;
    middle->t = 0.5 * (begin->t + end->t);
    curve_at(curve, middle->t, &middle->at);
}

/* A part of one direction; `untried`: it may be a quadratic. */
static int append_part(const struct part *part, const struct curve_place *begin, const struct curve_place *end, int depth,
                       int untried)
{
    struct segments *segments = part->segments;
    double ticks = end->t - begin->t;
    if (untried) {
        int error = segments_append_stretch(segments, &(struct stretch){part->time + begin->t, ticks,
            {begin->at.p, end->at.p}, {begin->at.v, end->at.v}, part->third});
        if (error <= 0)
            return error;
    }
    int direction = end->at.p > begin->at.p ? 1 : -1;
    int64_t count = segments_count(segments, begin->at.p, end->at.p, end->at.v, direction);
    if (count <= 0)
        return (int)count;
    struct segment *segment = segments_draft(segments);
    struct curve_place middle;
    if (!segment)
        return -ENOMEM;
    segment->direction = direction;
    segment->count = count;
    int few = count <= SINGLES || depth == DEPTH_MOST || ticks < TICKS_LEAST;
    if (bend_over(part, begin, end, few, segment, &middle)) {
        segments_finish(segments, segment, end->at.p);
        return 0;
    }
    if (few)
        return append_singles(part, begin, end, direction, count);
    find_middle(part->curve, begin, end, &middle);
    int error = append_part(part, begin, &middle, depth + 1, 1);
    return error ? error : append_part(part, &middle, end, depth + 1, 1);
}

/* What is known of a curve's turns between two times. */
enum shape { NO_TURN, ONE_TURN, UNKNOWN, STILL };

/* From bounds of the second and third derivative no turn follows, or one at most. */
static enum shape shape_of(double w, double third, const struct curve_point *a, const struct curve_point *b)
{
    double bent = order_greater(fabs(a->a), fabs(b->a)) + 0.5 * third * w;
    if ((order_greater(fabs(a->v), fabs(b->v)) + bent * w) * w < CURVE_STILL)
        return STILL;
    if (a->v * b->v > 0 && order_lesser(fabs(a->v), fabs(b->v)) > 0.125 * third * w * w)
        return NO_TURN;
    if (a->a * b->a > 0 && order_lesser(fabs(a->a), fabs(b->a)) > 0.5 * third * w)
        return a->v * b->v >= 0 ? NO_TURN : ONE_TURN;
    return UNKNOWN;
}

/* Where the speed is 0, when it has one sign at the beginning and the other at the end: Newton's iteration between brackets. */
static void find_turn(const struct curve *curve, const struct curve_place *begin, const struct curve_place *end,
                      struct curve_place *turn)
{
    double from = begin->t, to = end->t, v0 = begin->at.v, t = from + (to - from) * v0 / (v0 - end->at.v);
    for (int round = 0; round < ROUNDS; round++) {
        turn->t = t;
        curve_at(curve, t, &turn->at);
        double step = -turn->at.v / turn->at.a;
        if (turn->at.v * v0 > 0)
            from = t;
        else
            to = t;
        if (fabs(step) <= TURN_CLOSE || to - from <= TURN_CLOSE)
            break;
        t = t + step > from && t + step < to ? t + step : 0.5 * (from + to);
    }
    turn->at.v = 0;
}

/* Halves a curve until each part's turns are known; |p'''| <= third. */
static int cut(const struct part *whole, const struct curve_place *begin, const struct curve_place *end, int depth)
{
    const struct curve *curve = whole->curve;
    struct part part = *whole;
    enum shape shape = depth == DEPTH_MOST ? NO_TURN : shape_of(end->t - begin->t, part.third, &begin->at, &end->at);
    struct curve_place middle;
    int error = 0;
    if (shape == STILL)
        return 0;
    if (shape == NO_TURN)
        return append_part(&part, begin, end, 0, depth > 0);
    if (shape == ONE_TURN) {
        find_turn(curve, begin, end, &middle);
        error = append_part(&part, begin, &middle, 0, 1);
        return error ? error : append_part(&part, &middle, end, 0, 1);
    }
    middle.t = 0.5 * (begin->t + end->t);
    curve_at(curve, middle.t, &middle.at);
    part.third = order_lesser(part.third, curve_third(curve, begin->t, middle.t));
    error = cut(&part, begin, &middle, depth + 1);
    part.third = order_lesser(whole->third, curve_third(curve, middle.t, end->t));
    return error ? error : cut(&part, &middle, end, depth + 1);
}

int segments_append_curve(struct segments *segments, double time, const struct curve *curve, double third,
                          const struct curve_point ends[2])
{
    struct curve_place begin = {curve->from, ends[0]}, end = {curve->to, ends[1]};
    if (!isfinite(begin.at.p + end.at.p))
        return -ERANGE;
    return cut(&(struct part){segments, curve, time, third}, &begin, &end, 0);
}
