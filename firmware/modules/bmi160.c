/* The accelerometer of the BMI160 on SPI or I2C: its queue of samples is emptied at regular times and sent on as bulk data.
 *
 *     sample   x7..0 x15..8  y7..0 y15..8  z7..0 z15..8      as the chip has it
 *
 * The host sets rate and range; here the queue is emptied, filled with accelerations without headers, and read. Numbers of
 * registers and bits are those of the data sheet (2.11.9 FIFO_LENGTH, 2.11.10 FIFO_DATA, 2.11.20 FIFO_CONFIG, 2.11.38 CMD).
 */
#include "core/declare.h"
#include "hal/clock.h"
#include "modules/registers.h"
#include "modules/sampler.h"

enum {
    QUEUE_BYTES = 0x22,    /* 11 bits, the lower byte first */
    DATA = 0x24,
    QUEUE_CONTENT = 0x47,
    ACCELERATIONS = 0x40,
    COMMAND_CODE = 0x7e,
    EMPTY_QUEUE = 0xb0,
    SAMPLE_BYTES = 6,
    FETCH_MOST = 8,
    ROOM = 1024,           /* of the queue, bytes; a full one drops whole samples, the oldest first */
};

struct bmi160 {
    struct sampler sampler;
    struct registers registers;
};

/* --- the chip --- */

static uint16_t queued(const struct bmi160 *b)
{
    uint8_t bytes[2];
    registers_read(&b->registers, QUEUE_BYTES, bytes, sizeof bytes);
    return (uint16_t)(bytes[0] | (bytes[1] & 0x07) << 8);
}

static uint8_t look(void *object)
{
    struct bmi160 *b = object;
    uint16_t count = queued(b);
    if (count > ROOM)
        return 0; /* nonsense */
    if (count > ROOM - 2 * SAMPLE_BYTES)
        b->sampler.bulk.possible_overflows++;
    return (uint8_t)(count / SAMPLE_BYTES);
}

static void fetch(void *object, uint8_t *out, uint8_t count)
{
    const struct bmi160 *b = object;
    registers_read(&b->registers, DATA, out, (uint8_t)(count * SAMPLE_BYTES));
}

static const struct sampler_kind SAMPLES = {look, fetch, SAMPLE_BYTES, FETCH_MOST};

/* --- commands --- */

const struct oid_kind oid_kind_bmi160 = {sampler_stop};

COMMAND(config_bmi160, "oid=%c bus_oid=%c bus_oid_type=%c")
{
    struct registers registers = registers_at((uint8_t)args[1], args[2]);
    struct bmi160 *b = sampler_new((uint8_t)args[0], &oid_kind_bmi160, sizeof *b, &SAMPLES);
    b->registers = registers;
}

COMMAND_TO(bmi160, query_bmi160, "oid=%c rest_ticks=%u")
{
    struct bmi160 *b = object;
    sampler_end(&b->sampler);
    registers_write(&b->registers, QUEUE_CONTENT, 0);
    if (!args[1])
        return;
    registers_write(&b->registers, COMMAND_CODE, EMPTY_QUEUE);
    registers_write(&b->registers, QUEUE_CONTENT, ACCELERATIONS);
    sampler_start(&b->sampler, args[1]);
}

COMMAND_TO(bmi160, query_bmi160_status, "oid=%c")
{
    struct bmi160 *b = object;
    uint32_t before = clock_read();
    uint16_t count = queued(b);
    uint32_t took = clock_read() - before;
    if (count <= ROOM)
        bulk_send_status(&b->sampler.bulk, (uint8_t)args[0], before, took, count);
}
