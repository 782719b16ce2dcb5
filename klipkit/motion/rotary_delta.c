/* Rotary delta kinematics: the angle of an upper arm, from whose elbow a lower arm holds the toolhead.
 *
 *         shoulder o____                     seen from the side, the upper arm turns in this plane, which is that of
 *                  angle \ upper arm         the axis through the middle; the lower arm may leave it
 *       |                 o elbow
 *   middle  toolhead  __/ lower arm          Geometry: shoulder radius and height, upper arm, lower arm, direction (radians)
 *
 * With the toolhead at p = (x, y, z) from the shoulder, x outwards, the elbow at upper (cos, 0, sin) of the angle f, and e from the
 * elbow to the toolhead, e.e = lower^2. With n = (cos f, 0, sin f), t = (-sin f, 0, cos f) its derivatives are, from those of e.e,
 *
 *      upper s f'   = e.v                                       s = e.t, what turning the arm moves the toolhead by
 *      upper s f''  = e.a + upper (e.n) f'^2 + e'.e'            e'  = v - upper f' t
 *      upper s (f''' - f'^3) = 3 e'.e'' + 3 upper (e.n) f' f''  e'' = a - upper (f'' t - f'^2 n)
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "klipkit/motion/inner/bent.h"
#include "klipkit/motion/inner/order.h"

enum { RADIUS, HEIGHT, UPPER, LOWER, DIRECTION, NUMBERS };

/* How much of s may be lost on the way, for a bound. */
static const double STEADY = 0.9, UNSTEADY = 0.5;

static const double HALF_TURN = 3.141592653589793;

struct vector {
    double x, y, z;
};

static double dot(struct vector a, struct vector b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static struct vector plus(struct vector a, double times, struct vector b)
{
    return (struct vector){a.x + times * b.x, a.y + times * b.y, a.z + times * b.z};
}

/* In the directions of the arm. */
static struct vector turned(const struct kinematics *kinematics, const double of[3])
{
    double c = cos(kinematics->geometry[DIRECTION]), s = sin(kinematics->geometry[DIRECTION]);
    return (struct vector){of[0] * c + of[1] * s, of[1] * c - of[0] * s, of[2]};
}

static struct vector from_shoulder(const struct kinematics *kinematics, const double position[3])
{
    struct vector p = turned(kinematics, position);
    p.x -= kinematics->geometry[RADIUS];
    p.z -= kinematics->geometry[HEIGHT];
    return p;
}

/* The elbow is outside: p.x cos f + p.z sin f = k, which leaves two angles; NaN: there is none. */
static double angle_of(const struct kinematics *kinematics, struct vector p)
{
    double upper = kinematics->geometry[UPPER], lower = kinematics->geometry[LOWER];
    double k = (upper * upper + dot(p, p) - lower * lower) / (2 * upper), flat2 = p.x * p.x + p.z * p.z;
    double angle = atan2(p.z, p.x) + atan2(sqrt(flat2 - k * k), k); /* -pi .. 2 pi */
    return angle > HALF_TURN ? angle - 2 * HALF_TURN : angle;
}

static void jet(const struct kinematics *kinematics, const struct state *state, struct jet *out)
{
    double upper = kinematics->geometry[UPPER];
    struct vector p = from_shoulder(kinematics, state->position);
    struct vector v = turned(kinematics, state->velocity), a = turned(kinematics, state->accel);
    double f = angle_of(kinematics, p), c = cos(f), s = sin(f);
    struct vector n = {c, 0, s}, t = {-s, 0, c}, e = plus(p, -upper, n);
    double r = 1 / (upper * dot(e, t)), en = upper * dot(e, n), f1 = dot(e, v) * r;
    struct vector e1 = plus(v, -upper * f1, t);
    double f2 = (dot(e, a) + en * f1 * f1 + dot(e1, e1)) * r;
    struct vector e2 = plus(plus(a, -upper * f2, t), upper * f1 * f1, n);
    *out = (struct jet){f, f1, f2, f1 * f1 * f1 + 3 * (dot(e1, e2) + en * f1 * f2) * r};
}

/* |s| at a state; NaN out of reach. */
static double leverage(const struct kinematics *kinematics, const struct state *state)
{
    struct vector p = from_shoulder(kinematics, state->position);
    double f = angle_of(kinematics, p);
    return fabs(p.z * cos(f) - p.x * sin(f));
}

/* A bound while |s| >= least, from the formulas above with greatest values; HUGE_VAL when s may change by more than `slack` in
 * half the time, from the nearer end, and so may become less: |s'| = |e'.t - f' e.n|. */
static double third_while(const struct kinematics *kinematics, const struct state ends[2], double half, double least,
                          double slack)
{
    double upper = kinematics->geometry[UPPER], lower = kinematics->geometry[LOWER], r = 1 / (upper * least);
    double v = bent_speed(ends, 3), a = bent_accel(&ends[0], 3);
    double f1 = lower * v * r, e1 = v + upper * f1;
    if (!((e1 + lower * f1) * half < slack))
        return HUGE_VAL;
    double f2 = (lower * a + upper * lower * f1 * f1 + e1 * e1) * r, e2 = a + upper * (f2 + f1 * f1);
    return f1 * f1 * f1 + 3 * (e1 * e2 + upper * lower * f1 * f2) * r;
}

static double third(const struct kinematics *kinematics, const struct state ends[2], double ticks)
{
    double s = order_lesser(leverage(kinematics, &ends[0]), leverage(kinematics, &ends[1])), half = 0.5 * ticks;
    if (!(s > 0))
        return HUGE_VAL;
    double found = third_while(kinematics, ends, half, STEADY * s, (1 - STEADY) * s);
    return found < HUGE_VAL ? found : third_while(kinematics, ends, half, UNSTEADY * s, (1 - UNSTEADY) * s);
}

static int set(struct kinematics *kinematics, const double *numbers, int count)
{
    if (count != NUMBERS || numbers[UPPER] <= 0 || numbers[LOWER] <= 0)
        return -EINVAL;
    memcpy(kinematics->geometry, numbers, NUMBERS * sizeof(*numbers));
    return 0;
}

const struct kinematics kinematics_rotary_delta = {
    .name = "rotary_delta", .weights = {1, 1, 1}, .coordinate = bent_coordinate, .append = bent_append,
    .set = set, .jet = jet, .third = third};
