/* CRC-16 by avr-libc's update in assembly: 0x8408, reflected. */
#include "core/crc16.h"

#include <util/crc16.h>

#include "core/console.h"

uint16_t crc16(const uint8_t *bytes, uint8_t count)
{
    uint16_t crc = 0xffff;
    while (count--)
        crc = _crc_ccitt_update(crc, *bytes++);
    return crc;
}

uint16_t crc16_copy(uint8_t *out, uint8_t count)
{
    uint16_t crc = 0xffff;
    for (uint8_t i = 0; i < count; i++) {
        out[i] = console_peek(i);
        crc = _crc_ccitt_update(crc, out[i]);
    }
    return crc;
}
