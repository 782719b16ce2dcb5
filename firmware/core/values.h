/* The numbers of a command's parameters: read in a row, as a command has several and the time goes into the row. */
#ifndef CORE_VALUES_H
#define CORE_VALUES_H
#include <stdint.h>

/* Read `count` variable length quantities from `at` on, modulo 2^32; gives the place behind them. Each ends with the first byte
 * below 0x80: it is the caller's to see to it that there is one, and that it belongs to the command. */
const uint8_t *values_read(const uint8_t *at, uint32_t *values, uint8_t count);
#endif
