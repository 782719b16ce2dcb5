/* A test surround for one simulated MCU in virtual time: a script on stdin, what happened on stdout.
 *
 *     surround FIRMWARE.so < script
 *
 * Settings, first:   start CLOCK           the 64-bit clock at power-on; the firmware sees its low 32 bits
 *                    frequency HZ          read TICKS    what a read of the clock costs
 *                    byte TICKS            time of a received byte
 *                    room BYTES            what the transmit buffer takes (its bytes leave at once)
 *                    moves BYTES           memory for the move queue
 *                    pins NAME,NAME,...
 *                    wire OUT IN           the input follows the output
 *                    shift OUT IN BITS     at each rise of the output the input takes the next bit, written as 0 or 1
 *                    spi HEX               bytes that come in by hardware SPI, zeros after them
 *                    i2c STATUS HEX        the outcome of the next hardware I2C transfer, and the bytes read by it
 * Events, by clock:  rx CLOCK HEX          bytes that begin to come at this clock, one after the other
 *                    pin CLOCK PIN LEVEL   an input changes
 *                    analog CLOCK PIN VALUE
 * Last:              end CLOCK
 *
 * Printed:           tx CLOCK HEX | out CLOCK PIN LEVEL | mode CLOCK PIN MODE LEVEL | reset CLOCK | end CLOCK
 *                    pwm CLOCK PIN CYCLE VALUE | duty CLOCK PIN VALUE
 *                    spi CLOCK BUS MODE RATE HEX | i2c CLOCK BUS ADDRESS HEX COUNT     bytes sent, and how many are to be read
 *
 * Interrupts are given as abi.h says: within idle, poll and read_clock, while enabled. Time goes by reads and by sleep.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/ports/sim/abi.h"

enum { PINS_MOST = 256, TRANSFERS_MOST = 64, EVENTS_MOST = 200000, LINE_MOST = 65536 };

enum kind { BYTE, PIN, ANALOG };

struct event {
    uint64_t clock;
    enum kind kind;
    int pin;
    int value;
    size_t order;
};

static struct event events[EVENTS_MOST];
static size_t event_count, event_next;
static uint64_t now, end_clock = UINT64_MAX, timer;
static uint64_t fed; /* when the main loop fed the watchdog last */
static bool timer_set, enabled, interrupting, watched;
static jmp_buf restart;
static uint64_t read_cost = 1, byte_ticks = 640;
static size_t room = 96;
static int levels[PINS_MOST], analog[PINS_MOST];
static int wired[PINS_MOST]; /* by output: the input that follows it, plus 1 */
static int shifted[PINS_MOST], rose[PINS_MOST]; /* by output: the input that shows its bits, plus 1; its level */
static char shift_bits[LINE_MOST];
static size_t shift_next;
static uint8_t spi_bytes[LINE_MOST];
static size_t spi_count, spi_next;
static struct transfer {
    int status;
    uint8_t bytes[64];
} transfers[TRANSFERS_MOST];
static size_t transfer_count, transfer_next;
static char pin_text[LINE_MOST];
static const char *pin_names[PINS_MOST];
static struct sim_persona persona = {
    .mcu = "test", .clock_frequency = 16000000, .adc_max = 1023, .pwm_max = 255, .move_memory = 1200,
    .pins = pin_names, .constants = "", .enumerations = "",
};
static const struct sim_firmware *firmware;

static void finish(void)
{
    printf("end %llu\n", (unsigned long long)now);
    fflush(stdout);
    exit(0);
}

/* --- time --- */

static void interrupt_timer(void)
{
    timer_set = false;
    firmware->timer_interrupt();
}

/* Take one event that is due; false when there is none. */
static bool take_due(void)
{
    bool event_due = event_next < event_count && events[event_next].clock <= now;
    if (timer_set && timer <= now && !(event_due && events[event_next].clock < timer)) {
        interrupt_timer();
        return true;
    }
    if (!event_due)
        return false;
    const struct event *event = &events[event_next++];
    if (event->kind == PIN)
        levels[event->pin] = event->value;
    else if (event->kind == ANALOG)
        analog[event->pin] = event->value;
    else
        firmware->byte_interrupt((uint8_t)event->value);
    return true;
}

static bool take_all_due(void)
{
    bool any = false;
    if (interrupting)
        return false;
    interrupting = true;
    while (enabled && take_due())
        any = true;
    interrupting = false;
    return any;
}

static void bite(void)
{
    printf("reset %llu\n", (unsigned long long)now);
    longjmp(restart, 1);
}

static void watchdog(void *ctx)
{
    (void)ctx;
    fed = now;
    watched = true;
}

