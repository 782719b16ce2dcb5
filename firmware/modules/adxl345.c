/* The accelerometer ADXL345 on SPI: its queue of samples is emptied at regular times and sent on as bulk data.
 *
 *     sample   x7..0  y7..0  z7..0  z10..8 x12..8  0 z12..11 y12..8       ff ff ff ff ff: the chip gave nonsense
 *
 * Numbers of registers and bits are those of the data sheet ("Register Map", "FIFO"); samples have full resolution: 13 bits.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/declare.h"
#include "core/oid.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/irq.h"
#include "modules/bulk.h"
#include "modules/reporter.h"
#include "modules/spi.h"
#include "modules/wait.h"

enum {
    READ = 0x80,
    SEVERAL = 0x40,
    POWER_CTL = 0x2d,
    MEASURE = 0x08,
    STAND_BY = 0x00,
    DATA = 0x32,
    FIFO_STATUS = 0x39,
    ENTRIES = 0x3f,
    ENTRIES_MOST = 33,     /* 32 in the queue and one to be read next */
    OVERFLOW_FROM = 32,    /* a queue this full may have lost samples */
    SAMPLE_BYTES = 5,
    GAP_HZ = 200000,       /* 5 us from a sample to the next access, for the queue to move up */
};

struct adxl345 {
    struct reporter reporter; /* its timer: of the next look at the queue; in the list while it is asked for */
    struct spi_device *device;
    uint32_t rest_ticks;
    uint32_t last_clock;      /* of the last access that took a sample */
    bool due;                 /* to be looked at */
    uint8_t left;             /* samples of this look that are to be fetched */
    struct bulk bulk;
};

static void report(void *object);

/* --- the chip --- */

static void set_power(struct adxl345 *a, uint8_t mode)
{
    uint8_t bytes[2] = {POWER_CTL, mode};
    spi_transfer(a->device, bytes, sizeof bytes);
}

/* Samples in the queue; more than ENTRIES_MOST are nonsense. */
static uint8_t entries(struct adxl345 *a)
{
    uint8_t bytes[2] = {FIFO_STATUS | READ};
    wait_since(a->last_clock, clock_frequency() / GAP_HZ + 1);
    spi_transfer(a->device, bytes, sizeof bytes);
    return bytes[1] & ENTRIES;
}

/* The upper byte of a value of 13 bits repeats its sign in the bits above. */
static bool is_sane(uint8_t upper)
{
    return (upper & 0xf0) == 0 || (upper & 0xf0) == 0xf0;
}

/* Fetch a sample: x, y, z, the lower byte first. */
static void fetch(struct adxl345 *a)
{
    uint8_t bytes[7] = {DATA | READ | SEVERAL}, *out = bulk_append(&a->bulk, SAMPLE_BYTES);
    wait_since(a->last_clock, clock_frequency() / GAP_HZ + 1);
    spi_transfer(a->device, bytes, sizeof bytes);
    a->last_clock = clock_read();
    if (!is_sane(bytes[2]) || !is_sane(bytes[4]) || !is_sane(bytes[6])) {
        memset(out, 0xff, SAMPLE_BYTES);
        return;
    }
    out[0] = bytes[1];
    out[1] = bytes[3];
    out[2] = bytes[5];
    out[3] = (uint8_t)((bytes[2] & 0x1f) | (bytes[6] & 0x07) << 5);
    out[4] = (uint8_t)((bytes[4] & 0x1f) | (bytes[6] & 0x18) << 2);
}

/* --- in interrupt --- */

static bool look_run(struct timer *timer)
{
    struct adxl345 *a = (struct adxl345 *)(void *)timer; /* its first member */
    timer->clock += a->rest_ticks;
    a->due = true;
    reporter_want(&a->reporter);
    return true;
}

/* --- commands --- */

static void stop(void *object)
{
    struct adxl345 *a = object;
    sched_remove(&a->reporter.timer);
    a->due = false;
    a->left = 0;
}

const struct oid_kind oid_kind_adxl345 = {stop};

COMMAND(config_adxl345, "oid=%c spi_oid=%c")
{
    struct spi_device *device = spi_find(args[1]);
    struct adxl345 *a = reporter_new(args[0], &oid_kind_adxl345, sizeof *a, look_run, report);
    a->device = device;
}

/* Measuring begins and ends with the looks. */
COMMAND_TO(adxl345, query_adxl345, "oid=%c rest_ticks=%u")
{
    struct adxl345 *a = object;
    irq_disable();
    stop(a);
    irq_enable();
    a->rest_ticks = args[1];
    if (!a->rest_ticks) {
        set_power(a, STAND_BY);
        return;
    }
    bulk_reset(&a->bulk);
    set_power(a, MEASURE);
    irq_disable();
    a->reporter.timer.clock = clock_read() + a->rest_ticks;
    sched_add(&a->reporter.timer);
    irq_enable();
}

COMMAND_TO(adxl345, query_adxl345_status, "oid=%c")
{
    struct adxl345 *a = object;
    uint32_t before = clock_read();
    uint8_t count = entries(a);
    uint32_t took = clock_read() - before;
    if (count <= ENTRIES_MOST)
        bulk_send_status(&a->bulk, a->reporter.oid, before, took, count * SAMPLE_BYTES);
}

/* --- work: one access to the chip a pass, so that other tasks and the console have their turn --- */

static void look(struct adxl345 *a)
{
    a->due = false;
    a->left = entries(a);
    if (a->left > ENTRIES_MOST)
        a->left = 0;
    else if (a->left >= OVERFLOW_FROM)
        a->bulk.possible_overflows++;
}

static void report(void *object)
{
    struct adxl345 *a = object;
    irq_enable();
    if (a->left) {
        a->left--;
        fetch(a);
        bulk_send_full(&a->bulk, a->reporter.oid, SAMPLE_BYTES);
    } else if (a->due) {
        look(a);
    }
    if (a->left || a->due)
        reporter_want(&a->reporter);
}
