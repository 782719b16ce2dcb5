/* A carriage: counts the steps that a driver chip would make of a step and a direction pin, and checks their timing. */
#include <errno.h>

#include "klipkit/sim/inner/driver.h"
#include "klipkit/sim/inner/world.h"

/* Direction before and after a step: 20 ns (TMC2209 data sheet, STEP/DIR timing, tDSU and tDSH). */
static const double SET_UP_DEFAULT = 20e-9, HOLD_DEFAULT = 20e-9;

/* Whether no rail that it moves is at its end. */
static int may_move(const struct carriage *carriage, int64_t steps)
{
    for (size_t i = 0; i < carriage->part_count; i++)
        if (rail_stops(carriage->parts[i].rail, (double)steps * carriage->parts[i].per_step))
            return 0;
    return 1;
}

static void tell_rails(const struct carriage *carriage)
{
    for (size_t i = 0; i < carriage->part_count; i++)
        rail_moved(carriage->parts[i].rail);
}

static void move(struct carriage *carriage, int64_t steps)
{
    carriage->position += steps;
    tell_rails(carriage);
}

/* The rotor follows the field, as far as it can. A motor that nothing is known of forgets what a rail's end took from it. */
static void pull(struct carriage *carriage, int steps, uint64_t now)
{
    struct motor *motor = &carriage->motor;
    for (int64_t lag = motor_pull(motor, steps); lag; lag = motor->lag) {
        int way = lag > 0 ? 1 : -1;
        if (!may_move(carriage, way))
            break;
        motor->lag -= way;
        move(carriage, way);
    }
    if (!motor->cycle)
        motor->lag = 0;
    int64_t behind = -steps * (int64_t)motor->cycle;
    if (motor_overdone(motor, steps, now) && may_move(carriage, behind))
        move(carriage, behind);
}

int carriage_move(struct carriage *carriage, int steps)
{
    int is_free = may_move(carriage, steps);
    carriage->stalled += !is_free;
    pull(carriage, steps, carriage->cosim->now);
    if (carriage->recorded)
        record_moved(carriage->cosim, carriage);
    return is_free;
}

static void step(struct carriage *carriage, uint64_t now)
{
    int steps = carriage->dir_pin->level ^ carriage->dir_inverted ? 1 : -1;
    if (carriage->has_turned && now - carriage->turned < carriage->set_up)
        carriage->violations++;
    carriage->stepped = now;
    carriage->has_stepped = 1;
    carriage->pulses++;
    carriage->commanded += steps;
    if (!carriage->driver)
        carriage_move(carriage, steps);
}

/* A pin that floats moves nothing. */
static void see_step(struct follower *self, const struct pin *pin)
{
    struct carriage *carriage = (struct carriage *)self;
    if (pin->level == carriage->step_level)
        return;
    carriage->step_level = pin->level;
    if (pin->mode != SIM_PIN_OUTPUT)
        return;
    if (carriage->both_edges || pin->level != carriage->step_inverted)
        step(carriage, carriage->cosim->now);
    if (carriage->driver)
        driver_step(carriage->driver, pin->level);
}

static void see_dir(struct follower *self, const struct pin *pin)
{
    struct carriage *carriage = (struct carriage *)((char *)self - offsetof(struct carriage, dir));
    if (pin->level == carriage->dir_level)
        return;
    carriage->dir_level = pin->level;
    if (pin->mode != SIM_PIN_OUTPUT)
        return;
    uint64_t now = carriage->cosim->now;
    if (carriage->has_stepped && now - carriage->stepped < carriage->hold)
        carriage->violations++;
    carriage->turned = now;
    carriage->has_turned = 1;
}

int cosim_add_carriage(struct cosim *cosim, int mcu, uint32_t step_pin, int step_inverted, int both_edges,
                       uint32_t dir_pin, int dir_inverted)
{
    struct mcu *on = pins_owner(cosim, mcu, step_pin);
    if (!on || dir_pin >= on->persona->pin_count || step_pin == dir_pin)
        return -EINVAL;
    struct carriage *carriage = models_add(&cosim->models.carriages, sizeof *carriage);
    if (!carriage)
        return -ENOMEM;
    *carriage = (struct carriage){
        .step = {.see = see_step}, .dir = {.see = see_dir}, .cosim = cosim, .mcu = on->number, .dir_pin = &on->pins[dir_pin],
        .step_level = on->pins[step_pin].level, .dir_level = on->pins[dir_pin].level, .both_edges = both_edges != 0,
        .step_inverted = step_inverted != 0, .dir_inverted = dir_inverted != 0,
        .set_up = ticks_units(SET_UP_DEFAULT), .hold = ticks_units(HOLD_DEFAULT),
    };
    models_follow(&on->pins[step_pin], &carriage->step);
    models_follow(&on->pins[dir_pin], &carriage->dir);
    return models_last(&cosim->models.carriages);
}

static struct carriage *numbered(const struct cosim *cosim, int carriage)
{
    return models_at(&cosim->models.carriages, carriage);
}

int cosim_see_carriage(const struct cosim *cosim, int carriage, struct cosim_carriage *out)
{
    const struct carriage *of = numbered(cosim, carriage);
    if (!of)
        return -EINVAL;
    *out = (struct cosim_carriage){.position = of->position, .commanded = of->commanded, .pulses = of->pulses,
                                   .stalled = of->stalled, .violations = of->violations, .cycles = of->motor.cycles};
    return 0;
}

int64_t cosim_carriage_position(const struct cosim *cosim, int carriage)
{
    const struct carriage *of = numbered(cosim, carriage);
    return of ? of->position : 0;
}

int cosim_carriage_timing(struct cosim *cosim, int carriage, double set_up, double hold)
{
    struct carriage *of = numbered(cosim, carriage);
    if (!of || !(set_up >= 0.0) || !(hold >= 0.0))
        return -EINVAL;
    of->set_up = ticks_units(set_up);
    of->hold = ticks_units(hold);
    return 0;
}

int cosim_carriage_limit(struct cosim *cosim, int carriage, uint32_t cycle, double speed, double accel)
{
    struct carriage *of = numbered(cosim, carriage);
    if (!of || !(speed > 0.0) || !(accel > 0.0))
        return -EINVAL;
    of->motor = (struct motor){.cycle = cycle, .speed = speed, .accel = accel, .cycles = of->motor.cycles,
                               .falls = of->motor.falls};
    return 0;
}

int cosim_slip(struct cosim *cosim, int carriage, int64_t steps)
{
    struct carriage *of = numbered(cosim, carriage);
    if (!of)
        return -EINVAL;
    of->position += steps;
    tell_rails(of);
    return 0;
}