static uint32_t read_clock(void *ctx)
{
    (void)ctx;
    now += read_cost;
    if (now >= end_clock)
        finish();
    if (watched && now - fed > persona.clock_frequency / SIM_WATCHDOG_HZ)
        bite();
    take_all_due();
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
    (void)ctx;
    enabled = value;
}

static void idle(void *ctx)
{
    (void)ctx;
    while (!take_all_due()) {
        uint64_t next = end_clock;
        if (timer_set && timer < next)
            next = timer;
        if (event_next < event_count && events[event_next].clock < next)
            next = events[event_next].clock;
        now = next > now ? next : now;
        if (now >= end_clock)
            finish();
    }
}

static void poll(void *ctx)
{
    (void)ctx;
    take_all_due();
}

/* --- pins and wire --- */

static void follow(uint32_t pin, int level)
{
    if (wired[pin])
        levels[wired[pin] - 1] = level;
    if (shifted[pin] && level && !rose[pin] && shift_bits[shift_next])
        levels[shifted[pin] - 1] = shift_bits[shift_next++] == '1';
    rose[pin] = level;
}

static void pin_setup(void *ctx, uint32_t pin, int mode, int level)
{
    (void)ctx;
    if (mode == SIM_PIN_OUTPUT)
        follow(pin, level);
    printf("mode %llu %u %d %d\n", (unsigned long long)now, pin, mode, level);
}

static void pin_write(void *ctx, uint32_t pin, int level)
{
    (void)ctx;
    follow(pin, level);
    printf("out %llu %u %d\n", (unsigned long long)now, pin, level);
}

static int pin_read(void *ctx, uint32_t pin)
{
    (void)ctx;
    return levels[pin];
}

static void print_hex(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%02x", bytes[i]);
    if (!count)
        printf("-");
}

static void send(void *ctx, const uint8_t *bytes, size_t count)
{
    (void)ctx;
    printf("tx %llu ", (unsigned long long)now);
    print_hex(bytes, count);
    printf("\n");
}

static size_t send_room(void *ctx)
{
    (void)ctx;
    return room;
}

static void reset(void *ctx)
{
    (void)ctx;
    printf("reset %llu\n", (unsigned long long)now);
}

/* --- analog pins and buses, of which there is one each --- */

static int analog_setup(void *ctx, uint32_t pin)
{
    (void)ctx;
    return pin < persona.pin_count ? 0 : -1;
}

static uint32_t analog_read(void *ctx, uint32_t pin)
{
    (void)ctx;
    return (uint32_t)analog[pin];
}

static int pwm_setup(void *ctx, uint32_t pin, uint32_t cycle_ticks, uint32_t value)
{
    (void)ctx;
    if (pin >= persona.pin_count)
        return -1;
    printf("pwm %llu %u %u %u\n", (unsigned long long)now, pin, cycle_ticks, value);
    return 0;
}

static void pwm_write(void *ctx, uint32_t pin, uint32_t value)
{
    (void)ctx;
    printf("duty %llu %u %u\n", (unsigned long long)now, pin, value);
}

static int spi_setup(void *ctx, uint32_t bus, int mode, uint32_t rate)
{
    (void)ctx, (void)mode, (void)rate;
    return bus == 0 ? 0 : -1;
}

static void spi_transfer(void *ctx, uint32_t bus, int mode, uint32_t rate, uint8_t *bytes, size_t count)
{
    (void)ctx;
    printf("spi %llu %u %d %u ", (unsigned long long)now, bus, mode, rate);
    print_hex(bytes, count);
    printf("\n");
    for (size_t i = 0; i < count; i++)
        bytes[i] = spi_next < spi_count ? spi_bytes[spi_next++] : 0;
}

static int i2c_setup(void *ctx, uint32_t bus, uint32_t rate)
{
    (void)ctx, (void)rate;
    return bus == 0 ? 0 : -1;
}

static int i2c_transfer(void *ctx, uint32_t bus, uint32_t address, const uint8_t *write, size_t write_count, uint8_t *read,
                        size_t read_count)
{
    (void)ctx;
    printf("i2c %llu %u %u ", (unsigned long long)now, bus, address);
    print_hex(write, write_count);
    printf(" %zu\n", read_count);
    if (transfer_next == transfer_count)
        return SIM_I2C_START_NACK;
    const struct transfer *transfer = &transfers[transfer_next++];
    memcpy(read, transfer->bytes, read_count);
    return transfer->status;
}

/* --- script --- */

static void add_event(uint64_t clock, enum kind kind, int pin, int value)
{
    if (event_count == EVENTS_MOST) {
        fprintf(stderr, "surround: too many events\n");
        exit(2);
    }
    events[event_count] = (struct event){clock, kind, pin, value, event_count};
    event_count++;
}

