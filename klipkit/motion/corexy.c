/* CoreXY kinematics: one belt motor follows x + y, the other x - y. The z stepper is cartesian. */
#include "klipkit/motion/inner/kinematics.h"

const struct kinematics kinematics_corexy_x = {
    .name = "corexy_x", .weights = {1, 1, 0}, .coordinate = kinematics_linear_coordinate, .append = kinematics_linear_append};

const struct kinematics kinematics_corexy_y = {
    .name = "corexy_y", .weights = {1, -1, 0}, .coordinate = kinematics_linear_coordinate, .append = kinematics_linear_append};
