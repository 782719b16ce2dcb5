/* CRC-16 by a table of 16 entries, a nibble at a time: small enough to stay in the cache. */
#include "klipkit/wire/crc16.h"

/* Remainder of each nibble under the reflected polynomial 0x8408. */
static const uint16_t NIBBLE[16] = {
    0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285, 0x6306, 0x7387,
    0x8408, 0x9489, 0xa50a, 0xb58b, 0xc60c, 0xd68d, 0xe70e, 0xf78f,
};

uint16_t crc16(const uint8_t *bytes, size_t count)
{
    uint16_t crc = 0xffff;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        crc = (uint16_t)(crc >> 4) ^ NIBBLE[crc & 15];
        crc = (uint16_t)(crc >> 4) ^ NIBBLE[crc & 15];
    }
    return crc;
}
