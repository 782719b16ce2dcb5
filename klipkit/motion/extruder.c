/* The extruder's kinematics: its stepper follows the filament, x of its own trapezoid queue (see lookahead_set_extruder), or with the
 * geometry -1 goes against it. */
#include <errno.h>

#include "klipkit/motion/inner/kinematics.h"

static int set(struct kinematics *kinematics, const double *numbers, int count)
{
    if (count != 1 || (numbers[0] != 1 && numbers[0] != -1))
        return -EINVAL;
    kinematics->weights[0] = numbers[0];
    return 0;
}

const struct kinematics kinematics_extruder = {
    .name = "extruder", .weights = {1, 0, 0}, .coordinate = kinematics_linear_coordinate, .append = kinematics_linear_append,
    .set = set};
