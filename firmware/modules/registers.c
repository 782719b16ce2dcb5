/* Registers on SPI or I2C: see registers.h. */
#include "modules/registers.h"

#include <stddef.h>
#include <string.h>

#include "core/declare.h"
#include "modules/i2c.h"
#include "modules/spi.h"

ENUMERATION("bus_oid_type", "spi", 0);
ENUMERATION("bus_oid_type", "i2c", 1);

enum { SPI_READ = 0x80 };

struct registers registers_at(uint8_t oid, uint32_t bus)
{
    struct registers chip = {NULL, NULL};
    if (bus == REGISTERS_SPI)
        chip.spi = spi_find(oid);
    else if (bus == REGISTERS_I2C)
        chip.i2c = i2c_find(oid);
    else
        shutdown("bus_type invalid");
    return chip;
}

static void check(enum i2c_status status)
{
    if (status == I2C_NACK)
        shutdown("I2C NACK");
    if (status == I2C_START_NACK)
        shutdown("I2C START NACK");
    if (status == I2C_START_READ_NACK)
        shutdown("I2C START READ NACK");
    if (status == I2C_BUS_TIMEOUT)
        shutdown("I2C Timeout");
}

void registers_write(const struct registers *chip, uint8_t number, uint8_t value)
{
    uint8_t bytes[2] = {number, value};
    if (chip->spi)
        spi_transfer(chip->spi, bytes, sizeof bytes);
    else
        check(i2c_device_transfer(chip->i2c, bytes, sizeof bytes, bytes, 0));
}

void registers_read(const struct registers *chip, uint8_t first, uint8_t *out, uint8_t count)
{
    uint8_t bytes[1 + REGISTERS_READ_MOST] = {first};
    if (!chip->spi) {
        check(i2c_device_transfer(chip->i2c, bytes, 1, out, count));
        return;
    }
    bytes[0] |= SPI_READ;
    spi_transfer(chip->spi, bytes, (uint8_t)(1 + count));
    memcpy(out, bytes + 1, count);
}
