/* A kind of MCU: a chip in an emulator, run up to a horizon (inner/world.h says how far that is). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/sim/inner/emulator.h"
#include "klipkit/sim/inner/world.h"

enum { PENDING_MOST = 64 }; /* pins that one instruction can change */

/* The longest go when nothing else is to happen. */
static const double GO_MOST = 1.0; /* s */

/* What a chip did at its own time and the others have yet to see. */
struct change {
    uint32_t pin;
    int mode, level;   /* mode PWM: the level is its value */
};

enum { PWM = -1 };

struct emulated {
    struct mcu mcu;
    char *file;                /* of the emulator */
    void *object;              /* of dlopen */
    const struct emulator *emulator;
    struct emulator_host host;
    void *chip;
    uint64_t begun;            /* cycle of the chip at the MCU's `base` */
    struct change pending[PENDING_MOST];
    size_t pending_count;
    int reset_pending;
};

/* --- time --- */

static uint64_t time_of(const struct emulated *own, uint64_t cycle)
{
    const struct mcu *mcu = &own->mcu;
    return mcu->base + (cycle > own->begun ? ticks_time(mcu->rate, cycle - own->begun) : 0);
}

static uint64_t time_now(const struct emulated *own)
{
    return time_of(own, own->emulator->cycle(own->chip));
}

/* The first cycle of the chip that does not end before `time`. */
static uint64_t cycle_of(const struct emulated *own, uint64_t time)
{
    const struct mcu *mcu = &own->mcu;
    if (time <= mcu->base)
        return own->begun;
    uint64_t ticks = ticks_at(mcu->rate, time - mcu->base);
    return own->begun + ticks + (mcu->base + ticks_time(mcu->rate, ticks) < time);
}

/* --- what the chip calls --- */

static void apply(struct emulated *own, const struct change *change)
{
    if (change->mode == PWM)
        pins_set_up_pwm(&own->mcu, change->pin, (uint32_t)change->level);
    else
        pins_set_up(&own->mcu, change->pin, change->mode, change->level);
}

/* What nobody sees is done at once; the rest ends the go. */
static void change(struct emulated *own, struct change change)
{
    const struct pin *pin = &own->mcu.pins[change.pin];
    if (!pin->watched && !pin->followers) {
        apply(own, &change);
        return;
    }
    if (own->pending_count < PENDING_MOST)
        own->pending[own->pending_count++] = change;
    own->emulator->stop(own->chip);
}

static void pin_changed(void *ctx, uint32_t pin, int mode, int level)
{
    change(ctx, (struct change){pin, mode, level});
}

static void pwm_changed(void *ctx, uint32_t pin, uint32_t value)
{
    change(ctx, (struct change){pin, PWM, (int)value});
}

static int pin_read(void *ctx, uint32_t pin)
{
    return pins_read(ctx, pin);
}

static uint32_t analog_read(void *ctx, uint32_t pin)
{
    const struct emulated *own = ctx;
    return pins_read_analog(&own->mcu, pin, time_now(own));
}

static void spi_exchange(void *ctx, uint32_t bus, uint8_t *byte)
{
    const struct cosim_buses *buses = &((const struct emulated *)ctx)->mcu.buses;
    if (buses->spi)
        buses->spi(buses->owner, bus, byte, 1);
    else
        *byte = 0;
}

/* The byte's event bounds the go from now on, so that it has to end. A byte is no quicker than what others were told to expect
 * (in a wire whose ends differ in speed). */
static void byte_sent(void *ctx, uint64_t cycle, uint8_t byte)
{
    struct emulated *own = ctx;
    uint64_t through = time_of(own, cycle), soonest = time_now(own) + own->mcu.cosim->lookahead;
    sim_wire_send_byte(&own->mcu, through > soonest ? through : soonest, byte);
    own->emulator->stop(own->chip);
}

static void counting(void *ctx, uint64_t cycle)
{
    struct emulated *own = ctx;
    own->mcu.offset = own->begun - cycle;
}

static void was_reset(void *ctx)
{
    struct emulated *own = ctx;
    own->reset_pending = 1;
    own->emulator->stop(own->chip);
}

/* --- its goes --- */

static void resume_due(void *owner);

/* What the chip did has its time now. */
static void commit(struct emulated *own)
{
    for (size_t i = 0; i < own->pending_count; i++)
        apply(own, &own->pending[i]);
    own->pending_count = 0;
    if (own->reset_pending)
        sim_mcu_crash(&own->mcu);
    own->reset_pending = 0;
}

static uint64_t horizon(const struct emulated *own)
{
    const struct cosim *cosim = own->mcu.cosim;
    const struct event *first = events_first(&cosim->events);
    uint64_t most = cosim->now + ticks_units(GO_MOST);
    if (first && first->due == resume_due) {
        uint64_t near = first->time + cosim->lookahead, event = events_first_but(&cosim->events, resume_due);
        most = near < most ? near : most;
        return event < most ? event : most;
    }
    return first && first->time < most ? first->time : most;
}

