/* A surround for one simulated MCU that plays a long schedule of payloads and writes each edge, in binary.
 *
 *     play FIRMWARE.so SCHEDULE EDGES < /dev/null > bytes sent by the MCU
 *
 * SCHEDULE, little endian:   u64 pins, u64 clock to start at, u64 clock to end at, u64 payloads;
 *                            u64 clock of each payload;  u8 length of each payload;  the payloads
 * EDGES:                     u64 each, clock << 16 | pin << 1 | level
 *
 * A payload is sealed into a frame and comes as a whole at its clock. Reads of the clock take no time, so that timers run
 * exactly when they are due; nothing in the firmware of this port waits by reading it.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/ports/sim/abi.h"
#include "klipkit/wire/frame.h"

enum { PINS_MOST = 256, PIN_SHIFT = 1, CLOCK_SHIFT = 16, MOVE_MEMORY = 60000 };

static struct schedule {
    uint64_t pins, begin, end, count;
} schedule;
static uint64_t *clocks;
static uint8_t *lengths, *payloads;
static uint64_t next, now, timer;
static bool timer_set;
static int levels[PINS_MOST];
static FILE *edges;
static const char *pin_names[PINS_MOST];
static struct sim_persona persona = {
    .mcu = "test", .clock_frequency = 16000000, .adc_max = 1023, .pwm_max = 255, .move_memory = MOVE_MEMORY,
    .pins = pin_names, .constants = "", .enumerations = "",
};
static const struct sim_firmware *firmware;

static void finish(void)
{
    bool bad = fclose(edges) || fflush(stdout);
    exit(bad ? 3 : 0);
}

static void receive(void)
{
    uint8_t frame[FRAME_MOST];
    memcpy(frame + FRAME_HEADER, payloads, lengths[next]);
    size_t length = frame_seal(frame, lengths[next], next);
    payloads += lengths[next++];
    for (size_t i = 0; i < length; i++)
        firmware->byte_interrupt(frame[i]);
}

/* What is due: the earliest timer or payload. One payload at a time, as the receive ring is not for many. */
static bool take_due(void)
{
    bool payload_due = next < schedule.count && clocks[next] <= now;
    bool timer_due = timer_set && timer <= now;
    if (timer_due && !(payload_due && clocks[next] < timer)) {
        timer_set = false;
        firmware->timer_interrupt();
    } else if (payload_due) {
        receive();
    }
    return timer_due || payload_due;
}

static uint32_t read_clock(void *ctx)
{
    (void)ctx;
    return (uint32_t)now;
}

static void set_timer(void *ctx, uint32_t clock)
{
    (void)ctx;
    timer = now + (uint64_t)(int64_t)(int32_t)(clock - (uint32_t)now);
    timer_set = true;
}

static void irq_enabled(void *ctx, int value)
{
    (void)ctx, (void)value; /* interrupts come within idle() only, one at a time */
}

static void idle(void *ctx)
{
    (void)ctx;
    while (!take_due()) {
        uint64_t soonest = schedule.end;
        if (timer_set && timer < soonest)
            soonest = timer;
        if (next < schedule.count && clocks[next] < soonest)
            soonest = clocks[next];
        now = soonest > now ? soonest : now;
        if (now >= schedule.end)
            finish();
    }
}

static void poll(void *ctx)
{
    (void)ctx;
}

static void write_edge(uint32_t pin, int level)
{
    if (levels[pin] == level)
        return;
    levels[pin] = level;
    uint64_t edge = now << CLOCK_SHIFT | (uint64_t)pin << PIN_SHIFT | (uint64_t)level;
    if (fwrite(&edge, sizeof edge, 1, edges) != 1)
        exit(3);
}

static void pin_setup(void *ctx, uint32_t pin, int mode, int level)
{
    (void)ctx, (void)mode;
    write_edge(pin, level);
}

static void pin_write(void *ctx, uint32_t pin, int level)
{
    (void)ctx;
    write_edge(pin, level);
}

static int pin_read(void *ctx, uint32_t pin)
{
    (void)ctx;
    return levels[pin];
}

static void send(void *ctx, const uint8_t *bytes, size_t count)
{
    (void)ctx;
    fwrite(bytes, 1, count, stdout);
}

static size_t send_room(void *ctx)
{
    (void)ctx;
    return 96;
}

static void watchdog(void *ctx)
{
    (void)ctx;
}

static void reset(void *ctx)
{
    (void)ctx;
}

static void *read_items(FILE *file, size_t size, size_t count)
{
    void *items = malloc(size * count + 1);
    if (!items || fread(items, size, count, file) != count) {
        fprintf(stderr, "play: the schedule is cut short\n");
        exit(2);
    }
    return items;
}

static void read_schedule(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t total = 0;
    if (!file || fread(&schedule, sizeof schedule, 1, file) != 1 || schedule.pins > PINS_MOST) {
        fprintf(stderr, "play: no schedule in %s\n", path);
        exit(2);
    }
    clocks = read_items(file, sizeof *clocks, schedule.count);
    lengths = read_items(file, 1, schedule.count);
    for (uint64_t i = 0; i < schedule.count; i++)
        total += lengths[i];
    payloads = read_items(file, 1, total);
    fclose(file);
}

int main(int argc, char **argv)
{
    static const struct sim_host HOST = {
        .read_clock = read_clock, .set_timer = set_timer, .irq_enabled = irq_enabled, .idle = idle, .poll = poll,
        .pin_setup = pin_setup, .pin_write = pin_write, .pin_read = pin_read, .send = send, .send_room = send_room,
        .reset = reset, .watchdog = watchdog,
    };
    void *object = argc == 4 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!object) {
        fprintf(stderr, "play: %s\n", argc == 4 ? dlerror() : "FIRMWARE.so SCHEDULE EDGES");
        return 2;
    }
    const struct sim_firmware *(*get)(void);
    *(void **)&get = dlsym(object, "klipkit_sim_firmware");
    firmware = get();
    read_schedule(argv[2]);
    edges = fopen(argv[3], "wb");
    if (!edges)
        return 2;
    persona.pin_count = schedule.pins;
    for (uint64_t i = 0; i < schedule.pins; i++)
        pin_names[i] = "";
    now = schedule.begin;
    for (;;)
        firmware->start(&HOST, &persona);
}
