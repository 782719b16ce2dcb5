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
    PULSE_HZ = 1333333,   /* 1 / LONG_NS */
    BIT_HZ = 800000,      /* bits come no faster */
    BYTES_MOST = 4096,
};

struct neopixel {
    struct gpio_out pin;
    uint32_t bit_max_ticks;   /* longest time from the end of a bit's pulse to the next one */
    uint32_t reset_min_ticks;
    uint32_t last_clock;      /* the last bit began */
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

/* A pulse as wide as the highest of `bits` says, when it is time for it: gives its clock, or `last`, that of the bit before, when
 * more than `limit` has gone by since. All in registers, and one read of the clock: a slow chip has time for little more. */
static inline uint32_t send_bit(struct gpio_out pin, uint8_t bits, uint32_t last, uint32_t limit)
{
    const uint32_t least = clock_frequency() / BIT_HZ;
    irq_disable();
    uint32_t now = clock_now();
    while (now - last < least)
        now = clock_now();
    if (now - last <= limit)
        pulse_out(pin, bits & 0x80 ? LONG_NS : SHORT_NS);
    else
        now = last;
    irq_enable();
    return now;
}

static bool send_all(struct neopixel *n)
{
    const struct gpio_out pin = n->pin;
    const uint8_t *byte = n->bytes, *end = byte + n->size;
    const uint32_t between = n->bit_max_ticks + clock_frequency() / PULSE_HZ; /* from the start of a bit */
    uint32_t last = n->last_clock, limit = UINT32_MAX; /* the first bit may come at any time */
    wait_since(last, n->reset_min_ticks);
    while (byte != end) {
        uint8_t bits = *byte++;
        for (uint8_t left = 8; left; left--) {
            uint32_t clock = send_bit(pin, bits, last, limit);
            if (clock == last) {
                n->last_clock = last;
                return false;
            }
            last = clock;
            limit = between;
            bits <<= 1;
        }
        irq_poll();
    }
    n->last_clock = last;
    return true;
}

COMMAND(neopixel_send, "oid=%c")
{
    bool sent = send_all(oid_find(args[0], &NEOPIXEL));
    send_neopixel_result((uint8_t)args[0], sent);
}
