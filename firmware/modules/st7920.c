/* Graphic displays with a serial bus (ST7920): a sync byte that says commands or data, then each byte as two, a nibble in each.
 *
 *     select  __|~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~|__
 *     bytes       1111 10s0   hhhh 0000  llll 0000 ...       s: 0 commands, 1 data; bits are taken as the clock rises
 */
#include <stddef.h>

#include "core/command.h"
#include "core/declare.h"
#include "core/oid.h"
#include "hal/gpio.h"
#include "modules/wait.h"

enum {
    SYNC_COMMANDS = 0xf8,
    SYNC_DATA = 0xfa,
    HALF_HZ = 3000000, /* the clock is low and high for 300 ns at least (data sheet, "Serial interface timing", at 2.7 V) */
};

struct st7920 {
    struct gpio_out select, clock, data;
    uint32_t sync_ticks, byte_ticks; /* pauses after a sync byte and after others */
    uint32_t last_clock;             /* of the last byte */
};

const struct oid_kind oid_kind_st7920 = {NULL};

COMMAND(config_st7920, "oid=%c cs_pin=%u sclk_pin=%u sid_pin=%u sync_delay_ticks=%u cmd_delay_ticks=%u")
{
    struct st7920 *s = oid_new(args[0], &oid_kind_st7920, sizeof *s);
    s->select = gpio_out_setup(args[1], false);
    s->clock = gpio_out_setup(args[2], false);
    s->data = gpio_out_setup(args[3], false);
    s->sync_ticks = args[4];
    s->byte_ticks = args[5];
    s->last_clock = clock_read();
}

static void send_bits(const struct st7920 *s, uint8_t byte)
{
    uint32_t half = clock_frequency() / HALF_HZ + 1;
    for (uint8_t bit = 0x80; bit; bit >>= 1) {
        gpio_out_write(s->data, (byte & bit) != 0);
        wait_until(clock_read() + half);
        gpio_out_write(s->clock, true);
        wait_until(clock_read() + half);
        gpio_out_write(s->clock, false);
    }
}

static void send_all(struct st7920 *s, uint8_t sync, const uint8_t *bytes, uint8_t count)
{
    wait_since(s->last_clock, s->byte_ticks);
    gpio_out_write(s->select, true);
    send_bits(s, sync);
    s->last_clock = clock_read();
    for (uint8_t i = 0; i < count; i++) {
        wait_since(s->last_clock, i ? s->byte_ticks : s->sync_ticks);
        send_bits(s, bytes[i] & 0xf0);
        send_bits(s, (uint8_t)(bytes[i] << 4));
        s->last_clock = clock_read();
    }
    gpio_out_write(s->select, false);
}

COMMAND_TO(st7920, st7920_send_cmds, "oid=%c cmds=%*s")
{
    send_all(object, SYNC_COMMANDS, command_bytes(args[2]), (uint8_t)args[1]);
}

COMMAND_TO(st7920, st7920_send_data, "oid=%c data=%*s")
{
    send_all(object, SYNC_DATA, command_bytes(args[2]), (uint8_t)args[1]);
}
