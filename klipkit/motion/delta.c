/* Linear delta kinematics: a carriage on a tower, an arm of fixed length from it to the toolhead.
 *
 *      carriage |\        height = z + sqrt(arm^2 - (x - tower x)^2 - (y - tower y)^2)
 *         tower | \ arm
 *               |  \_ toolhead
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "klipkit/motion/inner/kinematics.h"

static double coordinate(const struct kinematics *kinematics, const double position[3])
{
    double x = position[0] - kinematics->tower[0], y = position[1] - kinematics->tower[1];
    return position[2] + sqrt(kinematics->arm * kinematics->arm - x * x - y * y);
}

/* The position, velocity and acceleration of an axis in steps, its position from `origin`. */
static void in_steps(const struct phase *phase, int axis, double origin, double per_mm, double out[3])
{
    out[0] = (phase->position[axis] - origin) * per_mm;
    out[1] = phase->velocity[axis] * per_mm;
    out[2] = phase->accel[axis] * per_mm;
}

static int append(const struct kinematics *kinematics, const struct phase *phase, const struct step_scale *scale,
                  struct segments *segments)
{
    double arm = kinematics->arm * scale->per_mm, z[3];
    struct curve curve = {.from = phase->from, .to = phase->to, .arm2 = arm * arm};
    if (arm <= 0)
        return -ERANGE;
    in_steps(phase, 0, kinematics->tower[0], scale->per_mm, curve.x);
    in_steps(phase, 1, kinematics->tower[1], scale->per_mm, curve.y);
    in_steps(phase, 2, scale->mm, scale->per_mm, z);
    z[2] *= 0.5;
    memcpy(curve.polynomial, z, sizeof(z));
    return segments_append_curve(segments, phase->time, &curve);
}

const struct kinematics kinematics_delta = {"delta", {1, 1, 1}, coordinate, append, {0, 0}, 0};
