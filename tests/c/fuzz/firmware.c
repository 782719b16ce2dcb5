/* Fuzzed: the firmware's reader of frames, its commands and all that they do, as built for the simulator.
 *
 * An input is either a stream of bytes (its first byte is even), or payloads, each behind its length, which are put into good
 * frames with the numbers that the firmware expects. Then timers run for a while. Each input begins with the chip's start.
 */
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#include "core/command.h"
#include "declared.h"
#include "ports/sim/abi.h"
#include "klipkit/wire/frame.h"
#include "klipkit/wire/vlq.h"
#include "tests/c/fuzz/fuzz.h"

enum { PINS = 40, TIMERS_MOST = 24, MOVE_MEMORY = 600, MODES = 2, READ_TICKS = 16, WATCHDOG = 8000000 };

static const uint8_t *input;
static size_t left;
static bool framed;
static uint64_t frames;
static uint64_t now, awake; /* ticks; when the main loop last slept */
static uint32_t timer;
static int timers;
static bool timer_set, levels[PINS], inputs[PINS];
static jmp_buf over;
static const struct sim_firmware *firmware;

/* The simulator's dictionary takes a hundred times as long as an input: here it is a few bytes. */
void sim_dictionary_start(void);
uint8_t dictionary_read(uint8_t *out, uint32_t offset, uint8_t count);

void sim_dictionary_start(void)
{
}

uint8_t dictionary_read(uint8_t *out, uint32_t offset, uint8_t count)
{
    static const uint8_t DICTIONARY[100] = { 1, 2, 3 };
    if (offset >= sizeof DICTIONARY)
        return 0;
    if (count > sizeof DICTIONARY - offset)
        count = (uint8_t)(sizeof DICTIONARY - offset);
    memcpy(out, DICTIONARY + offset, count);
    return count;
}

/* --- the chip --- */

static void receive_bytes(void)
{
    for (int i = 0; i < FRAME_MOST && left; i++, left--)
        firmware->byte_interrupt(*input++);
}

static void receive_frame(void)
{
    uint8_t frame[FRAME_MOST];
    size_t count = *input++ % (FRAME_MOST - FRAME_LEAST + 1);
    count = count < --left ? count : left;
    memcpy(frame + FRAME_HEADER, input, count);
    input += count;
    left -= count;
    count = frame_seal(frame, count, frames++);
    for (size_t i = 0; i < count; i++)
        firmware->byte_interrupt(frame[i]);
}

static void idle(void *ctx)
{
    (void)ctx;
    awake = now += 1000;
    if (left) {
        framed ? receive_frame() : receive_bytes();
    } else if (timer_set && timers++ < TIMERS_MOST) {
        timer_set = false;
        uint32_t ahead = timer - (uint32_t)now;
        now += ahead < INT32_MAX ? ahead : 0;
        firmware->timer_interrupt();
    } else {
        longjmp(over, 1);
    }
}

/* A main loop that waits for too long, as a display may be configured to, is for the watchdog. Long waits are made short. */
static uint32_t read_clock(void *ctx)
{
    (void)ctx;
    now += READ_TICKS + (now - awake) / 64;
    if (now - awake > WATCHDOG)
        longjmp(over, 1);
    return (uint32_t)now;
}

static void watchdog(void *ctx)
{
    (void)ctx;
}

static void set_timer(void *ctx, uint32_t clock)
{
    (void)ctx;
    timer = clock;
    timer_set = true;
}

static void irq_enabled(void *ctx, int enabled)
{
    (void)ctx, (void)enabled;
}

static void poll(void *ctx)
{
    (void)ctx;
}

static void pin_setup(void *ctx, uint32_t pin, int mode, int level)
{
    (void)ctx;
    CHECK(pin < PINS, "pin %u", pin);
    levels[pin] = level;
    inputs[pin] = mode != SIM_PIN_OUTPUT;
}

static void pin_write(void *ctx, uint32_t pin, int level)
{
    (void)ctx;
    CHECK(pin < PINS, "pin %u", pin);
    levels[pin] = level;
}

