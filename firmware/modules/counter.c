/* Inputs whose edges are counted by polling, as of a fan's tachometer. */
#include <stdbool.h>
#include <stddef.h>

#include "core/declare.h"
#include "core/oid.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/gpio.h"
#include "hal/irq.h"

RESPONSE(counter_state, "oid=%c next_clock=%u count=%u count_clock=%u");

struct counter {
    struct timer timer;      /* of the next poll */
    struct counter *next;    /* of all there are */
    struct gpio_in pin;
    uint32_t poll_ticks, sample_ticks;
    uint32_t report_clock;   /* the first poll after this makes a report */
    uint32_t count;          /* edges; the lowest bit is the level */
    uint32_t edge_clock;     /* poll that found the last of them */
    uint8_t oid;
    bool due;
};

static struct counter *all;
static volatile bool any_due;

STARTUP_ZERO(counter)
{
    all = NULL;
    any_due = false;
}

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
        c->due = any_due = true;
        sched_wake();
    }
    timer->clock = clock + c->poll_ticks;
    return true;
}

const struct oid_kind oid_kind_counter = {NULL};

COMMAND(config_counter, "oid=%c pin=%u pull_up=%c")
{
    struct counter *c = oid_new(args[0], &oid_kind_counter, sizeof *c);
    c->pin = gpio_in_setup(args[1], (int8_t)args[2]);
    c->oid = (uint8_t)args[0];
    c->timer.run = poll_run;
    c->next = all;
    all = c;
}

COMMAND_TO(counter, query_counter, "oid=%c clock=%u poll_ticks=%u sample_ticks=%u")
{
    struct counter *c = object;
    irq_disable();
    sched_remove(&c->timer);
    c->timer.clock = c->report_clock = args[1];
    c->poll_ticks = args[2];
    c->sample_ticks = args[3];
    c->due = false;
    if (c->poll_ticks)
        sched_add(&c->timer);
    irq_enable();
}

static void report(struct counter *c)
{
    irq_disable();
    bool due = c->due;
    uint32_t next_clock = c->timer.clock, count = c->count, edge_clock = c->edge_clock;
    c->due = false;
    irq_enable();
    if (due)
        send_counter_state(c->oid, next_clock, count, edge_clock);
}

TASK(counter)
{
    if (!any_due)
        return;
    any_due = false;
    for (struct counter *c = all; c; c = c->next)
        report(c);
}
