/* Any motor whose coordinate is a sum of the axes: its geometry are the weights of x, y, z. Belts of all courses are such. */
#include <errno.h>
#include <string.h>

#include "klipkit/motion/inner/kinematics.h"

enum { AXES = 3 };

static int set(struct kinematics *kinematics, const double *numbers, int count)
{
    if (count != AXES)
        return -EINVAL;
    memcpy(kinematics->weights, numbers, sizeof(kinematics->weights));
    return 0;
}

const struct kinematics kinematics_linear = {
    .name = "linear", .coordinate = kinematics_linear_coordinate, .append = kinematics_linear_append, .set = set};