/* What an input shows goes by the clock: chips on a bus answer and refuse. */
static int pin_read(void *ctx, uint32_t pin)
{
    (void)ctx;
    CHECK(pin < PINS, "pin %u", pin);
    return inputs[pin] ? (uint32_t)now / READ_TICKS * 2654435761u >> 31 : levels[pin];
}

/* What the firmware sends are good frames, whatever came in. */
static void send(void *ctx, const uint8_t *bytes, size_t count)
{
    struct frame_decoder decoder = { 0 };
    size_t used;
    (void)ctx;
    CHECK(frame_decode(&decoder, bytes, count, &used) == count, "no frame of %zu bytes", count);
}

static size_t send_room(void *ctx)
{
    (void)ctx;
    return 96;
}

static void reset(void *ctx)
{
    (void)ctx;
    longjmp(over, 1);
}

static int setup_analog(void *ctx, uint32_t pin)
{
    (void)ctx;
    return pin < PINS ? 0 : -1;
}

static uint32_t read_analog(void *ctx, uint32_t pin)
{
    (void)ctx, (void)pin;
    return (uint32_t)now % 1024;
}

static int setup_pwm(void *ctx, uint32_t pin, uint32_t cycle_ticks, uint32_t value)
{
    (void)ctx, (void)cycle_ticks, (void)value;
    return pin < PINS ? 0 : -1;
}

static int setup_spi(void *ctx, uint32_t bus, int mode, uint32_t rate)
{
    (void)ctx, (void)mode, (void)rate;
    return bus < 2 ? 0 : -1;
}

static void transfer_spi(void *ctx, uint32_t bus, int mode, uint32_t rate, uint8_t *bytes, size_t count)
{
    (void)ctx, (void)bus, (void)mode, (void)rate;
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(bytes[i] + now);
}

static int setup_i2c(void *ctx, uint32_t bus, uint32_t rate)
{
    (void)ctx, (void)rate;
    return bus < 2 ? 0 : -1;
}

static int transfer_i2c(void *ctx, uint32_t bus, uint32_t address, const uint8_t *write, size_t write_count, uint8_t *read,
                        size_t read_count)
{
    (void)ctx, (void)bus, (void)address, (void)write, (void)write_count;
    memset(read, (int)now, read_count);
    return (int)(now % 5);
}

static void no_pwm(void *ctx, uint32_t pin, uint32_t value)
{
    (void)ctx, (void)pin, (void)value;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const struct sim_host HOST = { NULL, read_clock, set_timer, irq_enabled, idle, poll, pin_setup, pin_write, pin_read,
                                          send, send_room, reset, setup_analog, read_analog, setup_pwm, no_pwm, setup_spi,
                                          transfer_spi, setup_i2c, transfer_i2c, watchdog };
    static const struct sim_persona PERSONA = { .mcu = "fuzz", .clock_frequency = 16000000, .adc_max = 1023, .pwm_max = 255,
                                                .move_memory = MOVE_MEMORY, .pin_count = PINS, .constants = "",
                                                .enumerations = "" };
    if (!count)
        return 0;
    firmware = klipkit_sim_firmware();
    framed = bytes[0] % MODES;
    input = bytes + 1;
    left = count - 1;
    frames = 0;
    now = awake = timer = 0;
    timers = 0;
    timer_set = false;
    if (!setjmp(over))
        firmware->start(&HOST, &PERSONA);
    return 0;
}

/* --- inputs --- */

/* What an input is made of: the commands that make an object, the kind that others name it by, the kind that its second parameter
 * names, and the commands that join it to a bus. */
