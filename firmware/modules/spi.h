/* SPI devices: a chip select pin on a bus, of hardware or of pins. */
#ifndef MODULES_SPI_H
#define MODULES_SPI_H
#include <stdbool.h>
#include <stdint.h>

#include "hal/gpio.h"

struct spi_device;

/* How a device's bus works. Both are called at task level, or at shutdown with interrupts disabled. */
struct spi_way {
    void (*prepare)(struct spi_device *device);                              /* the clock line to its idle level */
    void (*exchange)(struct spi_device *device, uint8_t *bytes, uint8_t count); /* bytes out, replaced by those in */
};

struct spi_device {
    const struct spi_way *way; /* NULL until the device has a bus */
    void *bus;                 /* the way's, owned by the device */
    struct gpio_out select;
    bool has_select;
    bool active_high;
};

/* The device of `oid`; shutdown when it is none. */
struct spi_device *spi_find(uint8_t oid);

/* Give a device its bus: a copy of the `size` bytes at `bus` is made. Shutdown "Invalid spi config" when it has one, or when
 * configuration is over. */
void spi_set_way(struct spi_device *device, const struct spi_way *way, const void *bus, uint16_t size);

/* Select, exchange, deselect. Shutdown "Invalid spi config" when the device has no bus. Task level. */
void spi_transfer(struct spi_device *device, uint8_t *bytes, uint8_t count);
#endif
