/* SPI devices on the chip's own buses. */
#include "core/declare.h"
#include "hal/spi.h"
#include "modules/spi.h"

static void prepare(struct spi_device *device)
{
    spi_prepare(*(const struct spi_bus *)device->bus);
}

static void exchange(struct spi_device *device, uint8_t *bytes, uint8_t count)
{
    spi_exchange(*(const struct spi_bus *)device->bus, bytes, count);
}

static const struct spi_way BUS = {prepare, exchange};

COMMAND_TO(spi_device, spi_set_bus, "oid=%c spi_bus=%u mode=%u rate=%u")
{
    struct spi_device *device = object;
    if (args[2] > 3)
        shutdown("Invalid spi config");
    struct spi_bus bus = spi_setup(args[1], (uint8_t)args[2], args[3]);
    spi_set_way(device, &BUS, &bus, sizeof bus);
}