static const struct plan {
    void (*config)(const uint32_t *args, void *object);
    const struct oid_kind *kind, *needs;
    void (*ways[2])(const uint32_t *args, void *object);
} PLANS[] = {
    { command_config_spi, &oid_kind_spi_device, NULL, { command_spi_set_bus, command_spi_set_sw_bus } },
    { command_config_spi_without_cs, &oid_kind_spi_device, NULL, { command_spi_set_bus, command_spi_set_sw_bus } },
    { command_config_i2c, &oid_kind_i2c_device, NULL, { command_i2c_set_bus, command_i2c_set_sw_bus } },
    { command_config_adxl345, &oid_kind_adxl345, &oid_kind_spi_device, { NULL } },
    { command_config_analog_in, &oid_kind_analog_in, NULL, { NULL } },
    { command_config_buttons, &oid_kind_buttons, NULL, { NULL } },
    { command_config_counter, &oid_kind_counter, NULL, { NULL } },
    { command_config_digital_out, &oid_kind_digital_out, NULL, { NULL } },
    { command_config_endstop, &oid_kind_endstop, NULL, { NULL } },
    { command_config_hd44780, &oid_kind_hd44780, NULL, { NULL } },
    { command_config_neopixel, &oid_kind_neopixel, NULL, { NULL } },
    { command_config_pwm_out, &oid_kind_pwm_out, NULL, { NULL } },
    { command_config_spi_shutdown, NULL, &oid_kind_spi_device, { NULL } },
    { command_config_st7920, &oid_kind_st7920, NULL, { NULL } },
    { command_config_stepper, &oid_kind_stepper, NULL, { NULL } },
    { command_config_thermocouple, &oid_kind_thermocouple, &oid_kind_spi_device, { NULL } },
    { command_config_tmcuart, &oid_kind_tmcuart, NULL, { NULL } },
    { command_config_trsync, &oid_kind_trsync, NULL, { NULL } },
    { command_config_lis2dw, &oid_kind_lis2dw, &oid_kind_spi_device, { NULL } },
    { command_config_lis2dw, &oid_kind_lis2dw, &oid_kind_i2c_device, { NULL } },
    { command_config_bmi160, &oid_kind_bmi160, &oid_kind_spi_device, { NULL } },
    { command_config_bmi160, &oid_kind_bmi160, &oid_kind_i2c_device, { NULL } },
    { command_config_mpu9250, &oid_kind_mpu9250, &oid_kind_i2c_device, { NULL } },
    { command_config_icm20948, &oid_kind_icm20948, &oid_kind_i2c_device, { NULL } },
    { command_config_ads1220, &oid_kind_ads1220, &oid_kind_spi_device, { NULL } },
    { command_config_hx71x, &oid_kind_hx71x, NULL, { NULL } },
    { command_config_ldc1612, &oid_kind_ldc1612, &oid_kind_i2c_device, { NULL } },
    { command_config_ldc1612_with_intb, &oid_kind_ldc1612, &oid_kind_i2c_device, { NULL } },
    { command_config_sos_filter, &oid_kind_sos_filter, NULL, { NULL } },
    { command_config_trigger_analog, &oid_kind_trigger_analog, &oid_kind_sos_filter, { NULL } },
};
enum { PLAN_COUNT = sizeof PLANS / sizeof *PLANS, OBJECTS = 5 };

/* An input in the making: its objects so far, by oid. */
struct making {
    struct chance *chance;
    const struct oid_kind *kinds[OBJECTS];
    uint8_t objects;
    bool configured;
};

/* Before the end of the configuration most are small, so that objects come to be. */
static int64_t make_number(const struct making *making)
{
    struct chance *chance = making->chance;
    static const uint8_t SMALL[4] = { 2, 4, PINS, PINS };
    if (!making->configured && chance_below(chance, 32))
        return chance_below(chance, SMALL[chance_below(chance, 4)]);
    switch (chance_below(chance, 12)) {
    case 0:
        return chance_below(chance, 200000);
    case 1:
        return (int32_t)chance_next(chance);
    case 2:
        return (int64_t)chance_below(chance, 3) - 1;
    case 3:
        return chance_below(chance, PINS);
    case 4:
    case 5:
    case 6:
        return 1000 * (1 + chance_below(chance, 40)); /* a clock soon, ticks */
    default:
        return chance_below(chance, 4);
    }
}

