/* Objects that a timer runs and that tell the host what came of it: in interrupt they ask for a report, and it is made in the next
 * pass of the main loop.
 */
#ifndef MODULES_REPORTER_H
#define MODULES_REPORTER_H
#include <stdbool.h>
#include <stdint.h>

#include "core/oid.h"
#include "core/sched.h"

/* An object's first member, and its timer the first of that: a pointer to one is a pointer to all of them. */
struct reporter {
    struct timer timer;
    struct reporter *next; /* of all there are */
    void (*report)(void *object); /* called with interrupts disabled and the request taken; returns with them enabled */
    uint8_t oid;
    volatile bool due;
};

/* A new zeroed object of `size` bytes, as oid_new() makes it, that reports so and whose timer runs `run`. */
void *reporter_new(uint8_t oid, const struct oid_kind *kind, uint16_t size, bool (*run)(struct timer *timer),
                   void (*report)(void *object));

/* Ask for a report. In interrupts too. */
void reporter_want(struct reporter *reporter);
#endif
