/* Timers, tasks and the shutdown latch: see sched.h. */
#include "core/sched.h"

#include <setjmp.h>
#include <stddef.h>

#include "core/declare.h"
#include "core/stats.h"
#include "hal/clock.h"
#include "hal/irq.h"
#include "hal/reset.h"

enum {
    LATE_HZ = 1000,    /* a timer that runs more than 1/LATE_HZ s late is a shutdown */
    BREATH_HZ = 2000,  /* timers that follow each other without a gap for 1/BREATH_HZ s ... */
    PAUSE_HZ = 50000,  /* ... wait 1/PAUSE_HZ s, so that tasks and the console are not starved */
    HEARTBEAT_HZ = 10, /* passes of the main loop when nothing else wakes it: garbage is looked at, uptime kept */
};

RESPONSE(starting, "");
RESPONSE(shutdown, "clock=%u static_string_id=%hu");

static struct timer *earliest; /* the list, sorted by clock */
static struct timer heartbeat;
static uint32_t heartbeat_ticks, late_ticks, breath_ticks, pause_ticks;
static uint32_t armed;     /* no interrupt comes before this clock */
static bool running;       /* a timer runs: what it adds is armed when it is done */
static volatile bool woken;

static jmp_buf main_loop;
static bool stopped;
static uint8_t first_text;
static uint32_t stop_clock;

/* --- timers --- */

static void link_timer(struct timer *timer)
{
    struct timer **place = &earliest;
    while (*place && !clock_is_before(timer->clock, (*place)->clock))
        place = &(*place)->next;
    timer->next = *place;
    *place = timer;
}

static void unlink_timer(const struct timer *timer)
{
    struct timer **place = &earliest;
    while (*place && *place != timer)
        place = &(*place)->next;
    if (*place)
        *place = timer->next;
}

static bool arm(uint32_t clock)
{
    armed = clock;
    return clock_arm(clock);
}

/* Run the first timer; gives the clock after it. */
static uint32_t run_first(void)
{
    struct timer *timer = earliest;
    uint32_t due = timer->clock;
    earliest = timer->next;
    if (timer->run(timer))
        link_timer(timer);
    uint32_t now = clock_read();
    if (clock_is_before(due + late_ticks, now))
        shutdown("Rescheduled timer in the past");
    return now;
}

/* Run what is due, at least up to `now`, until the next timer is far enough away for an interrupt. The clock is not read before
 * the first timer runs: its edge is on time. */
static void run_due(uint32_t now)
{
    uint32_t begun = now;
    running = true;
    while (earliest) {
        if (clock_is_before(now, earliest->clock)) {
            if (arm(earliest->clock))
                break;
            while (clock_is_before(now, earliest->clock))
                now = clock_read();
        }
        now = run_first();
        if (now - begun > breath_ticks && earliest && arm(clock_later(earliest->clock, now + pause_ticks)))
            break;
    }
    running = false;
}

void sched_interrupt(void)
{
    run_due(armed);
}

/* The timer was just linked: arm for it when it is the first. */
static void arm_linked(const struct timer *timer)
{
    if (earliest == timer && !running && !arm(timer->clock))
        run_due(clock_read());
}

void sched_add(struct timer *timer)
{
    bool enabled = irq_save();
    if (clock_is_before(timer->clock, clock_read()))
        shutdown("Timer too close");
    link_timer(timer);
    arm_linked(timer);
    irq_restore(enabled);
}

void sched_remove(struct timer *timer)
{
    bool enabled = irq_save();
    unlink_timer(timer); /* when an interrupt is armed for it, it will find nothing due and arm for the next */
    irq_restore(enabled);
}

void sched_move(struct timer *timer)
{
    bool enabled = irq_save();
    unlink_timer(timer);
    link_timer(timer);
    arm_linked(timer);
    irq_restore(enabled);
}

static bool heartbeat_run(struct timer *timer)
{
    timer->clock += heartbeat_ticks;
    sched_wake();
    return true;
}

static void start_timers(void)
{
    earliest = NULL;
    running = false;
    heartbeat.run = heartbeat_run;
    heartbeat.clock = clock_read() + heartbeat_ticks;
    sched_add(&heartbeat);
}

STARTUP(sched)
{
    late_ticks = clock_frequency() / LATE_HZ;
    breath_ticks = clock_frequency() / BREATH_HZ;
    pause_ticks = clock_frequency() / PAUSE_HZ;
    heartbeat_ticks = clock_frequency() / HEARTBEAT_HZ;
    stopped = false;
    first_text = 0;
    woken = true;
    start_timers();
}

/* --- shutdown --- */

void sched_shutdown(uint8_t text)
{
    irq_disable();
    stop_clock = clock_read();
    irq_leave(main_loop, text);
}

/* Follows each sched_shutdown(), at task level with interrupts disabled. */
static void stop_everything(uint8_t text)
{
    if (!stopped)
        first_text = text;
    stopped = true;
    start_timers();
    declared_on_shutdown();
    send_shutdown(stop_clock, first_text);
    sched_wake();
}

void sched_clear_shutdown(void)
{
    if (!stopped)
        shutdown("Shutdown cleared when not shutdown");
    stopped = false;
}

bool sched_is_shutdown(void)
{
    return stopped;
}

uint8_t sched_shutdown_text(void)
{
    return first_text;
}

/* --- tasks --- */

void sched_wake(void)
{
    woken = true;
}

static void pass(void)
{
    irq_disable();
    while (!woken)
        irq_wait();
    woken = false;
    irq_enable();
    irq_poll();
    uint32_t begun = clock_read();
    watchdog_feed();
    declared_tasks();
    stats_add(clock_read() - begun);
}

void sched_run(void)
{
    declared_startup();
    int text = setjmp(main_loop);
    if (text)
        stop_everything((uint8_t)text);
    else
        send_starting();
    for (;;)
        pass();
}