/* A command with as many parameters as it has, of which the first `known` are given; gives its size, 0 when there is no room. */
static size_t make_command(struct making *making, uint16_t number, const uint8_t *given, uint8_t known, uint8_t *out,
                           size_t room)
{
    const struct command_row *row = &declared_commands[number];
    uint8_t made[128];
    size_t used = 0;
    if (!row->run)
        return 0;
    if (number > 0x7f)
        made[used++] = (uint8_t)(number >> 7) | 0x80;
    made[used++] = number & 0x7f;
    for (uint8_t i = 0; i < row->values; i++) {
        if (i != row->bytes_at) {
            used += vlq_encode(made + used, i < known ? given[i] : make_number(making));
            continue;
        }
        uint8_t count = (uint8_t)chance_below(making->chance, 24);
        made[used++] = count;
        while (count--)
            made[used++] = (uint8_t)chance_next(making->chance);
    }
    if (used > room)
        return 0;
    memcpy(out, made, used);
    return used;
}

/* The number of a command by its function. */
static uint16_t number_of(void (*run)(const uint32_t *args, void *object))
{
    uint16_t number = 0;
    while (declared_commands[number].run != run)
        number++;
    return number;
}

static uint8_t object_of(const struct making *making, const struct oid_kind *kind)
{
    uint8_t oid = 0;
    while (oid < making->objects && making->kinds[oid] != kind)
        oid++;
    return oid;
}

/* An object, and mostly its way to a bus. Nothing when what it needs is not there. */
static size_t make_planned(struct making *making, const struct plan *plan, uint8_t *out, size_t room)
{
    uint8_t given[2] = { making->objects, plan->needs ? object_of(making, plan->needs) : 0 };
    if (given[0] >= OBJECTS || (plan->needs && given[1] >= making->objects))
        return 0;
    size_t used = make_command(making, number_of(plan->config), given, plan->needs ? 2 : 1, out, room);
    if (!used)
        return 0;
    making->kinds[making->objects++] = plan->kind;
    if (plan->ways[0] && chance_below(making->chance, 8))
        used += make_command(making, number_of(plan->ways[chance_below(making->chance, 2)]), given, 1, out + used, room - used);
    return used;
}

static size_t make_object(struct making *making, uint8_t *out, size_t room)
{
    const struct plan *plan = &PLANS[chance_below(making->chance, PLAN_COUNT)], *needed = PLANS;
    size_t used = 0;
    if (plan->needs && object_of(making, plan->needs) == making->objects) {
        while (needed->kind != plan->needs)
            needed++;
        used = make_planned(making, needed, out, room);
    }
    return used + make_planned(making, plan, out + used, room - used);
}

/* A command to one of the objects there are, or any. */
static size_t make_any(struct making *making, uint8_t *out, size_t room)
{
    uint16_t number = (uint16_t)chance_below(making->chance, declared_command_count);
    uint8_t oid = (uint8_t)chance_below(making->chance, OBJECTS);
    if (oid >= making->objects || chance_below(making->chance, 16) == 0)
        return chance_below(making->chance, 4) ? 0 : make_command(making, number, NULL, 0, out, room);
    while (declared_commands[number].kind != making->kinds[oid])
        number = (uint16_t)((number + 1) % declared_command_count);
    return make_command(making, number, &oid, 1, out, room);
}

/* Payloads in the order of a host's: objects, the end of the configuration, commands to them. */
size_t fuzz_make(struct chance *chance, uint8_t *out)
{
    static const uint8_t OIDS = OBJECTS;
    struct making making = { .chance = chance };
    size_t used = 0;
    uint32_t payloads = 2 + chance_below(chance, 8), final = 1 + chance_below(chance, 2);
    out[used++] = (uint8_t)chance_below(chance, 8) ? 1 : 0;
    for (uint32_t i = 0; i < payloads; i++) {
        uint8_t *length = out + used++;
        size_t begin = used;
        if (i == 0)
            used += make_command(&making, number_of(command_allocate_oids), &OIDS, 1, out + used, 20);
        making.configured = i >= final;
        if (i == final)
            used += make_command(&making, number_of(command_finalize_config), &OIDS, 1, out + used, 20);
        for (uint32_t tries = 1 + chance_below(chance, 4); tries; tries--) {
            size_t room = FRAME_MOST - FRAME_LEAST - (used - begin);
            used += i < final && making.objects < OBJECTS ? make_object(&making, out + used, room)
                                                          : make_any(&making, out + used, room);
        }
        *length = (uint8_t)(used - begin);
    }
    return used;
}
