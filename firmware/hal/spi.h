/* Port contract: SPI buses, the port as master. `struct spi_bus` is the port's: a bus with a mode and a rate, small enough to be
 * passed by value. The port declares the buses in the enumeration spi_bus. */
#ifndef HAL_SPI_H
#define HAL_SPI_H
#include <stdint.h>

#include "port.h"

/* Mode 0..3 (bit 1: clock idles high, bit 0: data are taken at the second edge); the fastest rate that is at most `rate` Hz, or
 * the slowest there is. Shutdown "Invalid spi bus". */
struct spi_bus spi_setup(uint32_t bus, uint8_t mode, uint32_t rate);

/* Give the bus mode and rate, and its clock line the idle level: before a chip is selected. Task level, and at shutdown. */
void spi_prepare(struct spi_bus bus);

/* Send `count` bytes, each replaced by the one that came in meanwhile. An exchange may be abandoned half way by a shutdown. */
void spi_exchange(struct spi_bus bus, uint8_t *bytes, uint8_t count);
#endif
