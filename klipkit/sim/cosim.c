/* The calls of cosim.h, and the one loop that takes events off the queue and lets the one go on whom they are for. */
#define _POSIX_C_SOURCE 200809L
#include "klipkit/sim/cosim.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/sim/inner/world.h"

/* Of chips without a wire: how far one may run ahead of another, s. */
static const double LOOKAHEAD_MOST = 1e-3;

double world_seconds(const struct cosim *cosim)
{
    return cosim->start + ticks_seconds(cosim->now);
}

void world_stop(struct cosim *cosim, int why)
{
    cosim->stopped = 1;
    cosim->why = why;
}

/* Let events happen until one is for somebody: the MCU that goes on, or NULL for the host. */
static struct compiled *pick(struct cosim *cosim)
{
    while (!cosim->stopped && !cosim->next) {
        struct event *event = events_first(&cosim->events);
        if (!event) {
            world_stop(cosim, COSIM_TIME);
            break;
        }
        events_clear(&cosim->events, event);
        if (event->time > cosim->now)
            cosim->now = event->time;
        event->due(event->owner);
    }
    if (cosim->stopped)
        return NULL;
    struct compiled *next = cosim->next;
    cosim->next = NULL;
    return next;
}

static struct context *context_of(struct cosim *cosim, struct compiled *own)
{
    return own ? &own->context : &cosim->host;
}

void world_give_way(struct cosim *cosim, struct compiled *own)
{
    struct compiled *to = pick(cosim);
    if (to != own)
        context_switch(context_of(cosim, own), context_of(cosim, to));
}

void world_leave(struct cosim *cosim, struct compiled *own)
{
    surround_crash(own);
    context_leave(&own->context, &cosim->host);
}

/* Whether a switch on a pin of one chip is worked by the carriage of another. */
static int chips_are_joined(const struct cosim *cosim)
{
    const struct list *contacts = &cosim->models.contacts;
    for (size_t i = 0; i < contacts->count; i++) {
        const struct contact *contact = contacts->items[i];
        const struct mcu *on = cosim->mcus[contact->law.mcu];
        for (size_t by = 0; by < contact->rail->by_count; by++) {
            const struct mcu *mover = cosim->mcus[contact->rail->by[by].carriage->mcu];
            if (on != mover && mcu_is_emulated(on) && mcu_is_emulated(mover))
                return 1;
        }
    }
    return 0;
}

void world_find_lookahead(struct cosim *cosim)
{
    cosim->lookahead = chips_are_joined(cosim) ? 0 : ticks_units(LOOKAHEAD_MOST);
    for (size_t i = 0; i < cosim->mcu_count; i++) {
        const struct wire *wire = &cosim->mcus[i]->wire;
        if ((wire->session || wire->is_open) && wire->up.byte_time / 2 < cosim->lookahead)
            cosim->lookahead = wire->up.byte_time / 2;
    }
}

static void limit_due(void *owner)
{
    world_stop(owner, COSIM_TIME);
}

struct cosim *cosim_new(double start)
{
    struct cosim *cosim = calloc(1, sizeof *cosim);
    if (!cosim)
        return NULL;
    cosim->start = start;
    cosim->limit = (struct event){.due = limit_due, .owner = cosim};
    world_find_lookahead(cosim);
    if (events_reserve(&cosim->events, 1)) {
        free(cosim);
        return NULL;
    }
    return cosim;
}

void cosim_free(struct cosim *cosim)
{
    if (!cosim)
        return;
    for (size_t i = 0; i < cosim->mcu_count; i++)
        sim_mcu_free(cosim->mcus[i]);
    free(cosim->mcus);
    models_free(&cosim->models);
    free(cosim->record.points);
    free(cosim->edges);
    events_free(&cosim->events);
    free(cosim);
}

/* Take in an MCU and switch it on; gives its number or a negative errno, when it was freed. */
static int add(struct cosim *cosim, struct mcu *mcu, const char *path, const struct sim_persona *persona, uint64_t offset,
               double drift)
{
    struct mcu **mcus = realloc(cosim->mcus, (cosim->mcu_count + 1) * sizeof *mcus);
    if (mcus)
        cosim->mcus = mcus;
    if (mcu)
        mcu->path = strdup(path);
    int error = mcus && mcu && mcu->path ? 0 : -ENOMEM;
    if (!error) {
        mcu->cosim = cosim;
        mcu->number = (uint32_t)cosim->mcu_count;
        mcu->persona = persona;
        mcu->rate = ticks_rate(persona->clock_frequency, drift);
        mcu->offset = offset;
        error = mcu->rate ? sim_mcu_power_on(mcu) : -EINVAL;
    }
    if (error) {
        sim_mcu_free(mcu);
        return error;
    }
    mcus[cosim->mcu_count] = mcu;
    return (int)cosim->mcu_count++;
}

