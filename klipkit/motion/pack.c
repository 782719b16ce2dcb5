/* From segments to runs (see inner/pack.h). */
#include "klipkit/motion/inner/pack.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const double GAP_MOST = 3.0 * (1 << 28); /* ticks; after a longer gap a run has one step */

void pack_begin(struct pack *pack)
{
    pack->segments.last = -HUGE_VAL;
    pack->fit.gap_most = GAP_MOST;
    for (int i = 0; i < BARS_MOST; i++) {
        pack->fit.parts[i] = 1.0 / (i + 1);
        pack->fit.bars.x[i] = 0.5 * i;
    }
}

void pack_free(struct pack *pack)
{
    free(pack->segments.items);
    free(pack->runs);
}

/* When step n of a run is, from the step before the run. */
static double run_ticks(const struct bars_run *run, int64_t n)
{
    return (double)n * (run->interval + run->add * 0.5 * (double)(n - 1));
}

/* The steps of a run that are no later than `ticks` after the step before the run. */
static int64_t count_until(const struct fitted *found, double ticks)
{
    if (run_ticks(&found->run, found->count) <= ticks)
        return found->count;
    int64_t low = 0, high = found->count - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (run_ticks(&found->run, middle) <= ticks)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static int push_run(struct pack *pack, const struct fitted *found, int64_t count, int direction)
{
    if (pack->count == pack->room) {
        size_t room = pack->room ? 2 * pack->room : 64;
        struct step_run *runs = realloc(pack->runs, room * sizeof(*runs));
        if (!runs)
            return -ENOMEM;
        pack->runs = runs;
        pack->room = room;
    }
    uint64_t first = pack->last_clock + (uint64_t)(int64_t)found->run.interval;
    struct step_run run = {
        .first = first,
        .interval = (uint32_t)(first - pack->last_clock),
        .count = (uint16_t)count,
        .add = (int16_t)(count == 1 ? 0 : found->run.add),
        .direction = (int8_t)direction,
    };
    pack->runs[pack->count++] = run;
    pack->last_clock = step_run_last(&run);
    pack->given += count * direction;
    return 0;
}

/* Goes on over `count` steps of the segments. */
static void pass(struct pack *pack, int64_t count)
{
    struct segments *segments = &pack->segments;
    pack->taken += count;
    while (segments->front < segments->end && pack->taken >= segments->items[segments->front].count)
        pack->taken -= segments->items[segments->front++].count;
}

/* Where the segments of the direction of the front one end. */
static size_t stretch_end(const struct segments *segments)
{
    size_t end = segments->front;
    while (end < segments->end && segments->items[end].direction == segments->items[segments->front].direction)
        end++;
    return end;
}

int pack_runs(struct pack *pack, double error, double horizon, double due)
{
    struct segments *segments = &pack->segments;
    struct fit *fit = &pack->fit;
    fit->segments = segments->items;
    pass(pack, 0); /* the front segment may have lost the steps that were left */
    fit->end = stretch_end(segments);
    fit_forget(fit);
    fit_allow(fit, error, segments->flat);
    pack->count = 0;
    while (segments->front < segments->end) {
        if (segments->front >= fit->end) {
            fit->end = stretch_end(segments);
            fit_forget(fit);
        }
        fit->before = (double)(int64_t)(pack->last_clock - pack->base);
        struct fitted found;
        fit_run(fit, segments->front, pack->taken, &found);
        int64_t count = count_until(&found, horizon - fit->before);
        int grows = count < found.count || (found.open && fit->end == segments->end);
        if (count == 0 || (grows && fit->before + found.run.interval > due))
            return 0;
        if (push_run(pack, &found, count, segments->items[segments->front].direction))
            return -ENOMEM;
        pass(pack, count);
        fit_pass(fit, count);
    }
    return 0;
}

void pack_drop(struct pack *pack)
{
    pack->segments.front = pack->segments.end = 0;
    pack->taken = 0;
}

void pack_rebase(struct pack *pack, double ticks)
{
    segments_rebase(&pack->segments, ticks);
    pack->base += (uint64_t)(int64_t)ticks;
}
