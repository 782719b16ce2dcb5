/* A body with a heater, a fan and sensors.
 *
 *     body' = power * heater - (loss + cooling * fan) * (body - ambient)         heater, fan: shares of the time, 0..1
 *     sensed' = (body - sensed) / lag
 *
 * Between changes of heater and fan both are sums of exponentials. With a = loss + cooling * fan, b = 1 / lag, the rest
 * r = body - end over the temperature at which the body ends, and s = sensed - end, after t seconds:
 *
 *     body   = end + r e^-at
 *     sensed = end + s e^-bt + r b (e^-at - e^-bt) / (b - a)                      (b = a: r b t e^-at)
 *
 * With a = 0 the body does not end anywhere: a loss too small to matter stands in for none. The state is set at changes only,
 * and computed from the last one when asked: asking changes nothing.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "klipkit/sim/inner/world.h"

static const double LOSS_LEAST = 1e-9;  /* 1/s: 30 years */
static const double ALIKE = 1e-6;       /* rates that differ by less than this part are taken for one */

static double heater_share(const struct heat *heat)
{
    if (heat->stuck)
        return heat->stuck == COSIM_HEATER_ON;
    return heat->heater ? heat->heater->share : 0.0;
}

/* b (e^-at - e^-bt) / (b - a) */
static double bend(double a, double b, double t)
{
    if (fabs(b - a) < ALIKE * b)
        return b * t * exp(-a * t);
    return b * (exp(-a * t) - exp(-b * t)) / (b - a);
}

static struct cosim_heated at(const struct heat *heat, uint64_t time)
{
    const struct cosim_heat *law = &heat->law;
    double t = time > heat->since ? ticks_seconds(time - heat->since) : 0.0, share = heater_share(heat);
    double a = fmax(law->loss + law->cooling * (heat->fan ? heat->fan->share : 0.0), LOSS_LEAST), b = 1.0 / law->lag;
    double end = law->ambient + law->power * share / a, rest = heat->body - end;
    return (struct cosim_heated){
        .body = end + rest * exp(-a * t),
        .sensed = end + (heat->sensed - end) * exp(-b * t) + rest * bend(a, b, t),
        .heating = heat->heating + share * t,
    };
}

/* Something is about to change: the state so far. */
static void settle(struct heat *heat)
{
    struct cosim_heated now = at(heat, heat->cosim->now);
    heat->body = now.body;
    heat->sensed = now.sensed;
    heat->heating = now.heating;
    heat->since = heat->cosim->now;
}

static void changed(struct drive *drive)
{
    settle(drive->of);
}

static int is_valid(const struct cosim_heat *law)
{
    return isfinite(law->ambient) && isfinite(law->power) && law->loss >= 0.0 && law->cooling >= 0.0 && law->lag > 0.0;
}

int cosim_add_heat(struct cosim *cosim, const struct cosim_heat *law)
{
    if (!is_valid(law))
        return -EINVAL;
    struct heat *heat = models_add(&cosim->models.heats, sizeof *heat);
    if (!heat)
        return -ENOMEM;
    *heat = (struct heat){.cosim = cosim, .law = *law, .since = cosim->now, .body = law->ambient, .sensed = law->ambient};
    return models_last(&cosim->models.heats);
}

static int drive_by(struct cosim *cosim, int heat, int mcu, uint32_t pin, int inverted, struct drive **drive)
{
    struct heat *of = models_at(&cosim->models.heats, heat);
    if (!of || *drive || !pins_owner(cosim, mcu, pin))
        return -EINVAL;
    settle(of);
    *drive = models_drive(cosim, mcu, pin, inverted);
    if (!*drive)
        return -ENOMEM;
    (*drive)->changed = changed;
    (*drive)->of = of;
    return 0;
}

int cosim_heat_by(struct cosim *cosim, int heat, int mcu, uint32_t pin, int inverted)
{
    struct heat *of = models_at(&cosim->models.heats, heat);
    return of ? drive_by(cosim, heat, mcu, pin, inverted, &of->heater) : -EINVAL;
}

int cosim_cool_by(struct cosim *cosim, int heat, int mcu, uint32_t pin, int inverted)
{
    struct heat *of = models_at(&cosim->models.heats, heat);
    return of ? drive_by(cosim, heat, mcu, pin, inverted, &of->fan) : -EINVAL;
}

int cosim_stick_heater(struct cosim *cosim, int heat, int stuck)
{
    struct heat *of = models_at(&cosim->models.heats, heat);
    if (!of)
        return -EINVAL;
    settle(of);
    of->stuck = stuck;
    return 0;
}

int cosim_change_heat(struct cosim *cosim, int heat, const struct cosim_heat *law)
{
    struct heat *of = models_at(&cosim->models.heats, heat);
    if (!of || !is_valid(law))
        return -EINVAL;
    settle(of);
    of->law = *law;
    return 0;
}

int cosim_see_heat(const struct cosim *cosim, int heat, struct cosim_heated *out)
{
    const struct heat *of = models_at(&cosim->models.heats, heat);
    if (!of)
        return -EINVAL;
    *out = at(of, cosim->now);
    return 0;
}

/* --- sensors --- */

static double share(struct analog *self, uint64_t time)
{
    const struct sensor *sensor = (const struct sensor *)self;
    if (sensor->fixed >= 0.0)
        return sensor->fixed;
    double place = (at(sensor->heat, time).sensed - sensor->low) / sensor->step, last = (double)(sensor->count - 1);
    if (place <= 0.0)
        return sensor->shares[0];
    if (place >= last)
        return sensor->shares[sensor->count - 1];
    size_t index = (size_t)place;
    double part = place - (double)index;
    return sensor->shares[index] + part * (sensor->shares[index + 1] - sensor->shares[index]);
}

static int are_shares(const double *shares, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(shares[i] >= 0.0 && shares[i] <= 1.0))
            return 0;
    return count > 0;
}

int cosim_add_sensor(struct cosim *cosim, int heat, int mcu, uint32_t pin, double low, double step, const double *shares,
                     size_t count)
{
    const struct heat *of = models_at(&cosim->models.heats, heat);
    struct mcu *on = pins_owner(cosim, mcu, pin);
    if (!of || !on || !isfinite(low) || !(step > 0.0) || !are_shares(shares, count))
        return -EINVAL;
    double *copy = malloc(count * sizeof *copy);
    struct sensor *sensor = copy ? models_add(&cosim->models.sensors, sizeof *sensor) : NULL;
    if (!sensor) {
        free(copy);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++)
        copy[i] = shares[i];
    *sensor = (struct sensor){.analog = {.share = share}, .heat = of, .low = low, .step = step, .shares = copy, .count = count,
                              .fixed = -1.0};
    on->pins[pin].source = &sensor->analog;
    return models_last(&cosim->models.sensors);
}

int cosim_fix_sensor(struct cosim *cosim, int sensor, double fixed)
{
    struct sensor *of = models_at(&cosim->models.sensors, sensor);
    if (!of || fixed > 1.0)
        return -EINVAL;
    of->fixed = fixed;
    return 0;
}

void heat_free(struct sensor *sensor)
{
    free(sensor->shares);
}