/* Run to the horizon, or to something that others can see. Gives 0 when the CPU has stopped for good. */
static int go(struct emulated *own)
{
    uint64_t cycle = own->emulator->cycle(own->chip), until = cycle_of(own, horizon(own));
    return own->emulator->run(own->chip, until > cycle ? until : cycle + 1);
}

/* Whether what the chip did can be made to happen now: nothing else comes before it. */
static int may_commit(const struct emulated *own, uint64_t time)
{
    const struct event *first = events_first(&own->mcu.cosim->events);
    return !own->mcu.cosim->stopped && (!first || first->time > time);
}

static void resume_due(void *owner)
{
    struct emulated *own = owner;
    struct cosim *cosim = own->mcu.cosim;
    own->mcu.running = 1;
    commit(own);
    while (own->mcu.running && !own->mcu.crashed) {
        int alive = go(own);
        uint64_t time = time_now(own);
        if (!may_commit(own, time)) {
            events_set_late(&cosim->events, &own->mcu.resume, time);
            break;
        }
        if (time > cosim->now)
            cosim->now = time;
        commit(own);
        own->mcu.running = own->mcu.running && alive;
    }
}

/* --- what the co-simulator asks --- */

static int load(struct emulated *own)
{
    own->object = dlopen(own->file, RTLD_NOW | RTLD_LOCAL);
    if (!own->object)
        return -ELIBBAD;
    const struct emulator *(*entry)(void);
    *(void **)&entry = dlsym(own->object, "klipkit_sim_emulator");
    own->emulator = entry ? entry() : NULL;
    return own->emulator && own->emulator->version == EMULATOR_VERSION ? 0 : -ELIBBAD;
}

/* Execute what came before the start, when nobody watched. */
static int catch_up(struct emulated *own)
{
    own->begun = own->mcu.offset;
    while (own->emulator->cycle(own->chip) < own->begun) {
        if (!own->emulator->run(own->chip, own->begun))
            return -ENOEXEC;
        own->reset_pending = 0;
    }
    return 0;
}

static int open_emulated(struct mcu *mcu)
{
    struct emulated *own = (struct emulated *)mcu;
    mcu->resume = (struct event){.due = resume_due, .owner = own};
    own->host = (struct emulator_host){
        .ctx = own, .pin = pin_changed, .pin_read = pin_read, .analog_read = analog_read, .pwm = pwm_changed,
        .spi = spi_exchange, .sent = byte_sent, .counting = counting, .reset = was_reset,
    };
    int error = load(own);
    if (error)
        return error;
    own->chip = own->emulator->create(&own->host, mcu->persona, mcu->path);
    if (!own->chip)
        return -ENOEXEC;
    error = catch_up(own);
    if (!error)
        events_set_late(&mcu->cosim->events, &mcu->resume, time_now(own));
    return error;
}

/* The emulator has reset the chip; it is held until the MCU's new `base`, and its cycles stand still. */
static int reopen(struct mcu *mcu)
{
    struct emulated *own = (struct emulated *)mcu;
    own->begun = own->emulator->cycle(own->chip);
    own->pending_count = 0;
    events_set_late(&mcu->cosim->events, &mcu->resume, mcu->base);
    return 0;
}

/* A chip that lost its power: what it had in its memory, and what it had written into its flash, is gone. */
static int reset(struct mcu *mcu)
{
    struct emulated *own = (struct emulated *)mcu;
    own->emulator->destroy(own->chip);
    own->chip = own->emulator->create(&own->host, mcu->persona, mcu->path);
    return own->chip ? 0 : -ENOEXEC;
}

static void close_emulated(struct mcu *mcu)
{
    struct emulated *own = (struct emulated *)mcu;
    if (own->chip)
        own->emulator->destroy(own->chip);
    if (own->object)
        dlclose(own->object);
    free(own->file);
}

static void bytes_came(struct mcu *mcu)
{
    const struct emulated *own = (const struct emulated *)mcu;
    for (uint8_t byte; sim_wire_take(mcu, &byte);)
        own->emulator->receive(own->chip, byte);
}

static const uint8_t *flash(const struct mcu *mcu, size_t *size)
{
    const struct emulated *own = (const struct emulated *)mcu;
    return own->emulator->flash(own->chip, size);
}

static uint64_t overruns(const struct mcu *mcu)
{
    const struct emulated *own = (const struct emulated *)mcu;
    return own->emulator->overruns(own->chip);
}

int mcu_is_emulated(const struct mcu *mcu)
{
    return mcu->kind->open == open_emulated;
}

struct mcu *emulated_new(const char *emulator)
{
    static const struct mcu_kind KIND = {open_emulated, reopen, reset, close_emulated, bytes_came, flash, overruns};
    struct emulated *own = calloc(1, sizeof *own);
    if (!own)
        return NULL;
    own->mcu.kind = &KIND;
    own->file = strdup(emulator);
    if (own->file)
        return &own->mcu;
    free(own);
    return NULL;
}
