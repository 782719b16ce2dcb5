/* I2C devices on the chip's own buses. */
#include "core/declare.h"
#include "hal/i2c.h"
#include "modules/i2c.h"

static enum i2c_status transfer(const struct i2c_device *device, const uint8_t *write, uint8_t write_count, uint8_t *read,
                                uint8_t read_count)
{
    return i2c_transfer(*(const struct i2c_bus *)device->bus, write, write_count, read, read_count);
}

COMMAND_TO(i2c_device, i2c_set_bus, "oid=%c i2c_bus=%u rate=%u address=%u")
{
    struct i2c_device *device = object;
    struct i2c_bus bus = i2c_setup(args[1], args[2], args[3] & 0x7f);
    i2c_set_way(device, transfer, &bus, sizeof bus);
}
