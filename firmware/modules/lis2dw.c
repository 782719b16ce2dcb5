/* The accelerometers LIS2DW12 and LIS3DH on SPI or I2C: their queue of samples is emptied at regular times and sent on as bulk data.
 *
 *     sample   x7..0 x15..8  y7..0 y15..8  z7..0 z15..8      as the chip has it
 *
 * The host sets rate and range; here the queue is emptied, filled and read. Numbers of registers and bits are those of the data
 * sheets (LIS2DW12: 8.17 FIFO_CTRL, 8.18 FIFO_SAMPLES; LIS3DH: 8.15 FIFO_CTRL_REG, 8.16 FIFO_SRC_REG).
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
#include "modules/i2c.h"
#include "modules/reporter.h"
#include "modules/spi.h"

enum {
    READ = 0x80,         /* SPI */
    DATA = 0x28,
    QUEUE_MODE = 0x2e,
    BYPASS = 0,          /* empties the queue */
    QUEUE_STATE = 0x2f,
    OVERRUN = 0x40,
    ENTRIES_MOST = 32,
    NONSENSE = 0xff,
    SAMPLE_BYTES = 6,
};

enum bus { BUS_SPI, BUS_I2C, BUS_COUNT };
enum chip { CHIP_LIS2DW, CHIP_LIS3DH, CHIP_COUNT };

ENUMERATION("bus_oid_type", "spi", 0);
ENUMERATION("bus_oid_type", "i2c", 1);
ENUMERATION("lis_chip_type", "LIS2DW", 0);
ENUMERATION("lis_chip_type", "LIS3DH", 1);

struct lis2dw {
    struct reporter reporter; /* its timer: of the next look at the queue; in the list while it is asked for */
    struct spi_device *spi;   /* NULL when it is on I2C */
    struct i2c_device *i2c;
    uint32_t rest_ticks;
    uint8_t chip;
    bool due;                 /* to be looked at */
    uint8_t left;             /* samples of this look that are to be fetched */
    struct bulk bulk;
};

static void report(void *object);

/* --- the chip --- */

/* I2C without an answer is a sensor that is gone: the host must not wait for it. */
static void check(enum i2c_status status)
{
    if (status == I2C_NACK)
        shutdown("I2C NACK");
    if (status == I2C_START_NACK)
        shutdown("I2C START NACK");
    if (status == I2C_START_READ_NACK)
        shutdown("I2C START READ NACK");
    if (status == I2C_BUS_TIMEOUT)
        shutdown("I2C Timeout");
}

static void set_queue_mode(struct lis2dw *l, uint8_t mode)
{
    uint8_t bytes[2] = {QUEUE_MODE, mode};
    if (l->spi)
        spi_transfer(l->spi, bytes, sizeof bytes);
    else
        check(i2c_device_transfer(l->i2c, bytes, sizeof bytes, bytes, 0));
}

/* Registers from `first` on. A LIS3DH wants a bit to go on to the next one, another on each bus. */
static void read_registers(struct lis2dw *l, uint8_t first, uint8_t *out, uint8_t count)
{
    static const uint8_t SEVERAL[CHIP_COUNT][BUS_COUNT] = {{0, 0}, {0x40, 0x80}};
    uint8_t bytes[1 + SAMPLE_BYTES] = {0};
    bytes[0] = first | (count > 1 ? SEVERAL[l->chip][l->spi ? BUS_SPI : BUS_I2C] : 0);
    if (!l->spi) {
        check(i2c_device_transfer(l->i2c, bytes, 1, out, count));
        return;
    }
    bytes[0] |= READ;
    spi_transfer(l->spi, bytes, (uint8_t)(1 + count));
    memcpy(out, bytes + 1, count);
}

