/* Timers, tasks and the shutdown latch: see sched.h. */
#include "core/sched.h"

#include <setjmp.h>
#include <stddef.h>

#include "core/declare.h"
#include "core/row.h"
#include "core/stats.h"
#include "hal/clock.h"
#include "hal/irq.h"
#include "hal/reset.h"

enum {
    LATE_HZ = 1000,    /* a timer that runs more than 1/LATE_HZ s late is a shutdown */
    BREATH_HZ = 1000,  /* timers that follow each other without a gap for 1/BREATH_HZ s ... */
    PAUSE_HZ = 50000,  /* ... wait 1/PAUSE_HZ s, so that tasks and the console are not starved */
    HEARTBEAT_HZ = 10, /* passes of the main loop when nothing else wakes it: garbage is looked at, uptime kept */
};

RESPONSE(starting, "");
RESPONSE(shutdown, "clock=%u static_string_id=%hu");

static struct timer heartbeat; /* always in the list */
static uint32_t armed;         /* when the interrupt comes */
static bool running;           /* timers run: what they change is armed for when they are done */
volatile bool sched_woken;

static jmp_buf main_loop;
bool sched_stopped;
static uint8_t first_text;
static uint32_t stop_clock;

/* --- timers --- */

/* The timer that runs stays the first of the list: others come after it. */
static struct timer **first_place(void)
{
    return running ? &row_first->next : &row_first;
}

static void link_timer(struct timer *timer)
{
    struct timer **place = first_place();
    while (*place && !clock_is_before(timer->clock, (*place)->clock))
        place = &(*place)->next;
    timer->next = *place;
    *place = timer;
}

static void unlink_timer(const struct timer *timer)
{
    struct timer **place = first_place();
    while (*place && *place != timer)
        place = &(*place)->next;
    if (*place)
        *place = timer->next;
}

static bool arm(uint32_t clock)
{
    if (!clock_arm(clock))
        return false;
    armed = clock;
    return true;
}

/* Timers have followed each other without a gap since `begun`: when that is too long, let the tasks have a pause. */
static bool pause(uint32_t begun)
{
    uint32_t now = clock_now();
    return now - begun > clock_frequency() / BREATH_HZ &&
           arm(clock_later(row_first->clock, now + clock_frequency() / PAUSE_HZ));
}

/* Run the first timer, which is due since `begun`, and what is due after it, until the next one is far enough away for an
 * interrupt. The clock is not read before the first timer runs: its edge is on time. */
static void run_due(uint32_t begun)
{
    running = true;
    for (;;) {
        row_run();
        irq_breathe();
        int32_t late = (int32_t)(clock_now() - row_first->clock);
        if (late < 0) {
            if (arm(row_first->clock))
                break;
            clock_wait(row_first->clock);
        } else if (late > (int32_t)(clock_frequency() / LATE_HZ)) {
            shutdown("Rescheduled timer in the past");
        }
        if (pause(begun))
            break;
    }
    running = false;
}

void sched_interrupt(void)
{
    run_due(armed);
}

/* The list was changed, but not by a timer that runs: have the interrupt come for the one that is now first. */
static void settle(void)
{
    if (running || row_first->clock == armed || arm(row_first->clock))
        return;
    uint32_t now = clock_now();
    if (clock_is_before(now, row_first->clock))
        clock_wait(row_first->clock);
    run_due(now);
}

void sched_add(struct timer *timer)
{
    bool enabled = irq_save();
    if (clock_is_before(timer->clock, clock_now()))
        shutdown("Timer too close");
    link_timer(timer);
    settle();
    irq_restore(enabled);
}

void sched_remove(struct timer *timer)
{
    bool enabled = irq_save();
    unlink_timer(timer);
    settle();
    irq_restore(enabled);
}

void sched_move(struct timer *timer)
{
    bool enabled = irq_save();
    unlink_timer(timer);
    link_timer(timer);
    settle();
    irq_restore(enabled);
}

static bool heartbeat_run(struct timer *timer)
{
    timer->clock += clock_frequency() / HEARTBEAT_HZ;
    sched_wake();
    return true;
}

static void start_timers(void)
{
    row_first = NULL;
    running = false;
    heartbeat.run = heartbeat_run;
    heartbeat.clock = clock_now() + clock_frequency() / HEARTBEAT_HZ;
    armed = heartbeat.clock - 1; /* whatever was armed is not for this list */
    sched_add(&heartbeat);
}

STARTUP(sched)
{
    sched_stopped = false;
    first_text = 0;
    sched_woken = true;
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
    if (!sched_stopped)
        first_text = text;
    sched_stopped = true;
    start_timers();
    declared_on_shutdown();
    send_shutdown(stop_clock, first_text);
    sched_wake();
}

void sched_clear_shutdown(void)
{
    if (!sched_stopped)
        shutdown("Shutdown cleared when not shutdown");
    sched_stopped = false;
}

uint8_t sched_shutdown_text(void)
{
    return first_text;
}

/* --- tasks --- */

static void pass(void)
{
    irq_disable();
    while (!sched_woken)
        irq_wait();
    sched_woken = false;
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
