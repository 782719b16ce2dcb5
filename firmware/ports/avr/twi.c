/* The AVR's two-wire bus, as master, polled, with a limit for each step: a chip that holds a line never holds this one.
 *
 * Numbers of states are those of the ATmega2560 data sheet (2549), tables 24-3 and 24-4.
 */
#include "hal/i2c.h"

#include <stdbool.h>

#include "core/declare.h"
#include "hal/clock.h"
#include "hal/gpio.h"
#include "ports/avr/pins.h"

ENUMERATION("i2c_bus", "twi", 0);
CONSTANT(BUS_PINS_twi, TWI_PINS);

enum {
    STARTED = 0x08,
    STARTED_AGAIN = 0x10,
    ADDRESSED_TO_WRITE = 0x18,
    ADDRESSED_TO_READ = 0x40,
    WRITTEN = 0x28,
    READ = 0x50,
    READ_LAST = 0x58,
    NOT_ACKNOWLEDGED_FROM = 0x20, /* 0x20, 0x30, 0x48 */
    ARBITRATION_LOST = 0x38,
    STEP_HZ = 500,           /* a step, a byte at most, takes no longer than 1/STEP_HZ s */
    CLEAR_CLOCKS = 9,        /* that end whatever a chip was sending (UM10204, 3.1.16 "Bus clear") */
    CLEAR_HZ = 100000,
};

/* SCL has F_CPU / (16 + 2 * TWBR * prescaler) Hz, with a prescaler of 1 or 4 here (data sheet, 24.5.2): from 8 kHz up. */
struct i2c_bus i2c_setup(uint32_t bus, uint32_t rate, uint8_t address)
{
    if (bus || !rate)
        shutdown("Unsupported i2c bus");
    uint32_t half = (F_CPU / 2 + rate - 1) / rate;
    uint32_t divisor = half > 8 ? half - 8 : 0;
    uint8_t prescaler = divisor > 255;
    if (prescaler)
        divisor = (divisor + 3) / 4;
    gpio_in_setup(TWI_CLOCK, 1);
    gpio_in_setup(TWI_DATA, 1);
    return (struct i2c_bus){divisor > 255 ? 255 : (uint8_t)divisor, prescaler, address};
}

/* Wait for the end of a step; its state, or 0 when it takes too long. */
static uint8_t end_of_step(void)
{
    uint32_t begun = clock_read();
    while (!(TWCR & (1 << TWINT)))
        if (clock_read() - begun > F_CPU / STEP_HZ)
            return 0;
    return TWSR & 0xf8;
}

static uint8_t step(uint8_t control)
{
    TWCR = (uint8_t)(1 << TWINT | 1 << TWEN | control);
    return end_of_step();
}

/* `state` is what was hoped for, `refused` what it comes to when nobody acknowledged. */
static enum i2c_status write_byte(uint8_t byte, uint8_t state, enum i2c_status refused)
{
    TWDR = byte;
    uint8_t came = step(0);
    if (came == state)
        return I2C_SUCCESS;
    return came < NOT_ACKNOWLEDGED_FROM || came == ARBITRATION_LOST ? I2C_BUS_TIMEOUT : refused;
}

static enum i2c_status start(uint8_t address, bool read, enum i2c_status refused)
{
    uint8_t came = step(1 << TWSTA);
    if (came != STARTED && came != STARTED_AGAIN)
        return I2C_BUS_TIMEOUT;
    return write_byte((uint8_t)(address << 1) | read, read ? ADDRESSED_TO_READ : ADDRESSED_TO_WRITE, refused);
}

static enum i2c_status write_all(uint8_t address, const uint8_t *bytes, uint8_t count)
{
    enum i2c_status status = start(address, false, I2C_START_NACK);
    while (status == I2C_SUCCESS && count--)
        status = write_byte(*bytes++, WRITTEN, I2C_NACK);
    return status;
}

/* The last byte is not acknowledged: the chip then lets go of the line. */
static enum i2c_status read_all(uint8_t address, uint8_t *bytes, uint8_t count)
{
    enum i2c_status status = start(address, true, I2C_START_READ_NACK);
    while (status == I2C_SUCCESS && count--) {
        if (step(count ? 1 << TWEA : 0) != (count ? READ : READ_LAST))
            status = I2C_BUS_TIMEOUT;
        *bytes++ = TWDR;
    }
    return status;
}

static void hold(void)
{
    uint32_t begun = clock_read();
    while (clock_read() - begun < F_CPU / CLEAR_HZ / 2)
        ;
}

/* A chip that was left in the middle of a byte, by a reset of this one, may hold the data line low: let it finish. The bus is off:
 * its pins are pins. */
static bool clear_bus(void)
{
    struct gpio_in data = gpio_in_setup(TWI_DATA, 1);
    for (uint8_t i = 0; i < CLEAR_CLOCKS && !gpio_in_read(data); i++) {
        gpio_out_setup(TWI_CLOCK, false);
        hold();
        gpio_in_setup(TWI_CLOCK, 1);
        hold();
    }
    return gpio_in_read(data);
}

/* The stop's end is waited for, or the bus is taken from the lines. */
static void stop(enum i2c_status status)
{
    uint32_t begun = clock_read();
    if (status != I2C_BUS_TIMEOUT)
        TWCR = 1 << TWINT | 1 << TWEN | 1 << TWSTO;
    while (TWCR & (1 << TWSTO))
        if (clock_read() - begun > F_CPU / STEP_HZ)
            break;
    TWCR = 0;
}

enum i2c_status i2c_transfer(struct i2c_bus bus, const uint8_t *write, uint8_t write_count, uint8_t *read, uint8_t read_count)
{
    enum i2c_status status = clear_bus() ? I2C_SUCCESS : I2C_BUS_TIMEOUT;
    TWBR = bus.divisor;
    TWSR = bus.prescaler;
    if (status == I2C_SUCCESS && (write_count || !read_count))
        status = write_all(bus.address, write, write_count);
    if (status == I2C_SUCCESS && read_count)
        status = read_all(bus.address, read, read_count);
    stop(status);
    return status;
}
