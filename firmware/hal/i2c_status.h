/* What an I2C transfer came to; the numbers are those of the enumeration i2c_bus_status. */
#ifndef HAL_I2C_STATUS_H
#define HAL_I2C_STATUS_H

enum i2c_status {
    I2C_SUCCESS = 0,
    I2C_NACK = 1,             /* a written byte was not acknowledged */
    I2C_BUS_TIMEOUT = 2,      /* the clock was held low for too long, or the bus is stuck */
    I2C_START_NACK = 3,       /* nobody has this address */
    I2C_START_READ_NACK = 4,  /* nobody after the repeated start */
};
#endif
