/* What motion asks of a microcontroller: steps a second of all its motors, and bytes a second on its wire.
 *
 *     runs of each motor --> steps in bins of BIN s --> the bin's share of what the chip can do with so many motors
 *                       \--> bytes of their queue_steps, over the last WINDOW s --> the share of what the wire can carry
 *
 * Bins are looked at when all motors have come past them. Clocks are 64-bit ticks. Not thread-safe.
 */
#ifndef KLIPKIT_MACHINE_LOAD_H
#define KLIPKIT_MACHINE_LOAD_H
#include <stddef.h>
#include <stdint.h>

struct load;
struct step_run;

enum { LOAD_STEPPERS = 16, LOAD_KINDS = 2 };
enum { LOAD_STEPS, LOAD_BYTES };

struct load_law {
    double frequency;       /* of the clock, Hz */
    double steps[3];        /* a second, of one, two, three or more motors that step at once; 0: any */
    double bytes;           /* a second; 0: any */
};

/* Too much, since it was last asked. `most` is the greatest share of what can be done. */
struct load_over {
    uint64_t bins;          /* in which it was too much */
    uint64_t first, worst;  /* clocks of the first one and of the worst */
    double most, rate;      /* rate: a second, in the worst one */
    int motors;             /* that step there */
};

/* NULL: no memory. `clock`: when it begins. */
struct load *load_new(const struct load_law *law, uint64_t clock);
void load_free(struct load *load);

/* The runs of a motor (0 .. LOAD_STEPPERS - 1), not before those that it had. -EINVAL: no such motor; -ENOMEM. */
int load_add(struct load *load, int motor, const struct step_run *runs, size_t count);

/* All motors have come to `clock`. */
void load_until(struct load *load, uint64_t clock);

/* What was too much since the last call: LOAD_KINDS of them. */
void load_take(struct load *load, struct load_over *over);
#endif
