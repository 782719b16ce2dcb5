/* A stepper motor whose torque has an end: beyond it the rotor falls out of step, by whole electrical cycles.
 *
 *     torque needed        speed   --.
 *       |    ____                     \        a cycle is 4 full steps: the field of the coils is the same again, and
 *       |___/    \___                  \      the rotor holds in it as if nothing had been
 *
 * The torque that a motor must give goes with the acceleration, and what it can give ends at some speed. Both are judged by the
 * cycle, from the time it takes: of cycles of c steps that take T0 and then T seconds
 *
 *     speed = c / T        acceleration = (c / T - c / T0) / ((T + T0) / 2)
 *
 * which is exact while the acceleration is constant. The first cycle from rest has no acceleration of its own, and what lasts less
 * than two cycles goes unseen. A cycle that asks for too much is not turned. Step times may be 25 us off (compression): the acceleration in cycles of some ms is right to some
 * percent, and the same each time. At a rail's end the rotor cannot follow: the field turns on alone, pulls the rotor against
 * the end until it is half a cycle ahead, and from then on back: what is lost there is whole cycles, too.
 */
#include <math.h>

#include "klipkit/sim/inner/world.h"

static const double REST = 0.02;   /* s between steps: a rotor that waits so long stands */

static void begin(struct motor *motor, int way, uint64_t now)
{
    motor->way = way;
    motor->made = 0;
    motor->begun = now;
    motor->from_rest = 1;
}

/* Whether the cycle that ends now asked for too much. */
static int asks_too_much(struct motor *motor, double time)
{
    double mean = motor->cycle / time;
    double accel = motor->from_rest ? 0.0 : (mean - motor->mean) * 2.0 / (time + motor->time);
    motor->mean = mean;
    motor->time = time;
    return mean > motor->speed || fabs(accel) > motor->accel;
}

int64_t motor_pull(struct motor *motor, int steps)
{
    int64_t cycle = motor->cycle;
    motor->lag += steps;
    if (cycle && (2 * motor->lag > cycle || 2 * motor->lag < -cycle)) {
        motor->lag -= motor->lag > 0 ? cycle : -cycle;
        motor->falls++;
    }
    return motor->lag;
}

int motor_overdone(struct motor *motor, int steps, uint64_t now)
{
    if (!motor->cycle)
        return 0;
    int rested = now - motor->last > ticks_units(REST);
    motor->last = now;
    if (steps != motor->way || rested) {
        begin(motor, steps, now);
        return 0;
    }
    if (++motor->made < motor->cycle)
        return 0;
    int lost = asks_too_much(motor, ticks_seconds(now - motor->begun));
    motor->made = 0;
    motor->begun = now;
    motor->from_rest = 0;
    motor->cycles += (uint64_t)lost;
    return lost;
}
