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
    pulse_clock bit_max_ticks; /* longest time from the end of a bit's pulse to the next one */
    uint32_t reset_min_ticks;
    uint32_t last_clock;      /* the last bit was sent */
    uint16_t size;
    uint8_t bytes[];
};

const struct oid_kind oid_kind_neopixel = {NULL};

COMMAND(config_neopixel, "oid=%c pin=%u data_size=%hu bit_max_ticks=%u reset_min_ticks=%u")
{
    uint16_t size = (uint16_t)args[2];
    if (!size || size > BYTES_MOST)
        shutdown("Invalid neopixel data_size");
    struct neopixel *n = oid_new(args[0], &oid_kind_neopixel, (uint16_t)sizeof *n + size);
    n->pin = gpio_out_setup(args[1], false);
    n->size = size;
    const pulse_clock most = (pulse_clock)-1;
    n->bit_max_ticks = args[3] > most ? most : (pulse_clock)args[3];
    n->reset_min_ticks = args[4];
    n->last_clock = clock_read();
}

COMMAND_TO(neopixel, neopixel_update, "oid=%c pos=%hu data=%*s")
{
    struct neopixel *n = object;
    uint16_t place = (uint16_t)args[1];
    uint8_t count = (uint8_t)args[2];
    if (place > n->size || count > n->size - place)
        shutdown("Invalid neopixel update command");
    memcpy(n->bytes + place, command_bytes(args[3]), count);
}

/* A pulse as wide as the highest of `bits` says, when it is time for it; gives its clock. False when more than `limit` has gone by
 * since *last, the bit before. All in registers, and one read of the clock: a slow chip has time for little more. */
static inline bool send_bit(struct gpio_out pin, uint8_t bits, pulse_clock *last, pulse_clock limit)
{
    const pulse_clock least = (pulse_clock)(clock_frequency() / BIT_HZ);
    irq_disable();
    pulse_clock now, passed;
    do {
        now = pulse_clock_now();
        passed = (pulse_clock)(now - *last);
    } while (passed < least);
    bool in_time = passed <= limit;
    if (!in_time)
        ;
    else if (bits & 0x80)
        pulse_out(pin, LONG_NS);
    else
        pulse_out(pin, SHORT_NS);
    irq_enable();
    *last = now;
    return in_time;
}

static bool send_all(const struct neopixel *n)
{
    const struct gpio_out pin = n->pin;
    const uint8_t *byte = n->bytes, *end = byte + n->size;
    const pulse_clock pulse = (pulse_clock)(clock_frequency() / PULSE_HZ), most = (pulse_clock)-1;
    /* from the start of a bit; the first one may come at any time */
    pulse_clock between = n->bit_max_ticks > most - pulse ? most : n->bit_max_ticks + pulse, limit = most, last = 0;
    while (byte != end) {
        uint8_t bits = *byte++;
        for (uint8_t left = 8; left; left--) {
            if (!send_bit(pin, bits, &last, limit))
                return false;
            limit = between;
            bits <<= 1;
        }
        irq_poll();
    }
    return true;
}

COMMAND_TO(neopixel, neopixel_send, "oid=%c")
{
    struct neopixel *n = object;
    wait_since(n->last_clock, n->reset_min_ticks);
    bool sent = send_all(n);
    n->last_clock = clock_read();
    send_neopixel_result((uint8_t)args[0], sent);
}
