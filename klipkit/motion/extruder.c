/* The extruder's kinematics: its stepper follows the filament, x of its own trapezoid queue (see lookahead_set_extruder). */
#include "klipkit/motion/inner/kinematics.h"

const struct kinematics kinematics_extruder = {
    .name = "extruder", .weights = {1, 0, 0}, .coordinate = kinematics_linear_coordinate, .append = kinematics_linear_append};
