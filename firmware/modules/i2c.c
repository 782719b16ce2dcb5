/* I2C devices and transfers for the host. The buses are in i2c_bus.c, i2c_pins.c. */
#include "modules/i2c.h"

#include <stddef.h>
#include <string.h>

#include "core/command.h"
#include "core/config.h"
#include "core/declare.h"
#include "core/frame.h"
#include "core/oid.h"
#include "hal/memory.h"

RESPONSE(i2c_response, "oid=%c i2c_bus_status=%c response=%*s");

ENUMERATION("i2c_bus_status", "SUCCESS", 0);
ENUMERATION("i2c_bus_status", "NACK", 1);
ENUMERATION("i2c_bus_status", "BUS_TIMEOUT", 2);
ENUMERATION("i2c_bus_status", "START_NACK", 3);
ENUMERATION("i2c_bus_status", "START_READ_NACK", 4);

const struct oid_kind oid_kind_i2c_device = {NULL};

struct i2c_device *i2c_find(uint8_t oid)
{
    return oid_find(oid, &oid_kind_i2c_device);
}

void i2c_set_way(struct i2c_device *device, i2c_way way, const void *bus, uint16_t size)
{
    if (device->way || config_is_final())
        shutdown("Unsupported i2c bus");
    device->bus = memory_take(size);
    if (!device->bus)
        shutdown("alloc_chunk failed");
    memcpy(device->bus, bus, size);
    device->way = way;
}

enum i2c_status i2c_device_transfer(const struct i2c_device *device, const uint8_t *write, uint8_t write_count, uint8_t *read,
                                    uint8_t read_count)
{
    if (!device->way)
        shutdown("Unsupported i2c bus");
    return device->way(device, write, write_count, read, read_count);
}

COMMAND(config_i2c, "oid=%c")
{
    oid_new(args[0], &oid_kind_i2c_device, sizeof(struct i2c_device));
}

/* On an error the response has no bytes. */
COMMAND_TO(i2c_device, i2c_transfer, "oid=%c write=%*s read_len=%u")
{
    enum { READ_MOST = FRAME_PAYLOAD_MOST - 7 }; /* id of 2 bytes, oid of 2, status, length, and one to spare */
    uint8_t read[READ_MOST];
    const struct i2c_device *device = object;
    if (args[3] > READ_MOST)
        shutdown("Command parser error");
    uint8_t count = (uint8_t)args[3];
    enum i2c_status status = i2c_device_transfer(device, command_bytes(args[2]), (uint8_t)args[1], read, count);
    send_i2c_response((uint8_t)args[0], (uint8_t)status, status == I2C_SUCCESS ? count : 0, read);
}
