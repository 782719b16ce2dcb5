/* Polar kinematics: the bed turns, an arm reaches out over it.
 *
 *      bed   angle of the toolhead as seen from the middle, radians; it goes on over full turns
 *      arm   distance from the middle
 *
 * As a complex number w = x + i y the toolhead has the angle Im log w, whose derivatives are those of log w. In the middle there
 * is no angle, so a way through it cannot be gone.
 */
#include <complex.h>
#include <errno.h>
#include <math.h>

#include "klipkit/motion/inner/bent.h"
#include "klipkit/motion/inner/order.h"

enum { AXES = 2, DEPTH_MOST = 40 };
static const double MIDDLE[3] = {0, 0, 0}, TURN = 6.283185307179586;

static void arm_jet(const struct kinematics *kinematics, const struct state *state, struct jet *out)
{
    (void)kinematics;
    bent_distance_jet(state, MIDDLE, AXES, out);
}

static double arm_third(const struct kinematics *kinematics, const struct state ends[2], double ticks)
{
    (void)kinematics;
    return bent_distance_third(ends, ticks, MIDDLE, AXES);
}

/* log w' = w' / w, log w'' = w'' / w - (w' / w)^2, log w''' = 2 (w' / w)^3 - 3 w' w'' / w^2 */
static void bed_jet(const struct kinematics *kinematics, const struct state *state, struct jet *out)
{
    (void)kinematics;
    double x = state->position[0], y = state->position[1];
    double complex inverse = (x - I * y) / (x * x + y * y);
    double complex v = (state->velocity[0] + I * state->velocity[1]) * inverse;
    double complex a = (state->accel[0] + I * state->accel[1]) * inverse, square = v * v;
    *out = (struct jet){atan2(y, x), cimag(v), cimag(a - square), cimag(v * (2 * square - 3 * a))};
}

static double bed_third(const struct kinematics *kinematics, const struct state ends[2], double ticks)
{
    (void)kinematics;
    double least = bent_distance(ends, ticks, MIDDLE, AXES), v = bent_speed(ends, AXES) / least;
    if (!(least > 0))
        return HUGE_VAL;
    return v * (2 * v * v + 3 * bent_accel(&ends[0], AXES) / least);
}

/* Does the angle change by less than a quarter turn? Then w keeps a part in the direction that it has at the beginning. */
static int is_within_quarter(const struct phase *phase)
{
    struct state ends[2];
    bent_state(phase, phase->from, &ends[0]);
    bent_state(phase, phase->to, &ends[1]);
    const double *w = ends[0].position, *end = ends[1].position, *a = ends[0].accel;
    double ticks = phase->to - phase->from, begin2 = w[0] * w[0] + w[1] * w[1];
    double least = order_lesser(begin2, w[0] * end[0] + w[1] * end[1]);
    return least - 0.125 * ticks * ticks * fabs(w[0] * a[0] + w[1] * a[1]) > 0;
}

/* In parts of less than a quarter turn each. */
static int append_parts(const struct kinematics *kinematics, const struct phase *phase, const struct step_scale *scale,
                        struct segments *segments, int depth)
{
    if (is_within_quarter(phase))
        return bent_append(kinematics, phase, scale, segments);
    if (depth == DEPTH_MOST)
        return -ERANGE;
    struct phase early = *phase, late = *phase;
    early.to = late.from = 0.5 * (phase->from + phase->to);
    int error = append_parts(kinematics, &early, scale, segments, depth + 1);
    return error ? error : append_parts(kinematics, &late, scale, segments, depth + 1);
}

/* At rest it may be in the middle. */
static int append(const struct kinematics *kinematics, const struct phase *phase, const struct step_scale *scale,
                  struct segments *segments)
{
    const double *v = phase->velocity, *a = phase->accel;
    if (v[0] == 0 && v[1] == 0 && a[0] == 0 && a[1] == 0)
        return 0;
    return append_parts(kinematics, phase, scale, segments, 0);
}

const struct kinematics kinematics_polar_arm = {
    .name = "polar_arm", .weights = {1, 1, 0}, .coordinate = bent_coordinate, .append = append,
    .jet = arm_jet, .third = arm_third};

const struct kinematics kinematics_polar_bed = {
    .name = "polar_bed", .weights = {1, 1, 0}, .coordinate = bent_coordinate, .append = append,
    .jet = bed_jet, .third = bed_third, .turn = TURN};
