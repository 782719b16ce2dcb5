/* Variable length integers of the MCU protocol (Klipper Protocol.md, "Variable Length Quantities").
 *
 * 7 bits a byte, highest group first, bit 7 set on all but the last byte. The range is -2^31 .. 2^32-1 and arithmetic is
 * modulo 2^32: the first byte's bits 5 and 6 both set mean that the number is negative.
 */
#ifndef KLIPKIT_WIRE_VLQ_H
#define KLIPKIT_WIRE_VLQ_H
#include <stddef.h>
#include <stdint.h>

/* Writes `value` as the shortest encoding of its signed reading, 1 to 5 bytes; gives the number of bytes written. */
size_t vlq_encode(uint8_t *out, int64_t value);

/* Reads one number into *value (modulo 2^32). Gives the number of bytes used, 0 when the bytes end within the number
 * or it is longer than 5 bytes. */
size_t vlq_decode(const uint8_t *bytes, size_t count, uint32_t *value);
#endif