/* Samples in the queue by its state; NONSENSE when no chip gives such a state. */
static uint8_t entries_of(const struct lis2dw *l, uint8_t state)
{
    enum { LIS2DW_ENTRIES = 0x3f, LIS3DH_ENTRIES = 0x1f, LIS3DH_EMPTY = 0x20 };
    if (l->chip == CHIP_LIS2DW)
        return (state & LIS2DW_ENTRIES) <= ENTRIES_MOST ? state & LIS2DW_ENTRIES : NONSENSE;
    if (state & LIS3DH_EMPTY)
        return state & (LIS3DH_ENTRIES | OVERRUN) ? NONSENSE : 0;
    return state & OVERRUN ? ENTRIES_MOST : state & LIS3DH_ENTRIES;
}

static uint8_t read_state(struct lis2dw *l)
{
    uint8_t state;
    read_registers(l, QUEUE_STATE, &state, 1);
    return state;
}

/* --- in interrupt --- */

static bool look_run(struct timer *timer)
{
    struct lis2dw *l = (struct lis2dw *)(void *)timer; /* its first member */
    timer->clock += l->rest_ticks;
    l->due = true;
    reporter_want(&l->reporter);
    return true;
}

/* --- commands --- */

static void stop(void *object)
{
    struct lis2dw *l = object;
    sched_remove(&l->reporter.timer);
    l->due = false;
    l->left = 0;
}

const struct oid_kind oid_kind_lis2dw = {stop};

COMMAND(config_lis2dw, "oid=%c bus_oid=%c bus_oid_type=%c lis_chip_type=%c")
{
    if (args[2] >= BUS_COUNT || args[3] >= CHIP_COUNT)
        shutdown("Invalid oid type");
    struct spi_device *spi = args[2] == BUS_SPI ? spi_find(args[1]) : NULL;
    struct i2c_device *i2c = args[2] == BUS_I2C ? i2c_find(args[1]) : NULL;
    struct lis2dw *l = reporter_new(args[0], &oid_kind_lis2dw, sizeof *l, look_run, report);
    l->spi = spi;
    l->i2c = i2c;
    l->chip = (uint8_t)args[3];
}

/* The queue fills from the start to the end of the looks; it begins empty. */
COMMAND_TO(lis2dw, query_lis2dw, "oid=%c rest_ticks=%u")
{
    static const uint8_t CONTINUOUS[CHIP_COUNT] = {0xc0, 0x80};
    struct lis2dw *l = object;
    irq_disable();
    stop(l);
    irq_enable();
    l->rest_ticks = args[1];
    set_queue_mode(l, BYPASS);
    if (!l->rest_ticks)
        return;
    bulk_reset(&l->bulk);
    set_queue_mode(l, CONTINUOUS[l->chip]);
    irq_disable();
    l->reporter.timer.clock = clock_read() + l->rest_ticks;
    sched_add(&l->reporter.timer);
    irq_enable();
}

COMMAND_TO(lis2dw, query_lis2dw_status, "oid=%c")
{
    struct lis2dw *l = object;
    uint32_t before = clock_read();
    uint8_t count = entries_of(l, read_state(l));
    uint32_t took = clock_read() - before;
    if (count != NONSENSE)
        bulk_send_status(&l->bulk, l->reporter.oid, before, took, count * SAMPLE_BYTES);
}

/* --- work: one access to the chip a pass, so that other tasks and the console have their turn --- */

static void look(struct lis2dw *l)
{
    uint8_t state = read_state(l);
    l->due = false;
    l->left = entries_of(l, state);
    if (l->left == NONSENSE)
        l->left = 0;
    else if (state & OVERRUN)
        l->bulk.possible_overflows++;
}

static void report(void *object)
{
    struct lis2dw *l = object;
    irq_enable();
    if (l->left) {
        l->left--;
        read_registers(l, DATA, bulk_append(&l->bulk, SAMPLE_BYTES), SAMPLE_BYTES);
        bulk_send_full(&l->bulk, l->reporter.oid, SAMPLE_BYTES);
    } else if (l->due) {
        look(l);
    }
    if (l->left || l->due)
        reporter_want(&l->reporter);
}
