/* Deltesian kinematics: a delta of two towers in one plane; the bed moves along Y.
 *
 *      carriage |\             /|       height = z + sqrt(arm^2 - (x - tower x)^2)
 *         tower | \ arm   arm / | tower
 *               |  \_toolhead/  |                      Geometry: tower x, arm.
 */
#include <errno.h>
#include <math.h>

#include "klipkit/motion/inner/bent.h"
#include "klipkit/motion/inner/order.h"

/* With h^2 = arm^2 - x^2: h h' = -x v, h'^2 + h h'' = -(v^2 + x a), 3 h' h'' + h h''' = -3 v a */
static void jet(const struct kinematics *kinematics, const struct state *state, struct jet *out)
{
    double x = state->position[0] - kinematics->geometry[0], arm = kinematics->geometry[1];
    double v = state->velocity[0], a = state->accel[0], h = sqrt(arm * arm - x * x), r = 1 / h;
    double h1 = -x * v * r, h2 = -(v * v + x * a + h1 * h1) * r;
    *out = (struct jet){state->position[2] + h, state->velocity[2] + h1, state->accel[2] + h2, -3 * (v * a + h1 * h2) * r};
}

static double third(const struct kinematics *kinematics, const struct state ends[2], double ticks)
{
    double tower = kinematics->geometry[0], arm = kinematics->geometry[1], a = bent_accel(&ends[0], 1);
    double reach = order_greater(fabs(ends[0].position[0] - tower), fabs(ends[1].position[0] - tower));
    reach += 0.125 * ticks * ticks * a;
    if (!(reach < arm))
        return HUGE_VAL;
    double r = 1 / sqrt(arm * arm - reach * reach), v = bent_speed(ends, 1);
    double h1 = reach * v * r, h2 = (v * v + reach * a + h1 * h1) * r;
    return 3 * (v * a + h1 * h2) * r;
}

static int set(struct kinematics *kinematics, const double *numbers, int count)
{
    if (count != 2 || numbers[1] <= 0)
        return -EINVAL;
    kinematics->geometry[0] = numbers[0];
    kinematics->geometry[1] = numbers[1];
    return 0;
}

const struct kinematics kinematics_deltesian = {
    .name = "deltesian", .weights = {1, 0, 1}, .coordinate = bent_coordinate, .append = bent_append,
    .set = set, .jet = jet, .third = third};
