/* CRC-16 of the frames: CCITT polynomial, bits reflected, start value 0xffff (Klipper Protocol.md, "Message blocks"). */
#ifndef CORE_CRC16_H
#define CORE_CRC16_H
#include <stdint.h>

/* The checksum of `count` bytes. */
uint16_t crc16(const uint8_t *bytes, uint8_t count);

/* The checksum of the first `count` > 0 bytes in the receive ring, which are copied to `out`. */
uint16_t crc16_copy(uint8_t *out, uint8_t count);
#endif
