/* A carriage: counts the steps that a driver chip would make of a step and a direction pin, and checks their timing. */
#include <errno.h>
#include <stdlib.h>

#include "klipkit/sim/inner/world.h"

/* Direction before and after a step: 20 ns (TMC2209 data sheet, STEP/DIR timing, tDSU and tDSH). */
static const double SET_UP_DEFAULT = 20e-9, HOLD_DEFAULT = 20e-9;

static int direction(const struct carriage *carriage)
{
    return carriage->mcu->pins[carriage->dir_pin].level ^ carriage->dir_inverted ? 1 : -1;
}

static void turn(struct carriage *carriage, uint64_t now)
{
    if (carriage->has_stepped && now - carriage->stepped < carriage->hold)
        carriage->violations++;
    carriage->turned = now;
    carriage->has_turned = 1;
}

static void step(struct carriage *carriage, uint64_t now)
{
    if (carriage->has_turned && now - carriage->turned < carriage->set_up)
        carriage->violations++;
    carriage->stepped = now;
    carriage->has_stepped = 1;
    carriage->position += direction(carriage);
}

/* Set the switches of a carriage to where it stands. */
static void work_switches(struct cosim *cosim, size_t carriage)
{
    int64_t position = cosim->carriages[carriage].position;
    for (struct contact *contact = cosim->contacts; contact < cosim->contacts + cosim->contact_count; contact++) {
        int closed = contact->sign > 0 ? position >= contact->trigger : position <= contact->trigger;
        if (contact->carriage == carriage)
            cosim_drive(cosim, contact->mcu, contact->pin, closed ? contact->level : !contact->level);
    }
}

void carriage_see(struct cosim *cosim, const struct mcu *mcu, uint32_t pin, int level)
{
    for (size_t i = 0; i < cosim->carriage_count; i++) {
        struct carriage *carriage = &cosim->carriages[i];
        if (carriage->mcu != mcu)
            continue;
        if (pin == carriage->dir_pin)
            turn(carriage, cosim->now);
        else if (pin == carriage->step_pin && (carriage->both_edges || level != carriage->step_inverted)) {
            step(carriage, cosim->now);
            work_switches(cosim, i);
        }
    }
}

int cosim_add_carriage(struct cosim *cosim, int mcu, uint32_t step_pin, int step_inverted, int both_edges,
                       uint32_t dir_pin, int dir_inverted)
{
    if (mcu < 0 || (size_t)mcu >= cosim->mcu_count)
        return -EINVAL;
    struct mcu *on = cosim->mcus[mcu];
    if (step_pin >= on->persona->pin_count || dir_pin >= on->persona->pin_count || step_pin == dir_pin)
        return -EINVAL;
    struct carriage *carriages = realloc(cosim->carriages, (cosim->carriage_count + 1) * sizeof *carriages);
    if (!carriages)
        return -ENOMEM;
    cosim->carriages = carriages;
    carriages[cosim->carriage_count] = (struct carriage){
        .mcu = on, .step_pin = step_pin, .dir_pin = dir_pin, .both_edges = both_edges != 0,
        .step_inverted = step_inverted != 0, .dir_inverted = dir_inverted != 0,
        .set_up = ticks_units(SET_UP_DEFAULT), .hold = ticks_units(HOLD_DEFAULT),
    };
    on->pins[step_pin].moving = on->pins[dir_pin].moving = 1;
    return (int)cosim->carriage_count++;
}

static const struct carriage *numbered(const struct cosim *cosim, int carriage)
{
    return carriage >= 0 && (size_t)carriage < cosim->carriage_count ? &cosim->carriages[carriage] : NULL;
}

int64_t cosim_carriage_position(const struct cosim *cosim, int carriage)
{
    const struct carriage *moved = numbered(cosim, carriage);
    return moved ? moved->position : 0;
}

uint64_t cosim_carriage_violations(const struct cosim *cosim, int carriage)
{
    const struct carriage *moved = numbered(cosim, carriage);
    return moved ? moved->violations : 0;
}

int cosim_carriage_timing(struct cosim *cosim, int carriage, double set_up, double hold)
{
    if (!numbered(cosim, carriage) || !(set_up >= 0.0) || !(hold >= 0.0))
        return -EINVAL;
    cosim->carriages[carriage].set_up = ticks_units(set_up);
    cosim->carriages[carriage].hold = ticks_units(hold);
    return 0;
}

int cosim_add_switch(struct cosim *cosim, int carriage, int64_t trigger, int sign, int mcu, uint32_t pin, int level)
{
    if (!numbered(cosim, carriage) || cosim_drive(cosim, mcu, pin, level == 0))
        return -EINVAL;
    struct contact *contacts = realloc(cosim->contacts, (cosim->contact_count + 1) * sizeof *contacts);
    if (!contacts)
        return -ENOMEM;
    cosim->contacts = contacts;
    contacts[cosim->contact_count++] = (struct contact){
        .carriage = (size_t)carriage, .trigger = trigger, .sign = sign, .mcu = mcu, .pin = pin, .level = level != 0};
    world_find_lookahead(cosim);
    work_switches(cosim, (size_t)carriage);
    return 0;
}
