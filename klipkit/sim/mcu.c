/* One simulated MCU: the private copy of the firmware's object that it runs, its power-on and its resets. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "klipkit/sim/inner/world.h"

/* From a reset to the first instruction: about what crystals and clocks take to settle (65 ms on an ATmega2560 with the
 * usual fuses, data sheet 10.4, "Low Power Crystal Oscillator"). */
static const double BOOT_TIME = 0.065;

/* Copy a file into one in memory of its own, so that the loader takes it for another object: the globals are private. */
static int private_copy(const char *path)
{
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return -errno;
    int to = memfd_create("klipkit-sim-mcu", MFD_CLOEXEC);
    int error = to < 0 ? -errno : 0;
    char buffer[65536];
    for (ssize_t count = 0; !error && (count = read(from, buffer, sizeof buffer)) != 0;)
        if (count < 0 || write(to, buffer, (size_t)count) != count)
            error = count < 0 ? -errno : -ENOSPC;
    close(from);
    if (error && to >= 0)
        close(to);
    return error ? error : to;
}

static void unload(struct mcu *mcu)
{
    if (mcu->object)
        dlclose(mcu->object);
    if (mcu->file >= 0)
        close(mcu->file);
    mcu->object = NULL;
    mcu->firmware = NULL;
    mcu->file = -1;
}

static int load(struct mcu *mcu)
{
    char name[64];
    mcu->file = private_copy(mcu->path);
    if (mcu->file < 0)
        return mcu->file;
    snprintf(name, sizeof name, "/proc/self/fd/%d", mcu->file);
    mcu->object = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!mcu->object)
        return -ELIBBAD;
    const struct sim_firmware *(*entry)(void);
    *(void **)&entry = dlsym(mcu->object, "klipkit_sim_firmware");
    mcu->firmware = entry ? entry() : NULL;
    return mcu->firmware && mcu->firmware->abi_version == SIM_ABI_VERSION ? 0 : -ELIBBAD;
}

/* Where a context of firmware begins; start() comes back only when a reset was asked for. */
static void begin(void *argument)
{
    struct mcu *mcu = argument;
    mcu->running = 1;
    mcu->firmware->start(&mcu->host, mcu->persona);
    world_leave(mcu->cosim, mcu);
}

/* The first event of an MCU that was switched on: its context is begun just before it is gone to. */
static void boot(struct mcu *mcu, uint64_t time)
{
    mcu->enabled = mcu->inside = mcu->timer_due = mcu->waiting = mcu->running = 0;
    context_begin(&mcu->context, begin, mcu);
    events_set(&mcu->cosim->events, &mcu->resume, time);
}

int sim_mcu_power_on(struct mcu *mcu, const char *object)
{
    mcu->file = -1;
    mcu->path = strdup(object);
    int error = mcu->path ? pins_new(mcu) : -ENOMEM;
    if (!error)
        error = context_new(&mcu->context);
    if (!error)
        error = load(mcu);
    if (!error)
        error = events_reserve(&mcu->cosim->events, 5); /* timer, resume, emit, arrive_down, arrive_up */
    if (error)
        return error;
    surround_set_up(mcu);
    sim_wire_set_up(mcu);
    boot(mcu, mcu->cosim->now);
    return 0;
}

int sim_mcu_restart(struct mcu *mcu)
{
    struct cosim *cosim = mcu->cosim;
    unload(mcu);
    pins_float(mcu);
    mcu->resets++;
    mcu->base = cosim->now + ticks_units(BOOT_TIME);
    mcu->offset = 0;
    mcu->crashed = 0;
    int error = load(mcu);
    if (!error)
        boot(mcu, mcu->base);
    return error;
}

void sim_mcu_free(struct mcu *mcu)
{
    if (!mcu)
        return;
    unload(mcu);
    context_free(&mcu->context);
    sim_wire_free(&mcu->wire);
    free((char *)mcu->path);
    free(mcu->pins);
    free(mcu);
}

uint64_t sim_mcu_clock(const struct mcu *mcu)
{
    uint64_t now = mcu->cosim->now;
    return mcu->offset + (now > mcu->base ? ticks_at(mcu->rate, now - mcu->base) : 0);
}
