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

enum { PINS = 40, TIMERS_MOST = 60, MOVE_MEMORY = 600, MODES = 2, READ_TICKS = 16, WATCHDOG = 8000000 };

static const uint8_t *input;
static size_t left;
static bool framed;
static uint64_t frames;
static uint64_t now, awake; /* ticks; when the main loop last slept */
static uint32_t timer;
static int timers;
static bool timer_set, levels[PINS];
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
    (void)ctx, (void)mode;
    CHECK(pin < PINS, "pin %u", pin);
    levels[pin] = level;
}

static void pin_write(void *ctx, uint32_t pin, int level)
{
    (void)ctx;
    CHECK(pin < PINS, "pin %u", pin);
    levels[pin] = level;
}

static int pin_read(void *ctx, uint32_t pin)
{
    (void)ctx;
    CHECK(pin < PINS, "pin %u", pin);
    return levels[pin];
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

static int64_t make_number(struct chance *chance)
{
    switch (chance_below(chance, 6)) {
    case 0:
        return chance_below(chance, 200000);
    case 1:
        return (int32_t)chance_next(chance);
    case 2:
        return (int64_t)chance_below(chance, 3) - 1;
    default:
        return chance_below(chance, 12);
    }
}

/* One command with as many parameters as it has; gives its size, 0 when there is no room for it. */
static size_t make_command(struct chance *chance, uint16_t number, uint8_t *out, size_t room)
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
            used += vlq_encode(made + used, make_number(chance));
            continue;
        }
        uint8_t count = (uint8_t)chance_below(chance, 24);
        made[used++] = count;
        while (count--)
            made[used++] = (uint8_t)chance_next(chance);
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

/* Payloads in the order of a host's: objects, the end of the configuration, commands to them. */
size_t fuzz_make(struct chance *chance, uint8_t *out)
{
    size_t used = 0;
    uint32_t payloads = 2 + chance_below(chance, 12), final = 1 + chance_below(chance, payloads);
    out[used++] = (uint8_t)chance_below(chance, 8) ? 1 : 0;
    for (uint32_t i = 0; i < payloads; i++) {
        uint8_t *length = out + used++;
        size_t begin = used;
        if (i == 0) {
            out[used++] = (uint8_t)number_of(command_allocate_oids);
            out[used++] = 12;
        }
        if (i == final)
            used += make_command(chance, number_of(command_finalize_config), out + used, 20);
        for (uint32_t tries = 1 + chance_below(chance, 8); tries; tries--) {
            uint16_t number = (uint16_t)chance_below(chance, declared_command_count);
            used += make_command(chance, number, out + used, FRAME_MOST - FRAME_LEAST - (used - begin));
        }
        *length = (uint8_t)(used - begin);
    }
    return used;
}
