/* Cartesian kinematics: each stepper follows one axis. */
#include "klipkit/motion/inner/kinematics.h"

const struct kinematics kinematics_cartesian_x = {
    "cartesian_x", {1, 0, 0}, kinematics_linear_coordinate, kinematics_linear_append, {0, 0}, 0};

const struct kinematics kinematics_cartesian_y = {
    "cartesian_y", {0, 1, 0}, kinematics_linear_coordinate, kinematics_linear_append, {0, 0}, 0};

const struct kinematics kinematics_cartesian_z = {
    "cartesian_z", {0, 0, 1}, kinematics_linear_coordinate, kinematics_linear_append, {0, 0}, 0};
