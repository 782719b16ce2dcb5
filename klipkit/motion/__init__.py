"""Floor 2: look-ahead, trapezoid queue, kinematics, step times, step compression; arithmetic only, in C."""
