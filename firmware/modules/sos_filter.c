/* Filters of second order sections: y = b0 x + s0, s0 = b1 x - a1 y + s1, s1 = b2 x - a2 y (transposed direct form II).
 *
 *     sample --> (+ offset) * scale --> section 0 --> section 1 --> ... --> value
 *
 * Coefficients are scaled by 2^coeff_frac_bits, states have the unit of the values. Products are made in 64 bits, and each number
 * that is kept must fit into 32.
 */
#include "modules/sos_filter.h"

#include <stddef.h>

#include "core/declare.h"
#include "core/oid.h"

enum { B0, B1, B2, A1, A2, COEFFICIENTS, BITS_MOST = 31 };

struct section {
    int32_t coefficients[COEFFICIENTS];
    int32_t states[2];
};

struct sos_filter {
    int32_t offset, scale;
    uint8_t scale_bits, coefficient_bits; /* of fraction */
    uint8_t most, active;                 /* sections there are, and that are used */
    bool is_scaled;
    bool takes_offset;                    /* the next sample's value is the offset, negated */
    struct section sections[];
};

const struct oid_kind oid_kind_sos_filter = {NULL};

struct sos_filter *sos_filter_find(uint8_t oid)
{
    return oid_find(oid, &oid_kind_sos_filter);
}

/* --- arithmetic --- */

/* Half of a product of 32-bit numbers: three of them fit into 64 bits. */
static int64_t half(int32_t a, int32_t b)
{
    return (int64_t)a * b >> 1;
}

/* Twice a sum of halves without its `bits` of fraction, rounded down; false when that does not fit. */
static bool keep(int64_t sum, uint8_t bits, int32_t *out)
{
    int64_t value = sum >> (bits - 1);
    *out = (int32_t)value;
    return value >= INT32_MIN && value <= INT32_MAX;
}

static bool filter_section(struct section *section, uint8_t bits, int32_t x, int32_t *y)
{
    const int32_t *c = section->coefficients;
    int32_t *states = section->states;
    int64_t half_one = (int64_t)1 << (bits - 1);
    return keep(half(c[B0], x) + states[0] * half_one, bits, y) &&
           keep(half(c[B1], x) - half(c[A1], *y) + states[1] * half_one, bits, &states[0]) &&
           keep(half(c[B2], x) - half(c[A2], *y), bits, &states[1]);
}

static bool scale(struct sos_filter *f, int32_t sample, int32_t *out)
{
    if (f->takes_offset) {
        f->takes_offset = false;
        f->offset = (int32_t)-(uint32_t)sample;
    }
    int64_t moved = (int64_t)sample + f->offset;
    if (moved < INT32_MIN || moved > INT32_MAX)
        return false;
    int64_t scaled = f->is_scaled ? moved * f->scale >> f->scale_bits : moved;
    *out = (int32_t)scaled;
    return scaled >= INT32_MIN && scaled <= INT32_MAX;
}

bool sos_filter_apply(struct sos_filter *f, int32_t sample, int32_t *out)
{
    int32_t value;
    if (!scale(f, sample, &value))
        return false;
    for (uint8_t i = 0; i < f->active; i++)
        if (!filter_section(&f->sections[i], f->coefficient_bits, value, &value))
            return false;
    *out = value;
    return true;
}

/* --- commands --- */

COMMAND(config_sos_filter, "oid=%c max_sections=%c")
{
    uint8_t most = (uint8_t)args[1];
    struct sos_filter *f = oid_new(args[0], &oid_kind_sos_filter, (uint16_t)(sizeof *f + most * sizeof f->sections[0]));
    f->most = most;
}

/* A section that is to be changed; the filter is not active meanwhile. */
static struct section *changed(struct sos_filter *f, uint32_t number)
{
    f->active = 0;
    if (number >= f->most)
        shutdown("Filter section index larger than max_sections");
    return &f->sections[number];
}

COMMAND_TO(sos_filter, sos_filter_set_section, "oid=%c section_idx=%c sos0=%i sos1=%i sos2=%i sos3=%i sos4=%i")
{
    struct section *section = changed(object, args[1]);
    for (uint8_t i = 0; i < COEFFICIENTS; i++)
        section->coefficients[i] = (int32_t)args[2 + i];
}

COMMAND_TO(sos_filter, sos_filter_set_state, "oid=%c section_idx=%c state0=%i state1=%i")
{
    struct section *section = changed(object, args[1]);
    section->states[0] = (int32_t)args[2];
    section->states[1] = (int32_t)args[3];
}

COMMAND_TO(sos_filter, sos_filter_set_offset_scale, "oid=%c offset=%i scale=%i scale_frac_bits=%c auto_offset=%c")
{
    struct sos_filter *f = object;
    if (args[3] > BITS_MOST)
        shutdown("Command parser error");
    f->offset = (int32_t)args[1];
    f->scale = (int32_t)args[2];
    f->scale_bits = (uint8_t)args[3];
    f->takes_offset = (uint8_t)args[4] != 0;
    f->is_scaled = true;
}

COMMAND_TO(sos_filter, sos_filter_set_active, "oid=%c n_sections=%c coeff_frac_bits=%c")
{
    struct sos_filter *f = object;
    if (args[1] > f->most)
        shutdown("Filter section index larger than max_sections");
    if (args[2] > BITS_MOST || (args[1] && !args[2]))
        shutdown("Command parser error");
    f->active = (uint8_t)args[1];
    f->coefficient_bits = (uint8_t)args[2];
}
