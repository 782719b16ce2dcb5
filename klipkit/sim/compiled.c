/* A kind of MCU: firmware compiled for this computer. Each MCU runs a private copy of the object, loaded anew at a reset. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "klipkit/sim/inner/world.h"

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

static void unload(struct compiled *own)
{
    if (own->object)
        dlclose(own->object);
    if (own->file >= 0)
        close(own->file);
    own->object = NULL;
    own->firmware = NULL;
    own->file = -1;
}

static int load(struct compiled *own)
{
    char name[64];
    own->file = private_copy(own->mcu.path);
    if (own->file < 0)
        return own->file;
    snprintf(name, sizeof name, "/proc/self/fd/%d", own->file);
    own->object = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!own->object)
        return -ELIBBAD;
    const struct sim_firmware *(*entry)(void);
    *(void **)&entry = dlsym(own->object, "klipkit_sim_firmware");
    own->firmware = entry ? entry() : NULL;
    return own->firmware && own->firmware->abi_version == SIM_ABI_VERSION ? 0 : -ELIBBAD;
}

/* Where a context of firmware begins; start() comes back only when a reset was asked for. */
static void begin(void *argument)
{
    struct compiled *own = argument;
    own->mcu.running = 1;
    own->firmware->start(&own->host, own->mcu.persona);
    world_leave(own->mcu.cosim, own);
}

/* An event is for this MCU: the one that takes events off the queue switches to it. */
static void resume_due(void *owner)
{
    struct compiled *own = owner;
    own->mcu.cosim->next = own;
}

/* The first event of an MCU that was switched on: its context is begun just before it is gone to. */
static void boot(struct compiled *own)
{
    own->enabled = own->inside = own->timer_due = own->waiting = own->mcu.running = 0;
    context_begin(&own->context, begin, own);
    events_set(&own->mcu.cosim->events, &own->mcu.resume, own->mcu.base);
}

static int open_compiled(struct mcu *mcu)
{
    struct compiled *own = (struct compiled *)mcu;
    own->read_time = ticks_time(mcu->rate, 1 + (mcu->persona->clock_frequency - 1) / SIM_READS_A_SECOND);
    mcu->resume = (struct event){.due = resume_due, .owner = own};
    surround_set_up(own);
    int error = context_new(&own->context);
    if (!error)
        error = load(own);
    if (!error)
        boot(own);
    return error;
}

static int reopen(struct mcu *mcu)
{
    struct compiled *own = (struct compiled *)mcu;
    unload(own);
    int error = load(own);
    if (!error)
        boot(own);
    return error;
}

/* Whatever it was doing, in a context that waits, is given up. */
static int reset(struct mcu *mcu)
{
    struct compiled *own = (struct compiled *)mcu;
    events_clear(&mcu->cosim->events, &own->timer);
    events_clear(&mcu->cosim->events, &own->watchdog);
    if (mcu->cosim->next == own)
        mcu->cosim->next = NULL;
    return 0;
}

static void close_compiled(struct mcu *mcu)
{
    struct compiled *own = (struct compiled *)mcu;
    unload(own);
    context_free(&own->context);
}

static void bytes_came(struct mcu *mcu)
{
    surround_interrupt((struct compiled *)mcu);
}

static const uint8_t *flash(const struct mcu *mcu, size_t *size)
{
    (void)mcu, (void)size;
    return NULL;
}

/* The interrupt of a byte is taken at the next read of the clock at the latest: before the next byte. */
static uint64_t overruns(const struct mcu *mcu)
{
    (void)mcu;
    return 0;
}

struct mcu *compiled_new(void)
{
    static const struct mcu_kind KIND = {open_compiled, reopen, reset, close_compiled, bytes_came, flash, overruns};
    struct compiled *own = calloc(1, sizeof *own);
    if (!own)
        return NULL;
    own->mcu.kind = &KIND;
    own->file = -1;
    return &own->mcu;
}
