/* Variable length quantities: see values.h. */
#include "core/values.h"

const uint8_t *values_read(const uint8_t *at, uint32_t *values, uint8_t count)
{
    while (count--) {
        uint8_t byte = *at++;
        uint32_t value = byte & 0x7f;
        if ((byte & 0x60) == 0x60)
            value |= ~(uint32_t)0x7f; /* negative */
        while (byte & 0x80) {
            byte = *at++;
            value = value << 7 | (byte & 0x7f);
        }
        *values++ = value;
    }
    return at;
}
