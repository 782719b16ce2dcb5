/* CoreXY kinematics: one belt motor follows x + y, the other x - y. The z stepper is cartesian. */
#include "klipkit/motion/inner/kinematics.h"

const struct kinematics kinematics_corexy_x = {
    "corexy_x", {1, 1, 0}, kinematics_linear_coordinate, kinematics_linear_append, {0, 0}, 0};

const struct kinematics kinematics_corexy_y = {
    "corexy_y", {1, -1, 0}, kinematics_linear_coordinate, kinematics_linear_append, {0, 0}, 0};
