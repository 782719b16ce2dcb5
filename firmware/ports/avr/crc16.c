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

#if RECEIVE_RING < 256 /* the others have it in receive.S, with a table */
uint16_t crc16_copy(uint8_t *out, uint8_t count)
{
    const uint8_t *from = console_ring + (console_tail & (CONSOLE_RING - 1));
    uint16_t crc = 0xffff;
    do {
        uint8_t byte = *from++;
        if (from == console_ring + CONSOLE_RING)
            from = console_ring;
        *out++ = byte;
        crc = _crc_ccitt_update(crc, byte);
    } while (--count);
    return crc;
}
#endif
