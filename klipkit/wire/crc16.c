/* CRC-16 four bytes at a time: the remainder of a byte that one, two, three or no bytes follow is looked up, 2 KB of tables. */
#include "klipkit/wire/crc16.h"

/* A remainder is the sum (exclusive or) of those of its bits, which are given: bit 0 first. */
#define BIT(byte, bit, remainder) ((byte) >> (bit) & 1 ? (remainder) : 0)
#define SUM(byte, b0, b1, b2, b3, b4, b5, b6, b7) \
    (BIT(byte, 0, b0) ^ BIT(byte, 1, b1) ^ BIT(byte, 2, b2) ^ BIT(byte, 3, b3) ^ \
     BIT(byte, 4, b4) ^ BIT(byte, 5, b5) ^ BIT(byte, 6, b6) ^ BIT(byte, 7, b7))
#define FOUR(byte, ...) \
    SUM(byte, __VA_ARGS__), SUM((byte) + 1, __VA_ARGS__), SUM((byte) + 2, __VA_ARGS__), SUM((byte) + 3, __VA_ARGS__)
#define SIXTEEN(byte, ...) \
    FOUR(byte, __VA_ARGS__), FOUR((byte) + 4, __VA_ARGS__), FOUR((byte) + 8, __VA_ARGS__), FOUR((byte) + 12, __VA_ARGS__)
#define QUARTER(byte, ...) \
    SIXTEEN(byte, __VA_ARGS__), SIXTEEN((byte) + 16, __VA_ARGS__), SIXTEEN((byte) + 32, __VA_ARGS__), \
    SIXTEEN((byte) + 48, __VA_ARGS__)
#define ALL(...) \
    { QUARTER(0, __VA_ARGS__), QUARTER(64, __VA_ARGS__), QUARTER(128, __VA_ARGS__), QUARTER(192, __VA_ARGS__) }

/* FOLLOWED[n]: of each byte when n bytes follow, under the reflected polynomial 0x8408. */
static const uint16_t FOLLOWED[4][256] = {
    ALL(0x1189, 0x2312, 0x4624, 0x8c48, 0x1081, 0x2102, 0x4204, 0x8408),
    ALL(0x19d8, 0x33b0, 0x6760, 0xcec0, 0x9591, 0x2333, 0x4666, 0x8ccc),
    ALL(0x5adc, 0xb5b8, 0x6361, 0xc6c2, 0x8595, 0x033b, 0x0676, 0x0cec),
    ALL(0x1cbb, 0x3976, 0x72ec, 0xe5d8, 0xc3a1, 0x8f53, 0x16b7, 0x2d6e),
};

uint16_t crc16(const uint8_t *bytes, size_t count)
{
    uint16_t crc = 0xffff;
    for (; count >= 4; count -= 4, bytes += 4)
        crc = FOLLOWED[3][(crc ^ bytes[0]) & 0xff] ^ FOLLOWED[2][(crc >> 8) ^ bytes[1]] ^ FOLLOWED[1][bytes[2]] ^
              FOLLOWED[0][bytes[3]];
    for (; count > 0; count--, bytes++)
        crc = (uint16_t)(crc >> 8) ^ FOLLOWED[0][(crc ^ bytes[0]) & 0xff];
    return crc;
}
