/* The accelerometers of MPU-9250, MPU-6500, MPU-6050 and ICM-20948 on I2C: their queue of samples is emptied at regular times and
 * sent on as bulk data.
 *
 *     sample   x15..8 x7..0  y15..8 y7..0  z15..8 z7..0      as the chip has it
 *
 * The host sets rate and range; here the queue is emptied, filled with accelerations alone, and read. Numbers of registers and
 * bits: MPU-9250 register map 4.17 FIFO_EN, 4.34 USER_CTRL, 4.36 FIFO_COUNT; ICM-20948 data sheet 8.1 USER_CTRL, 8.62 FIFO_EN_2,
 * 8.63 FIFO_RST, 8.65 FIFO_COUNTH.
 */
#include "core/declare.h"
#include "hal/clock.h"
#include "modules/registers.h"
#include "modules/sampler.h"

enum { SAMPLE_BYTES = 6, QUEUE_BYTES = 512, FETCH_MOST = 8 };

/* A write to a register. */
struct setting {
    uint8_t number, value;
};

enum { BEGIN_STEPS = 5 };

struct chip {
    struct setting begin[BEGIN_STEPS], end;
    uint8_t queue_bytes; /* their number, the higher byte first; the queue itself is two further on */
};

static const struct chip MPU9250 = {
    .begin = {{0x23, 0}, {0x6a, 0}, {0x6a, 0x04}, {0x6a, 0x40}, {0x23, 0x08}}, /* none; off; emptied; on; accelerations */
    .end = {0x23, 0},
    .queue_bytes = 0x72,
};

static const struct chip ICM20948 = {
    .begin = {{0x7f, 0}, {0x68, 0x1f}, {0x68, 0}, {0x03, 0x40}, {0x67, 0x10}}, /* bank 0; emptied; let go; on; accelerations */
    .end = {0x67, 0},
    .queue_bytes = 0x70,
};

struct mpu {
    struct sampler sampler;
    struct registers registers;
    const struct chip *chip;
};

/* --- the chip --- */

static void set(const struct mpu *m, struct setting setting)
{
    registers_write(&m->registers, setting.number, setting.value);
}

static void begin(const struct mpu *m)
{
    for (uint8_t i = 0; i < BEGIN_STEPS; i++)
        set(m, m->chip->begin[i]);
}

/* Bytes in the queue; the read of the first register latches both. */
static uint16_t queued(const struct mpu *m)
{
    uint8_t bytes[2];
    registers_read(&m->registers, m->chip->queue_bytes, bytes, sizeof bytes);
    return (uint16_t)((bytes[0] & 0x1f) << 8 | bytes[1]);
}

/* A full queue drops bytes, not samples: what is in it can't be told apart any more. */
static uint8_t look(void *object)
{
    struct mpu *m = object;
    uint16_t count = queued(m);
    if (count <= QUEUE_BYTES - SAMPLE_BYTES)
        return (uint8_t)(count / SAMPLE_BYTES);
    m->sampler.bulk.possible_overflows++;
    begin(m);
    return 0;
}

static void fetch(void *object, uint8_t *out, uint8_t count)
{
    const struct mpu *m = object;
    registers_read(&m->registers, m->chip->queue_bytes + 2, out, (uint8_t)(count * SAMPLE_BYTES));
}

static const struct sampler_kind SAMPLES = {look, fetch, SAMPLE_BYTES, FETCH_MOST};

/* --- commands --- */

const struct oid_kind oid_kind_mpu9250 = {sampler_stop};
const struct oid_kind oid_kind_icm20948 = {sampler_stop};

static void configure(const uint32_t *args, const struct oid_kind *kind, const struct chip *chip)
{
    struct registers registers = registers_at((uint8_t)args[1], REGISTERS_I2C);
    struct mpu *m = sampler_new((uint8_t)args[0], kind, sizeof *m, &SAMPLES);
    m->registers = registers;
    m->chip = chip;
}

static void query(struct mpu *m, uint32_t rest_ticks)
{
    sampler_end(&m->sampler);
    if (!rest_ticks) {
        set(m, m->chip->end);
        return;
    }
    begin(m);
    sampler_start(&m->sampler, rest_ticks);
}

static void tell(struct mpu *m)
{
    uint32_t before = clock_read();
    uint16_t count = queued(m);
    uint32_t took = clock_read() - before;
    bulk_send_status(&m->sampler.bulk, m->sampler.reporter.oid, before, took, count);
}

COMMAND(config_mpu9250, "oid=%c i2c_oid=%c")
{
    configure(args, &oid_kind_mpu9250, &MPU9250);
}

COMMAND_TO(mpu9250, query_mpu9250, "oid=%c rest_ticks=%u")
{
    query(object, args[1]);
}

COMMAND_TO(mpu9250, query_mpu9250_status, "oid=%c")
{
    tell(object);
}

COMMAND(config_icm20948, "oid=%c i2c_oid=%c")
{
    configure(args, &oid_kind_icm20948, &ICM20948);
}

COMMAND_TO(icm20948, query_icm20948, "oid=%c rest_ticks=%u")
{
    query(object, args[1]);
}

COMMAND_TO(icm20948, query_icm20948_status, "oid=%c")
{
    tell(object);
}
