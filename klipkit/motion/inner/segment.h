/* Segments: stretches of one direction and constant acceleration that hold at least one step, and the time of each step.
 *
 * A segment is anchored at its slow end, where the speed is v. With d the distance from there, all terms are positive and
 * nothing cancels, through v = 0 and without acceleration alike:
 *
 *     time = anchor +- 2 d / (v + sqrt(v^2 + 2 a d))            d = reach + side * j   for step j = 0 .. count - 1
 *
 * With u the fraction, a segment of a curve bends that time: time = anchor +- (u + u^2 (c0 + c1 u + c2 u^2 + c3 u^3)), see curve_segments.c.
 *
 * Units: steps, and ticks from a base that the owner of the queue keeps (doubles are exact enough for about 2^46 of them).
 */
#ifndef KLIPKIT_MOTION_INNER_SEGMENT_H
#define KLIPKIT_MOTION_INNER_SEGMENT_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "klipkit/motion/inner/curve.h"

struct segment {
    double anchor;          /* time of the slow end; of the curve's t = 0 */
    double reach;           /* distance of step 0 from the slow end */
    double side;            /* +1: the slow end is the start; -1: it is the end */
    double v, v2, a2;       /* speed at the slow end, its square, twice the acceleration (not negative) */
    double first, last;     /* times of the first and the last step */
    double before;          /* from the step before the segment to `first`; HUGE_VAL for none */
    int64_t count;
    int direction;          /* +1 or -1 */
    int is_bent;            /* 0: constant acceleration, what follows is not filled in */
    double length;          /* u at its fast end */
    double bend[4];         /* c0 .. c3 */
    double tilt[3];         /* of the bent u the first derivative is no further than tilt[0] from 1, |second|, |third| <= the others */
};

/* Motion of one stepper under constant acceleration, while from <= t <= to: position + velocity t + accel t^2 / 2. */
struct quadratic {
    double time;            /* of t = 0 */
    double from, to;
    double position, velocity, accel;
};

/* Segments in order of time: items[front .. end), and items[end] with `before` HUGE_VAL. All zero but `last` at first.
 *
 * Two steps there and back, less than `graze` ticks apart, are dropped unless the full step was reached in between: silent
 * drivers (TMC2208 and the like in stealthChop) may shut down on them. So a step is final when `graze` ticks more have been appended.
 */
struct segments {
    struct segment *items;
    size_t front, end, room;
    int64_t position;       /* the whole step after the last of them */
    double last;            /* when that step is taken, -HUGE_VAL for never */
    double graze;
    double flat;            /* how far the times of a stretch that is taken for a quadratic may be off, ticks */
    double lowest, highest; /* true positions since then */
    double known[6];        /* for the kinematics that append: what was costly at the last place */
};

/* A distance that is never quite 0 keeps the derivatives finite. Steps. */
#define SEGMENT_DISTANCE_LEAST 1e-12

static inline double segment_distance(const struct segment *segment, int64_t step)
{
    double d = segment->reach + segment->side * (double)step;
    return d > SEGMENT_DISTANCE_LEAST ? d : SEGMENT_DISTANCE_LEAST;
}

/* The time of a bent segment at u. */
static inline double segment_bend(const struct segment *segment, double u)
{
    const double *c = segment->bend;
    return u + u * u * (c[0] + u * (c[1] + u * (c[2] + u * c[3])));
}

/* When step `step` of a segment is. */
static inline double segment_time(const struct segment *segment, int64_t step)
{
    double d = segment_distance(segment, step);
    double u = 2 * d / (segment->v + sqrt(segment->v2 + segment->a2 * d));
    return segment->anchor + segment->side * (segment->is_bent ? segment_bend(segment, u) : u);
}

/* Append the segments of a motion: none, one, or two if it turns round. -ERANGE: it begins more than about half a step from
 * where the motion before it ended; -ENOMEM. */
int segments_append(struct segments *segments, const struct quadratic *motion);

/* A motion between two times where |p'''| <= third: p and p' at either end. */
struct stretch {
    double time, ticks;     /* when it begins, how long it is */
    double p[2], v[2], third;
};

/* Append the segment of a stretch that has no turn and is nearly a quadratic. As segments_append; 1: it is not, by what
 * is known, and nothing was done. */
int segments_append_stretch(struct segments *segments, const struct stretch *stretch);

/* Append the segments of a curve whose t = 0 is at `time`, with what is known of its ends, cut where it turns round; |p'''| <= third,
 * as far as is known. It was no stretch. As segments_append; -ERANGE also: out of the arm's reach. */
int segments_append_curve(struct segments *segments, double time, const struct curve *curve, double third,
                          const struct curve_point ends[2]);

/* For those that append: how many steps there are between two positions of a motion of one direction, which are noted (-ERANGE: a
 * jump), v being the speed at the end; the place of a segment to be filled in (NULL: no memory); makes it the newest, with its times, and where it ends. */
int64_t segments_count(struct segments *segments, double begin, double end, double v, int direction);
struct segment *segments_draft(struct segments *segments);
void segments_finish(struct segments *segments, struct segment *segment, double end);

/* Give up the places of segments before the front. */
void segments_compact(struct segments *segments);

/* Count time from a base that is `ticks` (a whole number) later. */
void segments_rebase(struct segments *segments, double ticks);
#endif
