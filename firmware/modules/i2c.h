/* I2C devices: an address on a bus, of hardware or of pins. */
#ifndef MODULES_I2C_H
#define MODULES_I2C_H
#include <stdint.h>

#include "hal/i2c_status.h"

struct i2c_device;

/* How a device's bus works. Called at task level. */
typedef enum i2c_status (*i2c_way)(const struct i2c_device *device, const uint8_t *write, uint8_t write_count, uint8_t *read,
                                   uint8_t read_count);

struct i2c_device {
    i2c_way way;  /* NULL until the device has a bus */
    void *bus;    /* the way's, owned by the device */
};

/* The device of `oid`; shutdown when it is none. */
struct i2c_device *i2c_find(uint8_t oid);

/* Give a device its bus: a copy of the `size` bytes at `bus` is made. Shutdown "Unsupported i2c bus" when it has one, or when
 * configuration is over. */
void i2c_set_way(struct i2c_device *device, i2c_way way, const void *bus, uint16_t size);

/* Write, then read after a repeated start. Shutdown "Unsupported i2c bus" when the device has no bus. Task level. */
enum i2c_status i2c_device_transfer(const struct i2c_device *device, const uint8_t *write, uint8_t write_count, uint8_t *read,
                                    uint8_t read_count);
#endif
