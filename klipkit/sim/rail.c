/* A rail: the body that carriages move together, its mechanical ends, and the switches that it works.
 *
 *     position = begin + sum over its carriages of (mm per step * steps)
 *
 * cartesian: one carriage; CoreXY: X = (a + b) / 2 and Y = (a - b) / 2, two of them for each of the two rails; delta: one for
 * each tower. The sum is made anew at each step, of whole steps: nothing accumulates.
 */
#include <errno.h>
#include <math.h>

#include "klipkit/sim/inner/world.h"

/* A sum of such products is off by less than this, mm: a switch acts at its very step. */
static const double ROUNDING = 1e-9;

static const double TURN = 6.283185307179586;   /* radians */

/* Deviations of a normal law in the bound at which it is cut, at most: nearly all draws would be in vain. */
static const double DEVIATION_MOST = 100.0;

static double position_of(const struct rail *rail)
{
    double position = rail->begin;
    for (size_t i = 0; i < rail->by_count; i++)
        position += rail->by[i].per_step * (double)rail->by[i].carriage->position;
    return position;
}

/* splitmix64, as in line.c: evenly from 0 to below 1. */
static double draw(struct contact *contact)
{
    uint64_t z = contact->draw += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* Where the switch closes the next time. The normal law by Box and Muller (1958), drawn again beyond the cut. */
static double draw_at(struct contact *contact)
{
    if (contact->law.noise == 0.0)
        return contact->law.trigger;
    if (contact->law.deviation == 0.0)
        return contact->law.trigger + contact->law.noise * (2.0 * draw(contact) - 1.0);
    for (;;) {
        double length = sqrt(-2.0 * log1p(-draw(contact)));
        double off = contact->law.deviation * length * cos(TURN * draw(contact));
        if (fabs(off) <= contact->law.noise)
            return contact->law.trigger + off;
    }
}

static void drive(const struct contact *contact)
{
    int closed = contact->law.stuck ? contact->law.stuck == COSIM_STUCK_CLOSED : contact->closed;
    cosim_drive(contact->cosim, contact->law.mcu, contact->law.pin, closed ? contact->law.level : !contact->law.level);
}

/* Where it closes is drawn anew only when it is out of reach of the noise: not while it might bounce. */
static void draw_when_away(struct contact *contact)
{
    double beyond = contact->law.sign * (contact->rail->position - contact->law.trigger);
    if (!contact->worn || beyond >= -contact->law.noise - ROUNDING)
        return;
    contact->at = draw_at(contact);
    contact->worn = 0;
}

static void work(struct contact *contact)
{
    double beyond = contact->law.sign * (contact->rail->position - contact->at);
    int closed = beyond >= -ROUNDING || (contact->closed && beyond >= -ROUNDING - contact->law.hysteresis);
    if (closed != contact->closed) {
        contact->closed = closed;
        contact->worn = 1;
        if (closed)
            contact->off = contact->at - contact->law.trigger;
        contact->closings += (uint64_t)closed;
        drive(contact);
    } else if (!closed) {
        draw_when_away(contact);
    }
}

void rail_moved(struct rail *rail)
{
    rail->position = position_of(rail);
    for (struct contact *contact = rail->contacts; contact; contact = contact->next)
        work(contact);
}

int rail_stops(const struct rail *rail, double by)
{
    double to = rail->position + by;
    return by > 0.0 ? to > rail->high + ROUNDING : to < rail->low - ROUNDING;
}

int cosim_add_rail(struct cosim *cosim, double begin, double low, double high)
{
    if (!isfinite(begin) || !(low <= high))
        return -EINVAL;
    struct rail *rail = models_add(&cosim->models.rails, sizeof *rail);
    if (!rail)
        return -ENOMEM;
    *rail = (struct rail){.begin = begin, .position = begin, .low = low, .high = high};
    return models_last(&cosim->models.rails);
}

int cosim_rail_by(struct cosim *cosim, int rail, int carriage, double per_step)
{
    struct rail *moved = models_at(&cosim->models.rails, rail);
    struct carriage *by = models_at(&cosim->models.carriages, carriage);
    if (!moved || !by || !isfinite(per_step) || moved->by_count == CARRIAGE_RAILS || by->part_count == CARRIAGE_RAILS)
        return -EINVAL;
    moved->begin -= per_step * (double)by->position;
    moved->by[moved->by_count].carriage = by;
    moved->by[moved->by_count++].per_step = per_step;
    by->parts[by->part_count++] = (struct part){.rail = moved, .per_step = per_step};
    world_find_lookahead(cosim);
    return 0;
}

double cosim_rail_position(const struct cosim *cosim, int rail)
{
    const struct rail *of = models_at(&cosim->models.rails, rail);
    return of ? of->position : 0.0;
}

static int is_valid(const struct cosim *cosim, const struct cosim_switch *law)
{
    return pins_owner(cosim, law->mcu, law->pin) && isfinite(law->trigger) && law->hysteresis >= 0.0 && law->noise >= 0.0 &&
           law->deviation >= 0.0 && law->deviation <= DEVIATION_MOST * law->noise && (law->sign == 1 || law->sign == -1);
}

int cosim_add_contact(struct cosim *cosim, int rail, const struct cosim_switch *law)
{
    struct rail *by = models_at(&cosim->models.rails, rail);
    if (!by || !is_valid(cosim, law))
        return -EINVAL;
    struct contact *contact = models_add(&cosim->models.contacts, sizeof *contact);
    if (!contact)
        return -ENOMEM;
    *contact = (struct contact){.cosim = cosim, .rail = by, .next = by->contacts, .law = *law, .draw = law->seed};
    contact->law.level = law->level != 0;
    contact->at = draw_at(contact);
    by->contacts = contact;
    world_find_lookahead(cosim);
    drive(contact);
    work(contact);
    return models_last(&cosim->models.contacts);
}

int cosim_noise_contact(struct cosim *cosim, int contact, double noise, double deviation)
{
    struct contact *of = models_at(&cosim->models.contacts, contact);
    if (!of)
        return -EINVAL;
    struct cosim_switch law = of->law;
    law.noise = noise;
    law.deviation = deviation;
    if (!is_valid(cosim, &law))
        return -EINVAL;
    of->law = law;
    of->worn = 1;
    return 0;
}

int cosim_stick_contact(struct cosim *cosim, int contact, int stuck)
{
    struct contact *of = models_at(&cosim->models.contacts, contact);
    if (!of)
        return -EINVAL;
    of->law.stuck = stuck;
    drive(of);
    return 0;
}

uint64_t cosim_contact_closings(const struct cosim *cosim, int contact)
{
    const struct contact *of = models_at(&cosim->models.contacts, contact);
    return of ? of->closings : 0;
}

double cosim_contact_off(const struct cosim *cosim, int contact)
{
    const struct contact *of = models_at(&cosim->models.contacts, contact);
    return of ? of->off : 0.0;
}
