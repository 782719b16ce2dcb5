/* The eddy current sensor LDC1612 on I2C, channel 0, with or without the pin that shows when a sample is there.
 *
 *     sample   e3..0 d27..24  d23..16  d15..8  d7..0      as the chip has it: 4 bits of errors, 28 of frequency
 *              ff ff 00 code                              no sample, for a reason of ldc1612_error
 *
 * The host sets the chip up by i2c_transfer. Numbers of registers and bits are those of the data sheet (8.6: DATA0_MSB, DATA0_LSB,
 * STATUS). A chip that does not answer is told by samples, so that a probe that is homing stops with that as its reason.
 */
#include <string.h>

#include "core/declare.h"
#include "hal/clock.h"
#include "hal/gpio.h"
#include "modules/i2c.h"
#include "modules/sampler.h"
#include "modules/trigger_analog.h"

enum {
    DATA_HIGH = 0x00,
    DATA_LOW = 0x01,
    STATUS = 0x18,
    UNREAD = 0x08,     /* of channel 0, in the lower byte */
    SAMPLE_BYTES = 4,
};

enum failure { SENSOR_REPORTS_ERROR, I2C_STATUS_ERROR, I2C_DATA_ERROR, INVALID_READ_DATA, NONE };

ENUMERATION("ldc1612_error:", "SENSOR_REPORTS_ERROR", 0);
ENUMERATION("ldc1612_error:", "I2C_STATUS_ERROR", 1);
ENUMERATION("ldc1612_error:", "I2C_DATA_ERROR", 2);
ENUMERATION("ldc1612_error:", "INVALID_READ_DATA", 3);

struct ldc1612 {
    struct sampler sampler;
    struct trigger_analog *detector;
    struct i2c_device *device;
    struct gpio_in ready;
    bool has_ready;
    uint8_t failure;  /* of the newest look */
};

/* --- the chip --- */

/* A register: 16 bits, the higher byte first. */
static bool read(const struct ldc1612 *l, uint8_t number, uint8_t *out)
{
    return i2c_device_transfer(l->device, &number, 1, out, 2) == I2C_SUCCESS;
}

static bool is_ready(struct ldc1612 *l)
{
    uint8_t status[2];
    l->failure = NONE;
    if (l->has_ready)
        return !gpio_in_read(l->ready);
    if (read(l, STATUS, status))
        return (status[1] & UNREAD) != 0;
    l->failure = I2C_STATUS_ERROR;
    return true;
}

/* The higher register first: that latches the lower one. */
static void read_sample(struct ldc1612 *l, uint8_t *out)
{
    static const uint8_t NOTHING[SAMPLE_BYTES] = {0xff, 0xff, 0xff, 0xff};
    if (!read(l, DATA_HIGH, out) || !read(l, DATA_LOW, out + 2))
        l->failure = I2C_DATA_ERROR;
    else if (!memcmp(out, NOTHING, SAMPLE_BYTES))
        l->failure = INVALID_READ_DATA;
}

/* --- samples --- */

static uint8_t look(void *object)
{
    return is_ready(object);
}

static void fetch(void *object, uint8_t *out, uint8_t count)
{
    struct ldc1612 *l = object;
    uint32_t clock = clock_read();
    (void)count;
    if (l->failure == NONE)
        read_sample(l, out);
    if (l->failure != NONE) {
        const uint8_t told[SAMPLE_BYTES] = {0xff, 0xff, 0, l->failure};
        memcpy(out, told, SAMPLE_BYTES);
        trigger_analog_fail(l->detector, l->failure, clock);
    } else if (out[0] & 0xf0) {
        trigger_analog_fail(l->detector, SENSOR_REPORTS_ERROR, clock);
    } else {
        uint32_t value = (uint32_t)out[0] << 24 | (uint32_t)out[1] << 16 | (uint32_t)out[2] << 8 | out[3];
        trigger_analog_take(l->detector, (int32_t)value, clock);
    }
}

static const struct sampler_kind SAMPLES = {look, fetch, SAMPLE_BYTES, 1};

/* --- commands --- */

const struct oid_kind oid_kind_ldc1612 = {sampler_stop};

static struct ldc1612 *configure(const uint32_t *args)
{
    struct i2c_device *device = i2c_find((uint8_t)args[1]);
    struct ldc1612 *l = sampler_new((uint8_t)args[0], &oid_kind_ldc1612, sizeof *l, &SAMPLES);
    l->device = device;
    return l;
}

COMMAND(config_ldc1612, "oid=%c i2c_oid=%c")
{
    configure(args);
}

COMMAND(config_ldc1612_with_intb, "oid=%c i2c_oid=%c intb_pin=%c")
{
    struct gpio_in ready = gpio_in_setup((gpio_number)args[2], 1);
    struct ldc1612 *l = configure(args);
    l->ready = ready;
    l->has_ready = true;
}

COMMAND_TO(ldc1612, ldc1612_attach_trigger_analog, "oid=%c trigger_analog_oid=%c")
{
    struct ldc1612 *l = object;
    l->detector = trigger_analog_find((uint8_t)args[1]);
}

COMMAND_TO(ldc1612, query_ldc1612, "oid=%c rest_ticks=%u")
{
    struct ldc1612 *l = object;
    sampler_end(&l->sampler);
    if (args[1])
        sampler_start(&l->sampler, args[1]);
}

COMMAND_TO(ldc1612, query_status_ldc1612, "oid=%c")
{
    struct ldc1612 *l = object;
    uint32_t before = clock_read();
    uint8_t waiting = is_ready(l) && l->failure == NONE ? SAMPLE_BYTES : 0;
    uint32_t took = clock_read() - before;
    bulk_send_status(&l->sampler.bulk, (uint8_t)args[0], before, took, waiting);
}
