/* Steps and bytes of runs in bins of time (see load.h). */
#include "klipkit/machine/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/motion/run.h"

static const double BIN = 0.02;     /* s: a chip that is late by so much has long failed */
enum { WINDOW = 35 };               /* bins: 0.7 s, by which steps are sent ahead */
enum { ALONE = 20 };                /* a motor with less than this part of a bin's steps does not count as one that steps, too */

/* A message: ids of command and motor, a byte each; and when the motor turns, set_next_step_dir. */
enum { IDS = 2, TURN = 3 };
static const double FRAME = 64.0 / 59.0;    /* bytes of a full frame over those of its messages (Klipper Protocol.md) */

struct bin {
    uint32_t steps[LOAD_STEPPERS];
    uint32_t bytes;
};

struct load {
    struct load_law law;
    double bin_ticks;
    uint64_t base;                  /* clock of bins[0] */
    struct bin *bins;
    size_t count;
    int8_t direction[LOAD_STEPPERS];
    uint32_t window[WINDOW];        /* bytes of the last bins */
    size_t place;
    uint64_t in_window;
    struct load_over over[LOAD_KINDS];
};

struct load *load_new(const struct load_law *law, uint64_t clock)
{
    struct load *load = calloc(1, sizeof(*load));
    if (!load)
        return NULL;
    load->law = *law;
    load->bin_ticks = BIN * law->frequency;
    load->base = clock;
    return load;
}

void load_free(struct load *load)
{
    if (load)
        free(load->bins);
    free(load);
}

/* The bin of a clock, made if need be; what is too late for its own goes into the first. NULL: no memory. */
static struct bin *bin_at(struct load *load, uint64_t clock)
{
    size_t number = clock > load->base ? (size_t)((double)(clock - load->base) / load->bin_ticks) : 0;
    if (number >= load->count) {
        size_t more = 2 * number + 64;
        struct bin *bins = realloc(load->bins, more * sizeof(*bins));
        if (!bins)
            return NULL;
        memset(bins + load->count, 0, (more - load->count) * sizeof(*bins));
        load->bins = bins;
        load->count = more;
    }
    return &load->bins[number];
}

/* Bytes of a number (Klipper Protocol.md, "Variable Length Quantities"). */
static uint32_t size_of(int64_t value)
{
    uint32_t size = 1;
    for (int64_t least = 32; size < 5 && (value < -least || value >= 3 * least); least <<= 7)
        size++;
    return size;
}

static int add_run(struct load *load, int motor, const struct step_run *run)
{
    uint64_t clock = run->first;
    int64_t interval = (int64_t)run->interval;
    struct bin *bin = bin_at(load, clock);
    if (!bin)
        return -ENOMEM;
    bin->bytes += IDS + size_of((int32_t)run->interval) + size_of(run->count) + size_of(run->add);
    bin->bytes += load->direction[motor] != run->direction ? TURN : 0;
    load->direction[motor] = run->direction;
    for (uint32_t left = run->count; left > 0; left--) {
        bin = bin_at(load, clock);
        if (!bin)
            return -ENOMEM;
        bin->steps[motor]++;
        interval += run->add;
        clock += (uint64_t)interval;
    }
    return 0;
}

int load_add(struct load *load, int motor, const struct step_run *runs, size_t count)
{
    if (motor < 0 || motor >= LOAD_STEPPERS)
        return -EINVAL;
    int error = 0;
    for (size_t i = 0; i < count && !error; i++)
        error = add_run(load, motor, &runs[i]);
    return error;
}

static void note(struct load *load, int kind, double rate, double most, int motors)
{
    struct load_over *over = &load->over[kind];
    if (most <= 0 || rate <= most)
        return;
    if (!over->bins++)
        over->first = load->base;
    if (rate / most > over->most) {
        over->most = rate / most;
        over->rate = rate;
        over->worst = load->base;
        over->motors = motors;
    }
}

static void look(struct load *load, const struct bin *bin)
{
    uint32_t steps = 0;
    int motors = 0;
    for (int i = 0; i < LOAD_STEPPERS; i++)
        steps += bin->steps[i];
    for (int i = 0; i < LOAD_STEPPERS; i++)
        motors += bin->steps[i] > steps / ALONE;
    if (motors)
        note(load, LOAD_STEPS, steps / BIN, load->law.steps[motors < 3 ? motors - 1 : 2], motors);
    load->in_window = load->in_window + bin->bytes - load->window[load->place];
    load->window[load->place] = bin->bytes;
    load->place = (load->place + 1) % WINDOW;
    note(load, LOAD_BYTES, (double)load->in_window * FRAME / (BIN * WINDOW), load->law.bytes, motors);
}

void load_until(struct load *load, uint64_t clock)
{
    static const struct bin NONE;
    size_t done = 0;
    while ((double)load->base + load->bin_ticks <= (double)clock) {
        look(load, done < load->count ? &load->bins[done] : &NONE);
        done++;
        load->base += (uint64_t)load->bin_ticks;
        if (done > load->count + WINDOW) {      /* a long rest */
            load->base = clock > load->base ? clock : load->base;
            break;
        }
    }
    if (done && done >= load->count) {
        if (load->count)
            memset(load->bins, 0, load->count * sizeof(*load->bins));
    } else if (done) {
        memmove(load->bins, load->bins + done, (load->count - done) * sizeof(*load->bins));
        memset(load->bins + (load->count - done), 0, done * sizeof(*load->bins));
    }
}

void load_take(struct load *load, struct load_over *over)
{
    memcpy(over, load->over, sizeof(load->over));
    memset(load->over, 0, sizeof(load->over));
}
