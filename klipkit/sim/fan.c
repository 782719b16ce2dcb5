/* A fan: its speed follows the power that its pin gives, and its tachometer pulls an input pin to ground by turns.
 *
 *     speed' = (full * share - speed) / inertia        turns' = speed
 *
 * With d = speed - full * share at the last change, after t seconds:
 *
 *     speed = full * share + d e^(-t / inertia)        turns = full * share * t + d inertia (1 - e^(-t / inertia))
 *
 * The tachometer's level changes 2 * pulses times a turn, at turns that are known: each edge is an event at the time at which
 * the fan gets there, found by Newton's steps within a bracket (turns rise with t). A fan that does not get there in an hour is
 * looked at again then.
 */
#include <errno.h>
#include <math.h>

#include "klipkit/sim/inner/world.h"

static const double LOOK_AGAIN = 3600.0;   /* s */
static const double EXACT = 1e-12;         /* of a turn, in 1 */
enum { NEWTON_MOST = 60 };

static double end_of(const struct fan *fan)
{
    return fan->blocked ? 0.0 : fan->law.full * fan->drive->share;
}

static struct cosim_turning after(const struct fan *fan, double t)
{
    double end = end_of(fan), rest = fan->speed - end, fade = exp(-t / fan->law.inertia);
    return (struct cosim_turning){.speed = end + rest * fade,
                                  .turns = fan->turns + end * t + rest * fan->law.inertia * (1.0 - fade)};
}

static struct cosim_turning at(const struct fan *fan, uint64_t time)
{
    return after(fan, time > fan->since ? ticks_seconds(time - fan->since) : 0.0);
}

static void settle(struct fan *fan)
{
    struct cosim_turning now = at(fan, fan->cosim->now);
    fan->speed = now.speed;
    fan->turns = now.turns;
    fan->since = fan->cosim->now;
}

/* The time after `since` at which the fan has made so many turns, at most LOOK_AGAIN. */
static double time_of(const struct fan *fan, double turns)
{
    double low = 0.0, high = LOOK_AGAIN, t = 0.0;
    if (after(fan, high).turns <= turns)
        return high;
    for (int i = 0; i < NEWTON_MOST && high - low > 0.0; i++) {
        struct cosim_turning here = after(fan, t);
        double off = here.turns - turns;
        if (fabs(off) < EXACT)
            break;
        *(off < 0.0 ? &low : &high) = t;
        double next = here.speed > 0.0 ? t - off / here.speed : high;
        t = next > low && next < high ? next : low + (high - low) / 2.0;
    }
    return t;
}

/* The level between two edges: that of the open collector's pull-up, then ground. */
static void drive_pin(const struct fan *fan)
{
    cosim_drive(fan->cosim, fan->on, fan->pin, fan->edges % 2 == 0);
}

static void expect(struct fan *fan)
{
    if (!fan->law.pulses)
        return;
    double t = time_of(fan, (double)(fan->edges + 1) / (2.0 * fan->law.pulses));
    uint64_t due = fan->since + ticks_units(t);
    events_set(&fan->cosim->events, &fan->edge, due > fan->cosim->now ? due : fan->cosim->now + 1);
}

static void edge_due(void *owner)
{
    struct fan *fan = owner;
    double reached = at(fan, fan->cosim->now).turns * 2.0 * fan->law.pulses;
    if (reached > (double)(fan->edges + 1) - 0.5) {
        fan->edges++;
        drive_pin(fan);
    }
    expect(fan);
}

static void before(struct drive *drive)
{
    settle(drive->of);
}

static void afterwards(struct drive *drive)
{
    expect(drive->of);
}

int cosim_add_fan(struct cosim *cosim, const struct cosim_fan *law, int mcu, uint32_t pin, int inverted)
{
    if (!(law->full >= 0.0 && law->inertia > 0.0 && law->pulses >= 0.0) || !pins_owner(cosim, mcu, pin))
        return -EINVAL;
    struct drive *drive = models_drive(cosim, mcu, pin, inverted);
    struct fan *fan = drive ? models_add(&cosim->models.fans, sizeof *fan) : NULL;
    if (!fan)
        return -ENOMEM;
    *fan = (struct fan){.cosim = cosim, .law = *law, .drive = drive, .since = cosim->now};
    fan->law.pulses = 0.0; /* until it has a tachometer */
    fan->pulses = law->pulses;
    fan->edge = (struct event){.due = edge_due, .owner = fan};
    drive->of = fan;
    drive->changed = before;
    drive->after = afterwards;
    return models_last(&cosim->models.fans);
}

int cosim_fan_tachometer(struct cosim *cosim, int fan, int mcu, uint32_t pin)
{
    struct fan *of = models_at(&cosim->models.fans, fan);
    if (!of || of->law.pulses || !(of->pulses > 0.0) || !pins_owner(cosim, mcu, pin))
        return -EINVAL;
    if (events_reserve(&cosim->events, 1))
        return -ENOMEM;
    settle(of);
    of->law.pulses = of->pulses;
    of->on = mcu;
    of->pin = pin;
    of->edges = (uint64_t)(of->turns * 2.0 * of->pulses);
    drive_pin(of);
    expect(of);
    return 0;
}

int cosim_block_fan(struct cosim *cosim, int fan, int blocked)
{
    struct fan *of = models_at(&cosim->models.fans, fan);
    if (!of)
        return -EINVAL;
    settle(of);
    of->blocked = blocked != 0;
    expect(of);
    return 0;
}

int cosim_see_fan(const struct cosim *cosim, int fan, struct cosim_turning *out)
{
    const struct fan *of = models_at(&cosim->models.fans, fan);
    if (!of)
        return -EINVAL;
    *out = at(of, cosim->now);
    return 0;
}
