/* The pins of a simulated MCU: levels and values as all see them, edges noted, followers told. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "klipkit/sim/inner/world.h"

enum { EDGES_FIRST = 1024 };

static void note_edge(struct mcu *mcu, uint32_t pin, int level)
{
    struct cosim *cosim = mcu->cosim;
    if (cosim->edge_count == cosim->edge_room) {
        size_t room = cosim->edge_room ? 2 * cosim->edge_room : EDGES_FIRST;
        struct cosim_edge *edges = realloc(cosim->edges, room * sizeof *edges);
        if (!edges) {
            cosim->edge_lost++;
            return;
        }
        cosim->edges = edges;
        cosim->edge_room = room;
    }
    cosim->edges[cosim->edge_count++] =
        (struct cosim_edge){.clock = sim_mcu_clock(mcu), .mcu = mcu->number, .pin = pin, .level = level};
}

static int seen_level(const struct pin *pin)
{
    if (pin->mode == SIM_PIN_OUTPUT)
        return pin->latch;
    if (pin->driven >= 0)
        return pin->driven;
    return pin->mode == SIM_PIN_PULL_UP;
}

static void tell(const struct pin *pin)
{
    for (struct follower *follower = pin->followers; follower; follower = follower->next)
        follower->see(follower, pin);
}

static void update(struct mcu *mcu, uint32_t number)
{
    struct pin *pin = &mcu->pins[number];
    int level = seen_level(pin);
    int changed = level != pin->level;
    pin->level = (uint8_t)level;
    if (changed && pin->watched)
        note_edge(mcu, number, level);
    if (changed)
        tell(pin);
}

int pins_new(struct mcu *mcu)
{
    mcu->pins = calloc(mcu->persona->pin_count + 1, sizeof *mcu->pins);
    if (!mcu->pins)
        return -ENOMEM;
    for (size_t i = 0; i < mcu->persona->pin_count; i++)
        mcu->pins[i].driven = -1;
    return 0;
}

void pins_float(struct mcu *mcu)
{
    for (uint32_t i = 0; i < mcu->persona->pin_count; i++) {
        mcu->pins[i].modulated = 0;
        pins_write_pwm(mcu, i, 0);
        pins_set_up(mcu, i, SIM_PIN_INPUT, 0);
    }
}

void pins_set_up(struct mcu *mcu, uint32_t pin, int mode, int level)
{
    if (pin >= mcu->persona->pin_count)
        return;
    int changed = mcu->pins[pin].mode != mode; /* it may float at the level that it had */
    mcu->pins[pin].mode = (uint8_t)mode;
    mcu->pins[pin].latch = level != 0;
    update(mcu, pin);
    if (changed)
        tell(&mcu->pins[pin]);
}

void pins_write(struct mcu *mcu, uint32_t pin, int level)
{
    if (pin >= mcu->persona->pin_count)
        return;
    mcu->pins[pin].latch = level != 0;
    update(mcu, pin);
}

int pins_read(const struct mcu *mcu, uint32_t pin)
{
    return pin < mcu->persona->pin_count ? mcu->pins[pin].level : 0;
}

int pins_set_up_analog(const struct mcu *mcu, uint32_t pin)
{
    return pin < mcu->persona->pin_count ? 0 : -EINVAL;
}

uint32_t pins_read_analog(const struct mcu *mcu, uint32_t pin, uint64_t time)
{
    if (pin >= mcu->persona->pin_count)
        return 0;
    struct analog *source = mcu->pins[pin].source;
    return source ? (uint32_t)lround(source->share(source, time) * mcu->persona->adc_max) : mcu->pins[pin].analog;
}

int pins_set_up_pwm(struct mcu *mcu, uint32_t pin, uint32_t value)
{
    if (pin >= mcu->persona->pin_count)
        return -EINVAL;
    mcu->pins[pin].modulated = 1;
    pins_write_pwm(mcu, pin, value);
    tell(&mcu->pins[pin]);
    return 0;
}

void pins_write_pwm(struct mcu *mcu, uint32_t number, uint32_t value)
{
    struct pin *pin = &mcu->pins[number];
    if (pin->watched && pin->pwm != value)
        note_edge(mcu, number, (int)value);
    int changed = pin->pwm != value;
    pin->pwm = value;
    if (changed)
        tell(pin);
}

double pins_share(const struct mcu *mcu, uint32_t number)
{
    const struct pin *pin = &mcu->pins[number];
    if (pin->modulated || pin->pwm)
        return mcu->persona->pwm_max ? (double)pin->pwm / mcu->persona->pwm_max : 0.0;
    return pin->mode == SIM_PIN_OUTPUT ? pin->latch : -1.0;
}

double cosim_pin_share(const struct cosim *cosim, int mcu, uint32_t pin)
{
    const struct mcu *on = pins_owner(cosim, mcu, pin);
    return on ? pins_share(on, pin) : -1.0;
}

struct mcu *pins_owner(const struct cosim *cosim, int mcu, uint32_t pin)
{
    if (mcu < 0 || (size_t)mcu >= cosim->mcu_count || pin >= cosim->mcus[mcu]->persona->pin_count)
        return NULL;
    return cosim->mcus[mcu];
}

int cosim_pin_level(const struct cosim *cosim, int mcu, uint32_t pin)
{
    const struct mcu *on = pins_owner(cosim, mcu, pin);
    return on ? on->pins[pin].level : -EINVAL;
}

int64_t cosim_analog(const struct cosim *cosim, int mcu, uint32_t pin)
{
    const struct mcu *on = pins_owner(cosim, mcu, pin);
    return on ? (int64_t)pins_read_analog(on, pin, cosim->now) : -EINVAL;
}

int cosim_watch(struct cosim *cosim, int mcu, uint32_t pin)
{
    struct mcu *on = pins_owner(cosim, mcu, pin);
    if (!on)
        return -EINVAL;
    on->pins[pin].watched = 1;
    return 0;
}

int cosim_drive(struct cosim *cosim, int mcu, uint32_t pin, int level)
{
    struct mcu *on = pins_owner(cosim, mcu, pin);
    if (!on)
        return -EINVAL;
    on->pins[pin].driven = (int8_t)(level < 0 ? -1 : level != 0);
    update(on, pin);
    return 0;
}

int cosim_set_analog(struct cosim *cosim, int mcu, uint32_t pin, uint32_t value)
{
    struct mcu *on = pins_owner(cosim, mcu, pin);
    if (!on || value > on->persona->adc_max)
        return -EINVAL;
    on->pins[pin].analog = value;
    on->pins[pin].source = NULL;
    return 0;
}

int cosim_connect_buses(struct cosim *cosim, int mcu, const struct cosim_buses *buses)
{
    struct mcu *on = pins_owner(cosim, mcu, 0);
    if (!on)
        return -EINVAL;
    on->buses = *buses;
    return 0;
}

size_t cosim_edges(struct cosim *cosim, struct cosim_edge *out, size_t room)
{
    size_t left = cosim->edge_count - cosim->edge_taken;
    size_t count = left < room ? left : room;
    for (size_t i = 0; i < count; i++)
        out[i] = cosim->edges[cosim->edge_taken + i];
    cosim->edge_taken += count;
    if (cosim->edge_taken == cosim->edge_count)
        cosim->edge_taken = cosim->edge_count = 0;
    return count;
}
