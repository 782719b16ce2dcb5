/* The list of kinematics, and what those have in common whose coordinate is linear in x, y, z. */
#include "klipkit/motion/inner/kinematics.h"

#include <stddef.h>

static const struct kinematics *const LIST[] = {
    &kinematics_cartesian_x,
    &kinematics_cartesian_y,
    &kinematics_cartesian_z,
    &kinematics_corexy_x,
    &kinematics_corexy_y,
    &kinematics_delta,
    &kinematics_extruder,
    &kinematics_linear,
    &kinematics_deltesian,
    &kinematics_polar_arm,
    &kinematics_polar_bed,
    &kinematics_rotary_delta,
    &kinematics_winch,
    NULL,
};

const struct kinematics *kinematics_get(int number)
{
    int count = (int)(sizeof(LIST) / sizeof(LIST[0]));
    return number < 0 || number >= count ? NULL : LIST[number];
}

static double weighed(const double weights[3], const double of[3])
{
    return weights[0] * of[0] + weights[1] * of[1] + weights[2] * of[2];
}

double kinematics_linear_coordinate(const struct kinematics *kinematics, const double position[3])
{
    return weighed(kinematics->weights, position);
}

int kinematics_linear_append(const struct kinematics *kinematics, const struct phase *phase,
                             const struct step_scale *scale, struct segments *segments)
{
    struct quadratic motion = {
        .time = phase->time,
        .from = phase->from,
        .to = phase->to,
        .position = (weighed(kinematics->weights, phase->position) - scale->mm) * scale->per_mm,
        .velocity = weighed(kinematics->weights, phase->velocity) * scale->per_mm,
        .accel = weighed(kinematics->weights, phase->accel) * scale->per_mm,
    };
    return segments_append(segments, &motion);
}
