/* Temperature chips on SPI: MAX31855, MAX31856, MAX6675 (thermocouples), MAX31865 (platinum resistors), read at scheduled clocks.
 *
 * Safety: so many readings in a row that are out of range, or that the chip calls faulty, shut the MCU down.
 */
#include <stdbool.h>
#include <stddef.h>

#include "core/declare.h"
#include "core/oid.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/irq.h"
#include "modules/reporter.h"
#include "modules/spi.h"

RESPONSE(thermocouple_result, "oid=%c next_clock=%u value=%u fault=%c");

ENUMERATION("thermocouple_type", "MAX31855", 0);
ENUMERATION("thermocouple_type", "MAX31856", 1);
ENUMERATION("thermocouple_type", "MAX31865", 2);
ENUMERATION("thermocouple_type", "MAX6675", 3);

struct reading {
    uint32_t value;
    uint8_t fault; /* the chip's bits, 0 for none */
};

struct thermocouple {
    struct reporter reporter;  /* its timer: of the next reading; in the list while there are any */
    struct spi_device *device;
    uint32_t rest_ticks;
    uint32_t least, most;      /* the range */
    uint8_t type;
    uint8_t bad, bad_most;     /* readings in a row */
};

static void report(void *object);

/* --- chips --- */

/* The value in `count` bytes of an exchange, highest first, after `skip`. */
static uint32_t value_in(const uint8_t *bytes, uint8_t skip, uint8_t count)
{
    uint32_t value = 0;
    for (uint8_t i = skip; i < skip + count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Bits 2..0: short to supply, short to ground, open (data sheet, "Memory Bit Assignments"). */
static struct reading read_max31855(struct spi_device *device)
{
    uint8_t bytes[4] = {0};
    spi_transfer(device, bytes, sizeof bytes);
    return (struct reading){value_in(bytes, 0, 4), bytes[3] & 0x07};
}

/* Registers 0Ch..0Eh: linearised temperature; 0Fh: faults (data sheet, "Register Map"). */
static struct reading read_max31856(struct spi_device *device)
{
    uint8_t bytes[5] = {0x0c};
    spi_transfer(device, bytes, sizeof bytes);
    return (struct reading){value_in(bytes, 1, 3), bytes[4]};
}

/* Registers 01h, 02h: resistance, its lowest bit set with a fault; 07h: faults in bits 7..2 (data sheet, "Register Map"). */
static struct reading read_max31865(struct spi_device *device)
{
    uint8_t bytes[3] = {0x01}, faults[2] = {0x07};
    spi_transfer(device, bytes, sizeof bytes);
    spi_transfer(device, faults, sizeof faults);
    return (struct reading){value_in(bytes, 1, 2), faults[1] & 0xfc};
}

/* Bit 2: open (data sheet, "Serial Interface"). */
static struct reading read_max6675(struct spi_device *device)
{
    uint8_t bytes[2] = {0};
    spi_transfer(device, bytes, sizeof bytes);
    return (struct reading){value_in(bytes, 0, 2), bytes[1] & 0x04};
}

static struct reading (*const READ[])(struct spi_device *device) = {
    read_max31855, read_max31856, read_max31865, read_max6675,
};

/* --- in interrupt --- */

static bool read_run(struct timer *timer)
{
    struct thermocouple *t = (struct thermocouple *)(void *)timer; /* its first member */
    timer->clock += t->rest_ticks;
    reporter_want(&t->reporter);
    return true;
}

/* --- commands --- */

static void stop(void *object)
{
    struct thermocouple *t = object;
    sched_remove(&t->reporter.timer);
    t->reporter.due = false;
}

const struct oid_kind oid_kind_thermocouple = {stop};

COMMAND(config_thermocouple, "oid=%c spi_oid=%c thermocouple_type=%c")
{
    uint8_t type = (uint8_t)args[2];
    if (type >= sizeof READ / sizeof READ[0])
        shutdown("Invalid thermocouple chip type");
    struct spi_device *device = spi_find(args[1]);
    struct thermocouple *t = reporter_new(args[0], &oid_kind_thermocouple, sizeof *t, read_run, report);
    t->device = device;
    t->type = type;
}

COMMAND_TO(thermocouple, query_thermocouple, "oid=%c clock=%u rest_ticks=%u min_value=%u max_value=%u max_invalid_count=%c")
{
    struct thermocouple *t = object;
    irq_disable();
    stop(t);
    t->reporter.timer.clock = args[1];
    t->rest_ticks = args[2];
    t->least = args[3];
    t->most = args[4];
    t->bad_most = (uint8_t)args[5];
    t->bad = 0;
    if (t->rest_ticks)
        sched_add(&t->reporter.timer);
    irq_enable();
}

/* --- readings --- */

static void check(struct thermocouple *t, struct reading reading)
{
    if (!reading.fault && reading.value >= t->least && reading.value <= t->most) {
        t->bad = 0;
        return;
    }
    if (++t->bad >= t->bad_most)
        shutdown("Thermocouple reader fault");
}

static void report(void *object)
{
    struct thermocouple *t = object;
    uint32_t next_clock = t->reporter.timer.clock;
    irq_enable();
    struct reading reading = READ[t->type](t->device);
    send_thermocouple_result(t->reporter.oid, next_clock, reading.value, reading.fault);
    check(t, reading);
}
