/* Inputs whose edges are counted by polling, as of a fan's tachometer. */
#include <stdbool.h>
#include <stddef.h>

#include "core/declare.h"
#include "core/oid.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/gpio.h"
#include "hal/irq.h"
#include "modules/reporter.h"

RESPONSE(counter_state, "oid=%c next_clock=%u count=%u count_clock=%u");

struct counter {
    struct reporter reporter; /* its timer: of the next poll */
    struct gpio_in pin;
    uint32_t poll_ticks, sample_ticks;
    uint32_t report_clock;   /* the first poll after this makes a report */
    uint32_t count;          /* edges; the lowest bit is the level */
    uint32_t edge_clock;     /* poll that found the last of them */
};

static void report(void *object);

static bool poll_run(struct timer *timer)
{
    struct counter *c = (struct counter *)(void *)timer; /* its first member */
    uint32_t clock = timer->clock;
    if (gpio_in_read(c->pin) != (c->count & 1)) {
        c->count++;
        c->edge_clock = clock;
    }
    if (clock_is_before(c->report_clock, clock)) {
        c->report_clock = clock + c->sample_ticks;
        reporter_want(&c->reporter);
    }
    timer->clock = clock + c->poll_ticks;
    return true;
}

const struct oid_kind oid_kind_counter = {NULL};

COMMAND(config_counter, "oid=%c pin=%u pull_up=%c")
{
    struct counter *c = reporter_new(args[0], &oid_kind_counter, sizeof *c, poll_run, report);
    c->pin = gpio_in_setup(args[1], (int8_t)args[2]);
}

COMMAND_TO(counter, query_counter, "oid=%c clock=%u poll_ticks=%u sample_ticks=%u")
{
    struct counter *c = object;
    irq_disable();
    sched_remove(&c->reporter.timer);
    c->reporter.timer.clock = c->report_clock = args[1];
    c->poll_ticks = args[2];
    c->sample_ticks = args[3];
    c->reporter.due = false;
    if (c->poll_ticks)
        sched_add(&c->reporter.timer);
    irq_enable();
}

static void report(void *object)
{
    struct counter *c = object;
    uint32_t next_clock = c->reporter.timer.clock, count = c->count, edge_clock = c->edge_clock;
    irq_enable();
    send_counter_state(c->reporter.oid, next_clock, count, edge_clock);
}
