/* The accelerometers LIS2DW12 and LIS3DH on SPI or I2C: their queue of samples is emptied at regular times and sent on as bulk data.
 *
 *     sample   x7..0 x15..8  y7..0 y15..8  z7..0 z15..8      as the chip has it
 *
 * The host sets rate and range; here the queue is emptied, filled and read. Numbers of registers and bits are those of the data
 * sheets (LIS2DW12: 8.17 FIFO_CTRL, 8.18 FIFO_SAMPLES; LIS3DH: 8.15 FIFO_CTRL_REG, 8.16 FIFO_SRC_REG).
 */
#include "core/declare.h"
#include "hal/clock.h"
#include "modules/registers.h"
#include "modules/sampler.h"

enum {
    DATA = 0x28,
    QUEUE_MODE = 0x2e,
    BYPASS = 0,          /* empties the queue */
    QUEUE_STATE = 0x2f,
    OVERRUN = 0x40,
    ENTRIES_MOST = 32,
    NONSENSE = 0xff,
    SAMPLE_BYTES = 6,
};

enum chip { CHIP_LIS2DW, CHIP_LIS3DH, CHIP_COUNT };

ENUMERATION("lis_chip_type", "LIS2DW", 0);
ENUMERATION("lis_chip_type", "LIS3DH", 1);

struct lis2dw {
    struct sampler sampler;
    struct registers registers;
    uint8_t chip;
};

/* --- the chip --- */

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

static uint8_t look(void *object)
{
    struct lis2dw *l = object;
    uint8_t state = registers_read_one(&l->registers, QUEUE_STATE), count = entries_of(l, state);
    if (count == NONSENSE)
        return 0;
    if (state & OVERRUN)
        l->sampler.bulk.possible_overflows++;
    return count;
}

/* A LIS3DH wants a bit to go on to the next register, another on each bus. */
static void fetch(void *object, uint8_t *out, uint8_t count)
{
    static const uint8_t SEVERAL[CHIP_COUNT][REGISTERS_BUS_COUNT] = {{0, 0}, {0x40, 0x80}};
    const struct lis2dw *l = object;
    uint8_t several = SEVERAL[l->chip][l->registers.spi ? REGISTERS_SPI : REGISTERS_I2C];
    registers_read(&l->registers, DATA | several, out, (uint8_t)(count * SAMPLE_BYTES));
}

static const struct sampler_kind SAMPLES = {look, fetch, SAMPLE_BYTES, 1};

/* --- commands --- */

const struct oid_kind oid_kind_lis2dw = {sampler_stop};

COMMAND(config_lis2dw, "oid=%c bus_oid=%c bus_oid_type=%c lis_chip_type=%c")
{
    if (args[3] >= CHIP_COUNT)
        shutdown("model type invalid");
    struct registers registers = registers_at(args[1], args[2]);
    struct lis2dw *l = sampler_new(args[0], &oid_kind_lis2dw, sizeof *l, &SAMPLES);
    l->registers = registers;
    l->chip = (uint8_t)args[3];
}

/* The queue fills from the start to the end of the looks; it begins empty. */
COMMAND_TO(lis2dw, query_lis2dw, "oid=%c rest_ticks=%u")
{
    static const uint8_t CONTINUOUS[CHIP_COUNT] = {0xc0, 0x80};
    struct lis2dw *l = object;
    sampler_end(&l->sampler);
    registers_write(&l->registers, QUEUE_MODE, BYPASS);
    if (!args[1])
        return;
    registers_write(&l->registers, QUEUE_MODE, CONTINUOUS[l->chip]);
    sampler_start(&l->sampler, args[1]);
}

COMMAND_TO(lis2dw, query_lis2dw_status, "oid=%c")
{
    struct lis2dw *l = object;
    uint32_t before = clock_read();
    uint8_t count = entries_of(l, registers_read_one(&l->registers, QUEUE_STATE));
    uint32_t took = clock_read() - before;
    if (count != NONSENSE)
        bulk_send_status(&l->sampler.bulk, (uint8_t)args[0], before, took, count * SAMPLE_BYTES);
}
