/* Cable winch kinematics: the length of a cable from the toolhead to its anchor. Geometry: the anchor's x, y, z. */
#include <errno.h>
#include <string.h>

#include "klipkit/motion/inner/bent.h"

enum { AXES = 3 };

static void jet(const struct kinematics *kinematics, const struct state *state, struct jet *out)
{
    bent_distance_jet(state, kinematics->geometry, AXES, out);
}

static double third(const struct kinematics *kinematics, const struct state ends[2], double ticks)
{
    return bent_distance_third(ends, ticks, kinematics->geometry, AXES);
}

static int set(struct kinematics *kinematics, const double *numbers, int count)
{
    if (count != AXES)
        return -EINVAL;
    memcpy(kinematics->geometry, numbers, AXES * sizeof(*numbers));
    return 0;
}

const struct kinematics kinematics_winch = {
    .name = "winch", .weights = {1, 1, 1}, .coordinate = bent_coordinate, .append = bent_append,
    .set = set, .jet = jet, .third = third};
