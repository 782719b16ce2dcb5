/* Character displays with a 4-bit bus (HD44780): each byte is two nibbles, the high one first, each taken as `enable` falls. */
#include <stdbool.h>
#include <stddef.h>

#include "core/command.h"
#include "core/declare.h"
#include "core/oid.h"
#include "hal/gpio.h"
#include "modules/wait.h"

enum {
    LINES = 4,
    PULSE_HZ = 2000000, /* `enable` is high for 450 ns at least, low as long (data sheet, "Bus timing", at 2.7 V) */
};

struct hd44780 {
    struct gpio_out select, enable, data[LINES];
    uint32_t delay_ticks;   /* between bytes */
    uint32_t last_clock;    /* of the last byte */
};

const struct oid_kind oid_kind_hd44780 = {NULL};

COMMAND(config_hd44780, "oid=%c rs_pin=%u e_pin=%u d4_pin=%u d5_pin=%u d6_pin=%u d7_pin=%u delay_ticks=%u")
{
    struct hd44780 *h = oid_new(args[0], &oid_kind_hd44780, sizeof *h);
    h->select = gpio_out_setup(args[1], false);
    h->enable = gpio_out_setup(args[2], false);
    for (uint8_t i = 0; i < LINES; i++)
        h->data[i] = gpio_out_setup(args[3 + i], false);
    h->delay_ticks = args[7];
    h->last_clock = clock_read();
}

static void send_nibble(const struct hd44780 *h, uint8_t nibble)
{
    uint32_t pulse = clock_frequency() / PULSE_HZ + 1;
    for (uint8_t i = 0; i < LINES; i++)
        gpio_out_write(h->data[i], nibble >> i & 1);
    gpio_out_write(h->enable, true);
    wait_until(clock_read() + pulse);
    gpio_out_write(h->enable, false);
    wait_until(clock_read() + pulse);
}

static void send_all(struct hd44780 *h, bool is_data, const uint8_t *bytes, uint8_t count)
{
    for (uint8_t i = 0; i < count; i++) {
        wait_since(h->last_clock, h->delay_ticks);
        gpio_out_write(h->select, is_data);
        send_nibble(h, bytes[i] >> 4);
        send_nibble(h, bytes[i] & 0x0f);
        h->last_clock = clock_read();
    }
}

COMMAND_TO(hd44780, hd44780_send_cmds, "oid=%c cmds=%*s")
{
    send_all(object, false, command_bytes(args[2]), (uint8_t)args[1]);
}

COMMAND_TO(hd44780, hd44780_send_data, "oid=%c data=%*s")
{
    send_all(object, true, command_bytes(args[2]), (uint8_t)args[1]);
}
