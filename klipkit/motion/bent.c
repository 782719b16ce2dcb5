/* From the derivatives of a coordinate to segments (see inner/bent.h). */
#include "klipkit/motion/inner/bent.h"

#include <errno.h>
#include <math.h>

#include "klipkit/motion/inner/order.h"

static double dot(const double a[3], const double b[3], int axes)
{
    double sum = 0;
    for (int axis = 0; axis < axes; axis++)
        sum += a[axis] * b[axis];
    return sum;
}

void bent_state(const struct phase *phase, double t, struct state *state)
{
    for (int axis = 0; axis < 3; axis++) {
        double v = phase->velocity[axis], a = phase->accel[axis];
        state->position[axis] = phase->position[axis] + t * (v + 0.5 * a * t);
        state->velocity[axis] = v + a * t;
        state->accel[axis] = a;
    }
}

double bent_speed(const struct state ends[2], int axes)
{
    double v0 = dot(ends[0].velocity, ends[0].velocity, axes), v1 = dot(ends[1].velocity, ends[1].velocity, axes);
    return sqrt(order_greater(v0, v1));
}

double bent_accel(const struct state *state, int axes)
{
    return sqrt(dot(state->accel, state->accel, axes));
}

/* That of the chord, from which the way is w^2 / 8 times the acceleration away at most. */
double bent_distance(const struct state ends[2], double ticks, const double to[3], int axes)
{
    double from[3], along[3], nearest[3];
    for (int axis = 0; axis < axes; axis++) {
        from[axis] = ends[0].position[axis] - to[axis];
        along[axis] = ends[1].position[axis] - ends[0].position[axis];
    }
    double length2 = dot(along, along, axes), part = length2 > 0 ? -dot(from, along, axes) / length2 : 0;
    part = order_greater(0, order_lesser(1, part));
    for (int axis = 0; axis < axes; axis++)
        nearest[axis] = from[axis] + part * along[axis];
    return sqrt(dot(nearest, nearest, axes)) - 0.125 * ticks * ticks * bent_accel(&ends[0], axes);
}

/* With s^2 = d.d: s s' = d.v, s'^2 + s s'' = v^2 + d.a, 3 s' s'' + s s''' = 3 v.a */
void bent_distance_jet(const struct state *state, const double to[3], int axes, struct jet *jet)
{
    double d[3];
    for (int axis = 0; axis < axes; axis++)
        d[axis] = state->position[axis] - to[axis];
    double s = sqrt(dot(d, d, axes)), r = 1 / s, v = dot(d, state->velocity, axes) * r;
    double square = dot(state->velocity, state->velocity, axes) + dot(d, state->accel, axes);
    double a = (square - v * v) * r;
    *jet = (struct jet){s, v, a, 3 * (dot(state->velocity, state->accel, axes) - v * a) * r};
}

/* |s'| <= v, and v^2 - s'^2 is what goes across, so |s''| <= v^2 / s + a. */
double bent_distance_third(const struct state ends[2], double ticks, const double to[3], int axes)
{
    double least = bent_distance(ends, ticks, to, axes), v = bent_speed(ends, axes), a = bent_accel(&ends[0], axes);
    if (!(least > 0))
        return HUGE_VAL;
    return 3 * v * (2 * a + v * v / least) / least;
}

/* A way as a curve in steps; it begins at the coordinate `begin`. */
struct bent {
    const struct kinematics *kinematics;
    const struct phase *phase;
    const struct step_scale *scale;
    double begin;
    int is_lost;            /* the toolhead could not be where it was asked for */
};

/* Of the places of a coordinate that are the same, the one nearest to another. */
static double nearest_turn(const struct kinematics *kinematics, double p, double to)
{
    return kinematics->turn > 0 ? p + kinematics->turn * round((to - p) / kinematics->turn) : p;
}

static void jet_at(const struct bent *bent, double t, struct jet *jet)
{
    struct state state;
    bent_state(bent->phase, t, &state);
    bent->kinematics->jet(bent->kinematics, &state, jet);
    jet->p = nearest_turn(bent->kinematics, jet->p, bent->begin);
}

static void curve_point_at(const struct curve *curve, double t, struct curve_point *point)
{
    struct bent *bent = curve->of;
    double per_mm = bent->scale->per_mm;
    struct jet jet;
    jet_at(bent, t, &jet);
    if (!isfinite(jet.p + jet.v + jet.a) && t >= curve->from && t <= curve->to) {
        bent->is_lost = 1;
        jet = (struct jet){bent->begin, 0, 0, 0};
    }
    *point = (struct curve_point){(jet.p - bent->scale->mm) * per_mm, jet.v * per_mm, jet.a * per_mm};
}

static double jerk_at(const struct curve *curve, double t)
{
    const struct bent *bent = curve->of;
    struct jet jet;
    jet_at(bent, t, &jet);
    return jet.jerk * bent->scale->per_mm;
}

/* What is lost is not looked at any closer. */
static double third_between(const struct curve *curve, double from, double to)
{
    const struct bent *bent = curve->of;
    struct state ends[2];
    if (bent->is_lost)
        return 0;
    bent_state(bent->phase, from, &ends[0]);
    bent_state(bent->phase, to, &ends[1]);
    return bent->kinematics->third(bent->kinematics, ends, to - from) * bent->scale->per_mm;
}

double bent_coordinate(const struct kinematics *kinematics, const double position[3])
{
    struct state state = {.position = {position[0], position[1], position[2]}};
    struct jet jet;
    kinematics->jet(kinematics, &state, &jet);
    return jet.p;
}

int bent_append(const struct kinematics *kinematics, const struct phase *phase, const struct step_scale *scale,
                struct segments *segments)
{
    static const struct curve_form FORM = {curve_point_at, jerk_at, third_between};
    struct state state;
    struct jet jet;
    bent_state(phase, phase->from, &state);
    kinematics->jet(kinematics, &state, &jet);
    if (!isfinite(jet.p))
        return -ERANGE;
    double here = (double)segments->position / scale->per_mm + scale->mm;
    struct bent bent = {kinematics, phase, scale, nearest_turn(kinematics, jet.p, here), 0};
    struct curve curve = {.from = phase->from, .to = phase->to, .form = &FORM, .of = &bent};
    struct curve_point ends[2];
    curve_at(&curve, phase->from, &ends[0]);
    curve_at(&curve, phase->to, &ends[1]);
    double third = curve_third(&curve, phase->from, phase->to);
    if (bent.is_lost)
        return -ERANGE;
    int error = segments_append_stretch(segments, &(struct stretch){phase->time + phase->from, phase->to - phase->from,
        {ends[0].p, ends[1].p}, {ends[0].v, ends[1].v}, third});
    if (error > 0)
        error = segments_append_curve(segments, phase->time, &curve, third, ends);
    return error ? error : bent.is_lost ? -ERANGE : 0;
}
