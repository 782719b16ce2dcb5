/* Sensors that are looked at at regular times, and whose samples are sent on as bulk data.
 *
 *     timer each rest_ticks --> look: how many samples wait in the chip --> fetch, an access a pass --> bulk messages
 */
#ifndef MODULES_SAMPLER_H
#define MODULES_SAMPLER_H
#include <stdbool.h>
#include <stdint.h>

#include "modules/bulk.h"
#include "modules/reporter.h"

/* How a kind of chip is read; both at task level. */
struct sampler_kind {
    uint8_t (*look)(void *object);                              /* samples that wait in it */
    void (*fetch)(void *object, uint8_t *out, uint8_t count);   /* some of them, oldest first */
    uint8_t sample_bytes;
    uint8_t most;                                               /* samples of one fetch */
};

/* An object's first member. Its timer is in the list while it is looked at. */
struct sampler {
    struct reporter reporter;
    const struct sampler_kind *kind;
    uint32_t rest_ticks;
    volatile bool due;  /* to be looked at */
    uint8_t left;       /* samples of this look that are to be fetched */
    struct bulk bulk;
};

/* A new zeroed object of `size` bytes, as oid_new() makes it. Each oid_kind of samplers has sampler_stop() as its stop. */
void *sampler_new(uint8_t oid, const struct oid_kind *oid_kind, uint16_t size, const struct sampler_kind *kind);
void sampler_stop(void *object);

/* Look each `rest_ticks` from now on, with nothing gathered. */
void sampler_start(struct sampler *sampler, uint32_t rest_ticks);

/* A sample of 32 bits, the lower byte first. */
static inline void sampler_put_int32(uint8_t *out, int32_t sample)
{
    for (uint8_t i = 0; i < 4; i++)
        out[i] = (uint8_t)((uint32_t)sample >> 8 * i);
}

/* No more looks. Task level. */
void sampler_end(struct sampler *sampler);
#endif