int cosim_add_mcu(struct cosim *cosim, const char *object, const struct sim_persona *persona, uint64_t offset, double drift)
{
    return persona ? add(cosim, compiled_new(), object, persona, offset, drift) : -EINVAL;
}

int cosim_add_chip(struct cosim *cosim, const char *emulator, const char *elf, const struct sim_persona *persona,
                   uint64_t offset, double drift)
{
    return persona ? add(cosim, emulated_new(emulator), elf, persona, offset, drift) : -EINVAL;
}

struct mcu *world_mcu(const struct cosim *cosim, int number)
{
    return number >= 0 && (size_t)number < cosim->mcu_count ? cosim->mcus[number] : NULL;
}

int cosim_connect(struct cosim *cosim, int mcu, struct session *session, double byte_time, const struct cosim_faults *faults)
{
    struct mcu *on = world_mcu(cosim, mcu);
    if (!on || !(byte_time >= 0.0))
        return -EINVAL;
    sim_wire_connect(on, session, ticks_units(byte_time), faults);
    world_find_lookahead(cosim);
    return 0;
}

int cosim_connect_bytes(struct cosim *cosim, int mcu, double byte_time, const struct cosim_faults *faults)
{
    int error = cosim_connect(cosim, mcu, NULL, byte_time, faults);
    if (!error)
        cosim->mcus[mcu]->wire.is_open = 1;
    world_find_lookahead(cosim);
    return error;
}

int cosim_reset(struct cosim *cosim, int mcu)
{
    struct mcu *of = world_mcu(cosim, mcu);
    if (!of)
        return -EINVAL;
    int error = of->kind->reset(of);
    sim_mcu_crash(of);
    return error ? error : sim_mcu_restart(of);
}

/* Load anew what was reset during a run. */
static int restart_crashed(struct cosim *cosim)
{
    for (size_t i = 0; i < cosim->mcu_count; i++) {
        int error = cosim->mcus[i]->crashed ? sim_mcu_restart(cosim->mcus[i]) : 0;
        if (error)
            return error;
    }
    return 0;
}

int cosim_run(struct cosim *cosim, double until)
{
    cosim->stopped = 0;
    for (size_t i = 0; i < cosim->mcu_count; i++)
        sim_wire_pump(cosim->mcus[i]);
    uint64_t limit = ticks_units(until - cosim->start);
    if (limit < TICKS_NEVER)
        events_set_last(&cosim->events, &cosim->limit, limit > cosim->now ? limit : cosim->now);
    world_give_way(cosim, NULL);
    events_clear(&cosim->events, &cosim->limit);
    int error = restart_crashed(cosim);
    return error ? error : cosim->why;
}

double cosim_next(const struct cosim *cosim)
{
    const struct event *first = events_first(&cosim->events);
    if (cosim->next)
        return world_seconds(cosim);
    return first ? cosim->start + ticks_seconds(first->time) : HUGE_VAL;
}

double cosim_now(const struct cosim *cosim)
{
    return world_seconds(cosim);
}

uint64_t cosim_clock(const struct cosim *cosim, int mcu)
{
    const struct mcu *of = world_mcu(cosim, mcu);
    return of ? sim_mcu_clock(of) : 0;
}

uint64_t cosim_wire_digest(const struct cosim *cosim, int mcu, int up)
{
    const struct mcu *of = world_mcu(cosim, mcu);
    if (!of)
        return 0;
    return up ? of->wire.digest_up : of->wire.digest_down;
}

uint64_t cosim_resets(const struct cosim *cosim, int mcu)
{
    const struct mcu *of = world_mcu(cosim, mcu);
    return of ? of->resets : 0;
}

const uint8_t *cosim_flash(const struct cosim *cosim, int mcu, size_t *size)
{
    const struct mcu *of = world_mcu(cosim, mcu);
    return of ? of->kind->flash(of, size) : NULL;
}

uint64_t cosim_overruns(const struct cosim *cosim, int mcu)
{
    const struct mcu *of = world_mcu(cosim, mcu);
    return of ? of->kind->overruns(of) : 0;
}
