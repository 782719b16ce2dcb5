/* What a print is made of: the time, the way and the filament of its moves, by parts of the file.
 *
 *     lines of the file   1 ... 40 | 41 ... 97 | 98 ...          bounds: a part begins at lines 41 and 98
 *                            part 0 |   part 1  | part 2          (and, if wanted, where something is first printed at another height)
 *
 * It reads the trapezoid queues of toolhead and filament as moves are committed. A move belongs to the part of its line, and with
 * it the time in which nothing moved before; who knows better says so by tally_rest. Units: mm, s. Not thread-safe.
 */
#ifndef KLIPKIT_MACHINE_TALLY_H
#define KLIPKIT_MACHINE_TALLY_H
#include <stddef.h>
#include <stdint.h>

struct tally;
struct trapq;

struct tally_part {
    uint64_t line;          /* of its first move; 0 when it has none */
    size_t bound;           /* how many bounds come before it */
    double z;               /* height at which it prints, mm; NAN when it does not */
    double time;            /* in all, rests too */
    double rest;            /* in which nothing moved */
    double lost;            /* to speeding up and slowing down */
    double way, filament;   /* filament: pushed less pulled back */
};

/* How far the print was at a time. Speeds, mm/s, are those since the sample before: the mean and the highest. */
struct tally_sample {
    uint64_t line;
    double time, speed, speed_most;
};

/* `bounds`: lines at which parts begin, ascending (copied). by_height: a part also begins where filament is pushed out on the way at
 * a height that is more than `by_height` mm from the part's; 0: heights do not matter. `period`: s between samples. NULL: no memory. */
struct tally *tally_new(const uint64_t *bounds, size_t count, double by_height, double period);
void tally_free(struct tally *tally);

/* Take in the moves that were appended since the last call, which must still be held; `filament` may be NULL. -ENOMEM. */
int tally_take(struct tally *tally, const struct trapq *toolhead, const struct trapq *filament);

/* Nothing of `line` moved from the last move's end on until then. -ENOMEM. */
int tally_rest(struct tally *tally, uint64_t line, double until);

/* Moves that were appended since are none of the print's (they were discarded). */
void tally_skip(struct tally *tally, const struct trapq *toolhead, const struct trapq *filament);

/* Filament is another extruder's from now on, from this move of its queue. */
void tally_change(struct tally *tally, uint64_t filament);

/* Print time goes on `by` s later than it did. */
void tally_shift(struct tally *tally, double by);

/* Valid until the next call that takes something in. */
const struct tally_part *tally_parts(const struct tally *tally, size_t *count);
const struct tally_sample *tally_samples(const struct tally *tally, size_t *count);
#endif
