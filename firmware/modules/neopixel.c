/* Addressable lights (WS2812 and the like): a buffer of bytes, sent as pulses whose width says 0 or 1.
 *
 *     0  |~~|______      1  |~~~~|____      a pause of reset_min_ticks ends a frame
 *
 * Interrupts are let in between the bits. When one takes so long that the lights may have taken the pause for the end of the
 * frame, sending is given up and the host told; it sends again. (WS2812B data sheet: 0.2-0.5 us, 0.65-0.95 us, 1.25 us a bit.)
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/command.h"
#include "core/declare.h"
#include "core/oid.h"
#include "hal/gpio.h"
#include "hal/irq.h"
#include "hal/pulse.h"
#include "modules/wait.h"

RESPONSE(neopixel_result, "oid=%c success=%c");

enum {
    SHORT_NS = 350,
    LONG_NS = 750,
    BIT_HZ = 800000,      /* bits come no faster */
    BYTES_MOST = 4096,
};

struct neopixel {
    struct gpio_out pin;
    uint32_t bit_max_ticks;   /* longest time from bit to bit */
    uint32_t reset_min_ticks;
    uint32_t last_clock;      /* of the last bit sent */
    uint16_t size;
    uint8_t bytes[];
};

static const struct oid_kind NEOPIXEL = {NULL};

COMMAND(config_neopixel, "oid=%c pin=%u data_size=%hu bit_max_ticks=%u reset_min_ticks=%u")
{
    uint16_t size = (uint16_t)args[2];
    if (!size || size > BYTES_MOST)
        shutdown("Invalid neopixel data_size");
    struct neopixel *n = oid_new(args[0], &NEOPIXEL, (uint16_t)sizeof *n + size);
    n->pin = gpio_out_setup(args[1], false);
    n->size = size;
    n->bit_max_ticks = args[3];
    n->reset_min_ticks = args[4];
    n->last_clock = clock_read();
}

COMMAND(neopixel_update, "oid=%c pos=%hu data=%*s")
{
    struct neopixel *n = oid_find(args[0], &NEOPIXEL);
    uint16_t place = (uint16_t)args[1];
    uint8_t count = (uint8_t)args[2];
    if (place > n->size || count > n->size - place)
        shutdown("Invalid neopixel update command");
    memcpy(n->bytes + place, command_bytes(args[3]), count);
}

/* When the next bit can begin: one read of the clock for each on a chip that takes its time for it. Interrupts disabled. */
static uint32_t bit_clock(const struct neopixel *n)
{
    uint32_t now = clock_read(), least = clock_frequency() / BIT_HZ;
    while (now - n->last_clock < least)
        now = clock_read();
    return now;
}

/* The bits of a byte, highest first; false when one came too late. */
static bool send_byte(struct neopixel *n, uint8_t byte, bool is_first)
{
    for (uint8_t bit = 0x80; bit; bit >>= 1) {
        irq_disable();
        uint32_t now = bit_clock(n);
        bool late = !is_first && now - n->last_clock > n->bit_max_ticks;
        if (!late)
            pulse_out(n->pin, byte & bit ? LONG_NS : SHORT_NS);
        irq_enable();
        irq_poll();
        if (late)
            return false;
        n->last_clock = now;
        is_first = false;
    }
    return true;
}

static bool send_all(struct neopixel *n)
{
    wait_since(n->last_clock, n->reset_min_ticks);
    for (uint16_t i = 0; i < n->size; i++)
        if (!send_byte(n, n->bytes[i], i == 0))
            return false;
    return true;
}

COMMAND(neopixel_send, "oid=%c")
{
    bool sent = send_all(oid_find(args[0], &NEOPIXEL));
    send_neopixel_result((uint8_t)args[0], sent);
}
