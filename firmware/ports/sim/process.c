/* klipkit-sim: the simulated microcontroller in a process of its own, in real time, behind a pty for a foreign host.
 *
 * The firmware's clock is the monotonic clock scaled to its frequency, but it waits for the firmware: it never passes a
 * timer that has not run, and within handlers it goes on at real speed. A process that was held up for a while finds
 * its timers due, not missed, and catches up as soon as there is time: a host sees a clock that was late, not a slow one.
 * Only of a stall of more than OWED_MOST, or one that takes longer than CATCH_UP_MOST to catch up, the rest is forgotten.
 *
 * Bytes wait for the clock: it has to be where it would be when they came, else an answer would name a clock from before its
 * question, and a host that learns the clock from such answers would think it slow, and send what it plans too late.
 *
 *     seen = min(monotonic - forgotten, timer, last seen + slept + what passed, TOLERANCE at most)
 */
#define _GNU_SOURCE /* ppoll */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "ports/sim/options.h"
#include "ports/sim/terminal.h"

#define NS 1000000000ULL
#define OWED_MOST (5 * NS) /* that the clock catches up after a stall; a host gives up sooner */
#define CATCH_UP_MOST NS   /* of real time, that bytes wait: a process that is always too slow must listen as well */

enum {
    TOLERANCE_HZ = 5000,  /* 0.2 ms: more than this within a handler is a stall, and is caught up later */
    SLEEP_HZ = 100,       /* a sleep is 10 ms at most, so that a longer one is seen to be a stall */
    INPUT_HZ = 2000,      /* bytes are looked for this often while timers leave no pause */
    PIECE = 64,           /* bytes taken at a time, well below the firmware's ring */
};

static const struct sim_firmware *firmware;
static struct options options;
static int terminal;
static FILE *edges;
static volatile sig_atomic_t ended;

static uint64_t base;      /* monotonic ns at which the clock was, or would have been, 0 */
static uint64_t observed;  /* monotonic ns of the newest observation */
static uint64_t seen;      /* ticks: newest clock that the firmware may know */
static uint64_t timer;     /* ticks */
static uint64_t looked;    /* ticks: when bytes were last looked for */
static uint64_t late_since; /* monotonic ns from when on the clock has been late, 0 when it is not */
static uint64_t fed;       /* ticks: when the main loop fed the watchdog last */
static bool timer_set, enabled, interrupting, watched;
static jmp_buf restart;    /* of the firmware */

/* --- time --- */

static uint64_t monotonic(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_nsec;
}

static uint64_t ticks_of(uint64_t ns)
{
    uint64_t frequency = options.persona.clock_frequency;
    return ns / NS * frequency + ns % NS * frequency / NS;
}

static uint64_t ns_of(uint64_t ticks)
{
    uint64_t frequency = options.persona.clock_frequency;
    return ticks / frequency * NS + ticks % frequency * NS / frequency;
}

static uint64_t part(uint32_t hz)
{
    return options.persona.clock_frequency / hz;
}

/* The clock now, after at most `slept` ticks of sleep on purpose. */
static uint64_t observe(uint64_t slept)
{
    uint64_t real = monotonic(), passed = ticks_of(real - observed);
    uint64_t clock = ticks_of(real - base), most = seen + slept;
    observed = real;
    most += passed < part(TOLERANCE_HZ) ? passed : part(TOLERANCE_HZ);
    if (timer_set && timer < most)
        most = timer;
    if (clock > most) {
        clock = most > seen ? most : seen + 1; /* it goes on for a firmware that waits for it */
        if (real - base > ns_of(clock) + OWED_MOST)
            base = real - ns_of(clock) - OWED_MOST;
    }
    if (clock > seen)
        seen = clock;
    return seen;
}

/* --- interrupts --- */

static bool take_timer(void)
{
    if (!enabled || interrupting || !timer_set || timer > seen)
        return false;
    timer_set = false;
    interrupting = true;
    firmware->timer_interrupt();
    interrupting = false;
    return true;
}

/* A signal that comes just before a sleep waits for its end, 10 ms at most. */
static void end_if_asked(void)
{
    if (!ended)
        return;
    terminal_close();
    exit(0);
}

/* Whether the clock is where it would be without stalls, or is now taken to be. */
static bool caught_up(void)
{
    uint64_t real = monotonic();
    bool late = ticks_of(real - base) > seen + part(TOLERANCE_HZ);
    if (late && !late_since)
        late_since = real;
    if (late && real - late_since < CATCH_UP_MOST)
        return false;
    if (late)
        base = real - ns_of(seen);
    late_since = 0;
    return true;
}

static bool take_bytes(void)
{
    uint8_t bytes[PIECE];
    if (!enabled || interrupting)
        return false;
    looked = seen;
    end_if_asked();
    terminal_flush();
    if (!caught_up())
        return false;
    size_t count = terminal_receive(bytes, sizeof bytes);
    for (size_t i = 0; i < count; i++)
        firmware->byte_interrupt(bytes[i]);
    return count > 0;
}

static bool take_due(void)
{
    bool any = take_timer();
    if (!any || seen - looked > part(INPUT_HZ))
        any |= take_bytes();
    return any;
}

