/* CRC-16 of the MCU protocol: CCITT polynomial, bits reflected, start value 0xffff (Klipper Protocol.md, "Message blocks"). */
#ifndef KLIPKIT_WIRE_CRC16_H
#define KLIPKIT_WIRE_CRC16_H
#include <stddef.h>
#include <stdint.h>

/* The checksum of `count` bytes. */
uint16_t crc16(const uint8_t *bytes, size_t count);
#endif
