/* I2C devices on buses made of any two pins. A line is let go (an input with pull-up) or pulled low (an output).
 *
 *     sda  ~~~\____/~~~~\_____...__<ack>__...___/~~~      data change while the clock is low
 *     scl  ~~~~~~\___/~~~\___/...__/~~~\__...__/~~~~~      a chip may hold it low to gain time
 */
#include <stdbool.h>

#include "core/declare.h"
#include "hal/clock.h"
#include "hal/gpio.h"
#include "modules/i2c.h"
#include "modules/wait.h"

enum {
    STRETCH_HZ = 1000, /* a chip may hold the clock low for 1/STRETCH_HZ s */
    CLEAR_CLOCKS = 9,  /* that end whatever a chip was sending (UM10204, 3.1.16 "Bus clear") */
};

struct lines {
    gpio_number scl, sda;
    uint32_t half_ticks;   /* of a clock period */
    uint8_t address;
};

/* --- lines --- */

static void hold(const struct lines *lines)
{
    wait_until(clock_read() + lines->half_ticks);
}

static void pull_low(gpio_number pin)
{
    gpio_out_setup(pin, false);
}

static struct gpio_in let_go(gpio_number pin)
{
    return gpio_in_setup(pin, 1);
}

/* Let the clock rise; false when something holds it low for too long. */
static bool raise_clock(const struct lines *lines)
{
    struct gpio_in scl = let_go(lines->scl);
    uint32_t limit = clock_read() + clock_frequency() / STRETCH_HZ;
    while (!gpio_in_read(scl))
        if (clock_is_before(limit, clock_read()))
            return false;
    return true;
}

/* --- bits and bytes; each begins and ends with the clock low; false: the bus hangs --- */

static bool write_bit(const struct lines *lines, bool bit)
{
    if (bit)
        let_go(lines->sda);
    else
        pull_low(lines->sda);
    hold(lines);
    if (!raise_clock(lines))
        return false;
    hold(lines);
    pull_low(lines->scl);
    return true;
}

static bool read_bit(const struct lines *lines, bool *bit)
{
    struct gpio_in sda = let_go(lines->sda);
    hold(lines);
    if (!raise_clock(lines))
        return false;
    hold(lines);
    *bit = gpio_in_read(sda);
    pull_low(lines->scl);
    return true;
}

/* `refused` is what it comes to when nobody acknowledges the byte. */
static enum i2c_status write_byte(const struct lines *lines, uint8_t byte, enum i2c_status refused)
{
    bool nack;
    for (uint8_t bit = 0x80; bit; bit >>= 1)
        if (!write_bit(lines, (byte & bit) != 0))
            return I2C_BUS_TIMEOUT;
    if (!read_bit(lines, &nack))
        return I2C_BUS_TIMEOUT;
    return nack ? refused : I2C_SUCCESS;
}

/* The last byte is not acknowledged: the chip then lets go of the line. */
static enum i2c_status read_byte(const struct lines *lines, uint8_t *byte, bool is_last)
{
    bool level;
    *byte = 0;
    for (uint8_t bit = 0x80; bit; bit >>= 1) {
        if (!read_bit(lines, &level))
            return I2C_BUS_TIMEOUT;
        if (level)
            *byte |= bit;
    }
    return write_bit(lines, is_last) ? I2C_SUCCESS : I2C_BUS_TIMEOUT;
}

/* --- transfers --- */

/* A chip that was left in the middle of a byte, by a reset of this one, may hold the data line low: let it finish. */
static bool clear_bus(const struct lines *lines)
{
    struct gpio_in sda = let_go(lines->sda);
    for (uint8_t i = 0; i < CLEAR_CLOCKS && !gpio_in_read(sda); i++) {
        pull_low(lines->scl);
        hold(lines);
        if (!raise_clock(lines))
            return false;
        hold(lines);
    }
    return gpio_in_read(sda);
}

/* A start, or a repeated one; the clock is low or idle before, and low after it. */
static enum i2c_status start(const struct lines *lines, bool read, enum i2c_status refused)
{
    let_go(lines->sda);
    hold(lines);
    if (!raise_clock(lines))
        return I2C_BUS_TIMEOUT;
    hold(lines);
    pull_low(lines->sda);
    hold(lines);
    pull_low(lines->scl);
    return write_byte(lines, (uint8_t)(lines->address << 1) | read, refused);
}

static void stop(const struct lines *lines)
{
    pull_low(lines->sda);
    hold(lines);
    raise_clock(lines);
    hold(lines);
    let_go(lines->sda);
    hold(lines);
}

static enum i2c_status write_all(const struct lines *lines, const uint8_t *bytes, uint8_t count)
{
    enum i2c_status status = start(lines, false, I2C_START_NACK);
    while (status == I2C_SUCCESS && count--)
        status = write_byte(lines, *bytes++, I2C_NACK);
    return status;
}

static enum i2c_status read_all(const struct lines *lines, uint8_t *bytes, uint8_t count)
{
    enum i2c_status status = start(lines, true, I2C_START_READ_NACK);
    while (status == I2C_SUCCESS && count--)
        status = read_byte(lines, bytes++, count == 0);
    return status;
}

static enum i2c_status transfer(const struct i2c_device *device, const uint8_t *write, uint8_t write_count, uint8_t *read,
                                uint8_t read_count)
{
    const struct lines *lines = device->bus;
    enum i2c_status status = clear_bus(lines) ? I2C_SUCCESS : I2C_BUS_TIMEOUT;
    if (status == I2C_SUCCESS && (write_count || !read_count))
        status = write_all(lines, write, write_count);
    if (status == I2C_SUCCESS && read_count)
        status = read_all(lines, read, read_count);
    stop(lines);
    return status;
}

COMMAND_TO(i2c_device, i2c_set_sw_bus, "oid=%c scl_pin=%u sda_pin=%u pulse_ticks=%u address=%u")
{
    struct i2c_device *device = object;
    struct lines lines = {(gpio_number)args[1], (gpio_number)args[2], args[3], args[4] & 0x7f};
    let_go(lines.scl);
    let_go(lines.sda);
    i2c_set_way(device, transfer, &lines, sizeof lines);
}
