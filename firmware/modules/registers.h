/* The registers of a chip on SPI or I2C. A chip that is gone from I2C shuts the MCU down: the host must not wait for it. */
#ifndef MODULES_REGISTERS_H
#define MODULES_REGISTERS_H
#include <stdint.h>

#include "modules/i2c.h"
#include "modules/spi.h"

enum registers_bus { REGISTERS_SPI, REGISTERS_I2C, REGISTERS_BUS_COUNT };

struct registers {
    struct spi_device *spi; /* NULL when the chip is on I2C */
    struct i2c_device *i2c;
};

/* Those of the chip behind the bus object `oid`; shutdown when it is none, or `bus` none of registers_bus. */
struct registers registers_at(uint8_t oid, uint32_t bus);

/* Task level. On SPI a read has bit 7 of the number set. */
void registers_write(const struct registers *chip, uint8_t number, uint8_t value);

enum { REGISTERS_READ_MOST = 51 };
void registers_read(const struct registers *chip, uint8_t first, uint8_t *out, uint8_t count);

static inline uint8_t registers_read_one(const struct registers *chip, uint8_t number)
{
    uint8_t value;
    registers_read(chip, number, &value, 1);
    return value;
}
#endif
