/* Port contract: I2C buses, the port as master. `struct i2c_bus` is the port's: a bus with a rate and a chip's address, small
 * enough to be passed by value. The port declares the buses in the enumeration i2c_bus. */
#ifndef HAL_I2C_H
#define HAL_I2C_H
#include <stdint.h>

#include "hal/i2c_status.h"
#include "port.h"

/* Shutdown "Unsupported i2c bus". `address` has 7 bits. */
struct i2c_bus i2c_setup(uint32_t bus, uint32_t rate, uint8_t address);

/* Write, then, if read_count is not 0, read after a repeated start; without anything to write a read alone. The bus is released in
 * the end, whatever came. */
enum i2c_status i2c_transfer(struct i2c_bus bus, const uint8_t *write, uint8_t write_count, uint8_t *read, uint8_t read_count);
#endif
