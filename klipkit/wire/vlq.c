/* Variable length integers: see vlq.h for the format. */
#include "klipkit/wire/vlq.h"

enum { LONGEST = 5 };

size_t vlq_encode(uint8_t *out, int64_t value)
{
    /* n bytes hold -2^(7n-2) .. 3 * 2^(7n-2) - 1: three quarters of their codes are positive. */
    int shift = 0;
    while (shift < 7 * (LONGEST - 1) && (uint64_t)((value >> (shift + 5)) + 1) >= 4)
        shift += 7;
    size_t used = 0;
    for (; shift > 0; shift -= 7)
        out[used++] = (uint8_t)(0x80 | ((value >> shift) & 0x7f));
    out[used++] = (uint8_t)(value & 0x7f);
    return used;
}

size_t vlq_decode(const uint8_t *bytes, size_t count, uint32_t *value)
{
    if (count == 0)
        return 0;
    uint32_t number = bytes[0] & 0x7f;
    if ((bytes[0] & 0x60) == 0x60)
        number |= ~(uint32_t)0x7f; /* negative: the bits above the first group are ones */
    size_t used = 1;
    while (bytes[used - 1] & 0x80) {
        if (used == count || used == LONGEST)
            return 0;
        number = number << 7 | (bytes[used++] & 0x7f);
    }
    *value = number;
    return used;
}
