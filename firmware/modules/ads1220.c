/* The analog converter ADS1220 on SPI, with a pin that shows when a sample is there.
 *
 *     drdy  ~~~~\______/~~~~      low until the sample is read (data sheet 8.5.3 "Data Retrieval": it is shifted out at once)
 *     sample   int32, the lower byte first, of the chip's 24 bits, the higher byte first
 *
 * The host sets rate, gain and channels by spi_transfer.
 */
#include "core/declare.h"
#include "hal/clock.h"
#include "hal/gpio.h"
#include "modules/sampler.h"
#include "modules/spi.h"
#include "modules/trigger_analog.h"

enum { CHIP_BYTES = 3, SAMPLE_BYTES = 4 };

struct ads1220 {
    struct sampler sampler;
    struct trigger_analog *detector;
    struct spi_device *device;
    struct gpio_in ready;
};

/* --- samples --- */

static uint8_t look(void *object)
{
    const struct ads1220 *a = object;
    return !gpio_in_read(a->ready);
}

static void fetch(void *object, uint8_t *out, uint8_t count)
{
    struct ads1220 *a = object;
    uint8_t bytes[CHIP_BYTES] = {0}; /* no command */
    uint32_t clock = clock_read();
    (void)count;
    spi_transfer(a->device, bytes, sizeof bytes);
    uint32_t bits = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
    int32_t sample = (int32_t)((bits ^ 0x800000) - 0x800000); /* the sign */
    trigger_analog_take(a->detector, sample, clock);
    sampler_put_int32(out, sample);
}

static const struct sampler_kind SAMPLES = {look, fetch, SAMPLE_BYTES, 1};

/* --- commands --- */

const struct oid_kind oid_kind_ads1220 = {sampler_stop};

COMMAND(config_ads1220, "oid=%c spi_oid=%c data_ready_pin=%u")
{
    struct spi_device *device = spi_find((uint8_t)args[1]);
    struct gpio_in ready = gpio_in_setup((gpio_number)args[2], 0);
    struct ads1220 *a = sampler_new((uint8_t)args[0], &oid_kind_ads1220, sizeof *a, &SAMPLES);
    a->device = device;
    a->ready = ready;
}

COMMAND_TO(ads1220, ads1220_attach_trigger_analog, "oid=%c trigger_analog_oid=%c")
{
    struct ads1220 *a = object;
    a->detector = trigger_analog_find((uint8_t)args[1]);
}

COMMAND_TO(ads1220, query_ads1220, "oid=%c rest_ticks=%u")
{
    struct ads1220 *a = object;
    sampler_end(&a->sampler);
    if (args[1])
        sampler_start(&a->sampler, args[1]);
}

COMMAND_TO(ads1220, query_ads1220_status, "oid=%c")
{
    struct ads1220 *a = object;
    uint32_t clock = clock_read();
    bulk_send_status(&a->sampler.bulk, (uint8_t)args[0], clock, 0, look(a) ? SAMPLE_BYTES : 0);
}
