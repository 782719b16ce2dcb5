/* SPI devices on buses made of any pins: bits set and read one by one, highest first.
 *
 *     mode 0: data change, clock rises, input is read, clock falls        mode 2: the clock the other way up
 *     mode 1: clock rises, data change, clock falls, input is read        mode 3: the clock the other way up
 */
#include "core/declare.h"
#include "hal/clock.h"
#include "modules/spi.h"
#include "modules/wait.h"

struct pins {
    struct gpio_in miso;
    struct gpio_out mosi, clock;
    uint32_t half_ticks;    /* of a clock period */
    bool idle;              /* level of the clock line between bits */
    bool late;              /* data change at the first edge, and are taken at the second */
};

static void prepare(struct spi_device *device)
{
    const struct pins *pins = device->bus;
    gpio_out_write(pins->clock, pins->idle);
}

static void hold(const struct pins *pins)
{
    wait_until(clock_read() + pins->half_ticks);
}

static uint8_t exchange_byte(const struct pins *pins, uint8_t out)
{
    uint8_t in = 0;
    for (uint8_t bit = 0x80; bit; bit >>= 1) {
        bool level = (out & bit) != 0;
        if (!pins->late)
            gpio_out_write(pins->mosi, level);
        hold(pins);
        gpio_out_write(pins->clock, !pins->idle);
        if (pins->late)
            gpio_out_write(pins->mosi, level);
        else if (gpio_in_read(pins->miso))
            in |= bit;
        hold(pins);
        gpio_out_write(pins->clock, pins->idle);
        if (pins->late && gpio_in_read(pins->miso))
            in |= bit;
    }
    return in;
}

static void exchange(struct spi_device *device, uint8_t *bytes, uint8_t count)
{
    const struct pins *pins = device->bus;
    for (uint8_t i = 0; i < count; i++)
        bytes[i] = exchange_byte(pins, bytes[i]);
}

static const struct spi_way PINS = {prepare, exchange};

COMMAND_TO(spi_device, spi_set_sw_bus, "oid=%c miso_pin=%u mosi_pin=%u sclk_pin=%u mode=%u pulse_ticks=%u")
{
    struct spi_device *device = object;
    uint32_t mode = args[4];
    if (mode > 3)
        shutdown("Invalid spi config");
    struct pins pins = {.half_ticks = (args[5] + 1) / 2, .idle = mode & 2, .late = mode & 1};
    pins.miso = gpio_in_setup(args[1], 1); /* a missing chip reads as ones, which most chips' drivers take for a fault */
    pins.mosi = gpio_out_setup(args[2], false);
    pins.clock = gpio_out_setup(args[3], pins.idle);
    spi_set_way(device, &PINS, &pins, sizeof pins);
}
