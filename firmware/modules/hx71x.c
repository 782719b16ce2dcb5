/* Load cell amplifiers HX711 and HX717 on two pins.
 *
 *     dout  ~~~~\___<23><22>...<1><0>~~~~~~~~      low: a sample is there; a bit after each rise of the clock
 *     sclk  ________|~|_|~|...|~|_|~|_|~|___      24 bits, then 1 .. 4 pulses that choose gain and channel of the next one
 *     sample   int32, the lower byte first
 *
 * The clock is high for less than 50 us, or the chip powers down (HX711 data sheet, "Serial Interface": T3 0.2 .. 50 us, T4 0.2 us).
 */
#include <stddef.h>

#include "core/declare.h"
#include "hal/clock.h"
#include "hal/gpio.h"
#include "hal/irq.h"
#include "modules/sampler.h"
#include "modules/trigger_analog.h"
#include "modules/wait.h"

enum {
    BITS = 24,
    PULSE_HZ = 1000000,     /* 1 us high, 1 us low */
    SLOWEST_HZ = 1000,      /* 1 ms for a whole sample: the next one may come in */
    SAMPLE_BYTES = 4,
    GAIN_MOST = 4,
};

/* Samples that are errors; they are the reasons of its detector too, by their order. */
static const int32_t ERRORS[] = {INT32_MIN, 0x40000000};
enum failure { LOST_SYNC, TOO_SLOW, NONE };

struct hx71x {
    struct sampler sampler;
    struct trigger_analog *detector;
    struct gpio_in dout;
    struct gpio_out sclk;
    uint8_t gain_pulses;
    uint8_t failure;        /* from the first one on nothing is read until the next start */
};

/* --- the chip --- */

/* A clock pulse; gives the level after its rise. */
static bool pulse(const struct hx71x *h)
{
    uint32_t width = clock_frequency() / PULSE_HZ;
    irq_disable();
    gpio_out_write(h->sclk, true);
    wait_until(clock_read() + width);
    bool level = gpio_in_read(h->dout);
    gpio_out_write(h->sclk, false);
    irq_enable();
    wait_until(clock_read() + width);
    return level;
}

static int32_t read_sample(struct hx71x *h)
{
    uint32_t before = clock_read(), bits = 0;
    for (uint8_t i = 0; i < BITS; i++)
        bits = bits << 1 | pulse(h);
    for (uint8_t i = 0; i < h->gain_pulses; i++)
        pulse(h);
    if (!gpio_in_read(h->dout))
        h->failure = LOST_SYNC;
    else if (clock_read() - before > clock_frequency() / SLOWEST_HZ)
        h->failure = TOO_SLOW;
    return (int32_t)((bits ^ 0x800000) - 0x800000); /* the sign */
}

/* --- samples --- */

static uint8_t look(void *object)
{
    const struct hx71x *h = object;
    return h->failure != NONE || !gpio_in_read(h->dout);
}

static void fetch(void *object, uint8_t *out, uint8_t count)
{
    struct hx71x *h = object;
    uint32_t clock = clock_read();
    int32_t sample = h->failure == NONE ? read_sample(h) : 0;
    (void)count;
    if (h->failure == NONE) {
        trigger_analog_take(h->detector, sample, clock);
    } else {
        sample = ERRORS[h->failure];
        trigger_analog_fail(h->detector, h->failure, clock);
    }
    sampler_put_int32(out, sample);
}

static const struct sampler_kind SAMPLES = {look, fetch, SAMPLE_BYTES, 1};

/* --- commands --- */

const struct oid_kind oid_kind_hx71x = {sampler_stop};

COMMAND(config_hx71x, "oid=%c gain_channel=%c dout_pin=%u sclk_pin=%u")
{
    if (args[1] < 1 || args[1] > GAIN_MOST)
        shutdown("HX71x gain/channel out of range 1-4");
    struct gpio_in dout = gpio_in_setup((gpio_number)args[2], 1);
    struct gpio_out sclk = gpio_out_setup((gpio_number)args[3], true); /* powered down */
    struct hx71x *h = sampler_new((uint8_t)args[0], &oid_kind_hx71x, sizeof *h, &SAMPLES);
    h->dout = dout;
    h->sclk = sclk;
    h->gain_pulses = (uint8_t)args[1];
}

COMMAND_TO(hx71x, hx71x_attach_trigger_analog, "oid=%c trigger_analog_oid=%c")
{
    struct hx71x *h = object;
    h->detector = trigger_analog_find((uint8_t)args[1]);
}

/* The chip starts when its clock goes low, and stops some time after it went high for good. */
COMMAND_TO(hx71x, query_hx71x, "oid=%c rest_ticks=%u")
{
    struct hx71x *h = object;
    sampler_end(&h->sampler);
    gpio_out_write(h->sclk, !args[1]);
    h->failure = NONE;
    if (args[1])
        sampler_start(&h->sampler, args[1]);
}

COMMAND_TO(hx71x, query_hx71x_status, "oid=%c")
{
    struct hx71x *h = object;
    uint32_t clock = clock_read();
    bulk_send_status(&h->sampler.bulk, (uint8_t)args[0], clock, 0, look(h) ? SAMPLE_BYTES : 0);
}
