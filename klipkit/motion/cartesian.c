/* Cartesian kinematics: each stepper follows one axis. */
#include "klipkit/motion/inner/kinematics.h"

const struct kinematics kinematics_cartesian_x = {
    .name = "cartesian_x", .weights = {1, 0, 0}, .coordinate = kinematics_linear_coordinate, .append = kinematics_linear_append};

const struct kinematics kinematics_cartesian_y = {
    .name = "cartesian_y", .weights = {0, 1, 0}, .coordinate = kinematics_linear_coordinate, .append = kinematics_linear_append};

const struct kinematics kinematics_cartesian_z = {
    .name = "cartesian_z", .weights = {0, 0, 1}, .coordinate = kinematics_linear_coordinate, .append = kinematics_linear_append};