/* Sleep until the timer, a byte or a signal; gives the ticks that were meant to be slept. */
static uint64_t wait_for_event(void)
{
    uint64_t until = seen + (!caught_up() ? part(INPUT_HZ) : part(SLEEP_HZ));
    if (timer_set && timer < until)
        until = timer;
    uint64_t meant = until > seen ? until - seen : 0;
    uint64_t wake = base + ns_of(until), now = monotonic();
    uint64_t left = wake > now ? wake - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / NS), .tv_nsec = (long)(left % NS)};
    struct pollfd poll_terminal = {.fd = terminal, .events = POLLIN};
    ppoll(&poll_terminal, 1, &timeout, NULL);
    return meant;
}

/* --- what the firmware calls --- */

static uint32_t read_clock(void *ctx)
{
    (void)ctx;
    observe(0);
    if (watched && seen - fed > part(SIM_WATCHDOG_HZ))
        longjmp(restart, 1);
    take_timer();
    return (uint32_t)seen;
}

static void set_timer(void *ctx, uint32_t clock)
{
    (void)ctx;
    timer = seen + (uint64_t)(int64_t)(int32_t)(clock - (uint32_t)seen);
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
    observe(0);
    while (!take_due()) {
        uint64_t slept = wait_for_event();
        observe(slept);
    }
}

static void poll_interrupts(void *ctx)
{
    (void)ctx;
    observe(0);
    take_due();
}

/* Nothing is connected to the pins; their edges can be noted. */
static void pin_setup(void *ctx, uint32_t pin, int mode, int level)
{
    (void)ctx, (void)pin, (void)mode, (void)level;
}

static void pin_write(void *ctx, uint32_t pin, int level)
{
    (void)ctx;
    if (edges)
        fprintf(edges, "%llu\t%u\t%d\n", (unsigned long long)seen, pin, level != 0);
}

static int pin_read(void *ctx, uint32_t pin)
{
    (void)ctx, (void)pin;
    return 0;
}

/* Analog inputs are in the middle of their range, where a host takes most sensors for healthy. */
static int analog_setup(void *ctx, uint32_t pin)
{
    (void)ctx, (void)pin;
    return 0;
}

static uint32_t analog_read(void *ctx, uint32_t pin)
{
    (void)ctx, (void)pin;
    return options.persona.adc_max / 2;
}

static int pwm_setup(void *ctx, uint32_t pin, uint32_t cycle_ticks, uint32_t value)
{
    (void)ctx, (void)pin, (void)cycle_ticks, (void)value;
    return 0;
}

static void pwm_write(void *ctx, uint32_t pin, uint32_t value)
{
    (void)ctx, (void)pin, (void)value;
}

/* Nor to the buses. */
static int spi_setup(void *ctx, uint32_t bus, int mode, uint32_t rate)
{
    (void)ctx, (void)bus, (void)mode, (void)rate;
    return 0;
}

static void spi_transfer(void *ctx, uint32_t bus, int mode, uint32_t rate, uint8_t *bytes, size_t count)
{
    (void)ctx, (void)bus, (void)mode, (void)rate;
    memset(bytes, 0, count);
}

static int i2c_setup(void *ctx, uint32_t bus, uint32_t rate)
{
    (void)ctx, (void)bus, (void)rate;
    return 0;
}

static int i2c_transfer(void *ctx, uint32_t bus, uint32_t address, const uint8_t *write, size_t write_count, uint8_t *read,
                        size_t read_count)
{
    (void)ctx, (void)bus, (void)address, (void)write, (void)write_count;
    memset(read, 0, read_count);
    return SIM_I2C_START_NACK;
}

static void send(void *ctx, const uint8_t *bytes, size_t count)
{
    (void)ctx;
    terminal_send(bytes, count);
}

static size_t send_room(void *ctx)
{
    (void)ctx;
    return terminal_room();
}

static void watchdog(void *ctx)
{
    (void)ctx;
    fed = seen;
    watched = true;
}

static void reset(void *ctx)
{
    (void)ctx; /* start() comes back, and is called again */
}

/* --- process --- */

static void end(int signal)
{
    (void)signal;
    ended = 1;
}

static void catch_signals(void)
{
    static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = end};
    for (size_t i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++)
        sigaction(SIGNALS[i], &action, NULL);
}

int main(int argc, char **argv)
{
    static const struct sim_host HOST = {NULL, read_clock, set_timer, irq_enabled, idle, poll_interrupts,
                                         pin_setup, pin_write, pin_read, send, send_room, reset, analog_setup, analog_read,
                                         pwm_setup, pwm_write, spi_setup, spi_transfer, i2c_setup, i2c_transfer, watchdog};
    options_read(&options, argc, argv);
    if (options.edges && !(edges = fopen(options.edges, "w")))
        options_fail(2, "--edges: cannot write the file: %s", strerror(errno));
    catch_signals();
    terminal = terminal_open(options.link);
    prctl(PR_SET_TIMERSLACK, 1000UL); /* ns; the default of 50 us is a quarter of the tolerance */
    firmware = klipkit_sim_firmware();
    base = observed = monotonic();
    setjmp(restart);
    for (;;) {
        timer_set = enabled = interrupting = watched = false;
        firmware->start(&HOST, &options.persona);
    }
}
