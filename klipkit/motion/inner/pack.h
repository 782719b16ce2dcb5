/* Packs the steps of segments into runs, as far as they can be given. */
#ifndef KLIPKIT_MOTION_INNER_PACK_H
#define KLIPKIT_MOTION_INNER_PACK_H
#include <stddef.h>
#include <stdint.h>

#include "klipkit/motion/inner/fit.h"
#include "klipkit/motion/inner/segment.h"
#include "klipkit/motion/run.h"

/* Times are ticks from the clock `base`. All zero at first but what pack_begin sets. */
struct pack {
    struct segments segments;   /* whose steps are not all given */
    int64_t taken;              /* steps of the front segment that were given */
    int64_t given;              /* steps, in the direction of the position */
    uint64_t base, last_clock;  /* last_clock: of the last step given */
    struct step_run *runs;      /* those of the last call */
    size_t count, room;
    struct fit fit;
};

void pack_begin(struct pack *pack);
void pack_free(struct pack *pack);

/* The runs of the segments: those up to `horizon`, of which such as later segments may make longer only when `due`. A step may be `error`
 * off; all in ticks. -ENOMEM. */
int pack_runs(struct pack *pack, double error, double horizon, double due);

/* Steps that were not given are forgotten. */
void pack_drop(struct pack *pack);

/* Counts time from a base so many whole ticks later. */
void pack_rebase(struct pack *pack, double ticks);
#endif