static void add_bytes(uint64_t clock, const char *hex)
{
    unsigned value;
    for (; sscanf(hex, "%2x", &value) == 1; hex += 2) {
        clock += byte_ticks; /* a byte is there when its last bit is */
        add_event(clock, BYTE, 0, (int)value);
    }
}

static size_t read_hex(const char *hex, uint8_t *out, size_t most)
{
    size_t count = 0;
    unsigned value;
    for (; count < most && sscanf(hex, "%2x", &value) == 1; hex += 2)
        out[count++] = (uint8_t)value;
    return count;
}

static bool is_pin(int pin)
{
    return pin >= 0 && pin < PINS_MOST;
}

static bool read_peripheral(const char *line)
{
    static char rest[LINE_MOST];
    unsigned long long clock;
    int pin, value;
    if (sscanf(line, "analog %llu %d %d", &clock, &pin, &value) == 3 && is_pin(pin))
        add_event(clock, ANALOG, pin, value);
    else if (sscanf(line, "wire %d %d", &pin, &value) == 2 && is_pin(pin) && is_pin(value))
        wired[pin] = value + 1;
    else if (sscanf(line, "shift %d %d %65535s", &pin, &value, rest) == 3 && is_pin(pin) && is_pin(value)) {
        shifted[pin] = value + 1;
        strcpy(shift_bits, rest);
    } else if (sscanf(line, "spi %65535s", rest) == 1)
        spi_count += read_hex(rest, spi_bytes + spi_count, LINE_MOST - spi_count);
    else if (sscanf(line, "i2c %d %65535s", &value, rest) == 2 && transfer_count < TRANSFERS_MOST) {
        transfers[transfer_count].status = value;
        read_hex(rest, transfers[transfer_count++].bytes, sizeof transfers[0].bytes);
    } else
        return false;
    return true;
}

static void name_pins(char *names)
{
    for (char *name = strtok(names, ",\n"); name && persona.pin_count < PINS_MOST; name = strtok(NULL, ",\n"))
        pin_names[persona.pin_count++] = strcmp(name, "-") ? name : "";
}

static void set(const char *word, uint64_t value)
{
    if (!strcmp(word, "start"))
        now = value;
    else if (!strcmp(word, "frequency"))
        persona.clock_frequency = (uint32_t)value;
    else if (!strcmp(word, "read"))
        read_cost = value;
    else if (!strcmp(word, "byte"))
        byte_ticks = value;
    else if (!strcmp(word, "room"))
        room = (size_t)value;
    else if (!strcmp(word, "moves"))
        persona.move_memory = (uint32_t)value;
    else if (!strcmp(word, "end"))
        end_clock = value;
    else {
        fprintf(stderr, "surround: unknown word %s\n", word);
        exit(2);
    }
}

static void read_line(char *line)
{
    static char word[16], rest[LINE_MOST];
    unsigned long long value;
    int pin, level;
    if (read_peripheral(line))
        return;
    if (sscanf(line, "pins %65535s", pin_text) == 1)
        name_pins(pin_text);
    else if (sscanf(line, "rx %llu %65535s", &value, rest) == 2)
        add_bytes(value, rest);
    else if (sscanf(line, "pin %llu %d %d", &value, &pin, &level) == 3 && is_pin(pin))
        add_event(value, PIN, pin, level);
    else if (sscanf(line, "%15s %llu", word, &value) == 2)
        set(word, value);
}

static int by_clock(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->clock != y->clock)
        return x->clock < y->clock ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

int main(int argc, char **argv)
{
    static char line[LINE_MOST];
    static const struct sim_host HOST = {NULL, read_clock, set_timer, irq_enabled, idle, poll, pin_setup, pin_write,
                                         pin_read, send, send_room, reset, analog_setup, analog_read,
                                         pwm_setup, pwm_write, spi_setup, spi_transfer, i2c_setup, i2c_transfer,
                                         watchdog};
    void *object = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!object) {
        fprintf(stderr, "surround: %s\n", argc == 2 ? dlerror() : "one argument, the firmware's shared object");
        return 2;
    }
    const struct sim_firmware *(*get)(void);
    *(void **)&get = dlsym(object, "klipkit_sim_firmware");
    firmware = get();
    while (fgets(line, sizeof line, stdin))
        read_line(line);
    qsort(events, event_count, sizeof events[0], by_clock);
    setjmp(restart);
    for (;;) {
        timer_set = enabled = interrupting = watched = false;
        firmware->start(&HOST, &persona);
    }
}
