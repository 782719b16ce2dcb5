/* Endstops: a pin that is watched for a level, and triggers a trsync when it has kept it for some samples.
 *
 *     level  ______________________|~|_____|~~~~~~~~~~~~~~~
 *     reads        '           '   ''      ''''                each rest_ticks; sample_ticks apart while they match
 */
#include <stdbool.h>
#include <stddef.h>

#include "core/declare.h"
#include "core/oid.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/gpio.h"
#include "hal/irq.h"
#include "modules/trsync.h"

RESPONSE(endstop_state, "oid=%c homing=%c next_clock=%u pin_value=%c");

struct endstop {
    struct timer timer;     /* of the next read; in the list while `homing` */
    struct trsync *trsync;
    struct gpio_in pin;
    uint32_t next_clock;    /* a rest after the first read of the samples under way, or the next such read */
    uint32_t rest_ticks, sample_ticks;
    uint8_t sample_count;
    uint8_t left;           /* samples that must still match */
    uint8_t trigger_reason;
    bool level;             /* that is waited for */
    bool homing;
};

static bool read_run(struct timer *timer);
static bool confirm_run(struct timer *timer);

/* --- in interrupt --- */

static bool matched(struct endstop *e)
{
    if (--e->left) {
        e->timer.run = confirm_run;
        e->timer.clock += e->sample_ticks;
        return true;
    }
    e->homing = false;
    trsync_fire(e->trsync, e->trigger_reason);
    return false;
}

/* A read each rest_ticks until one matches. */
static bool read_run(struct timer *timer)
{
    struct endstop *e = (struct endstop *)(void *)timer; /* its first member */
    e->next_clock = timer->clock + e->rest_ticks;
    e->left = e->sample_count;
    if (gpio_in_read(e->pin) == e->level)
        return matched(e);
    timer->clock = e->next_clock;
    return true;
}

/* The further samples. One that does not match sends back to the reads, of which none is made up for. */
static bool confirm_run(struct timer *timer)
{
    struct endstop *e = (struct endstop *)(void *)timer;
    if (gpio_in_read(e->pin) == e->level)
        return matched(e);
    timer->run = read_run;
    timer->clock = clock_later(e->next_clock, timer->clock);
    return true;
}

/* --- commands --- */

static void stop(void *object)
{
    struct endstop *e = object;
    sched_remove(&e->timer);
    e->homing = false;
}

const struct oid_kind oid_kind_endstop = {stop};

COMMAND(config_endstop, "oid=%c pin=%c pull_up=%c")
{
    struct endstop *e = oid_new(args[0], &oid_kind_endstop, sizeof *e);
    e->pin = gpio_in_setup(args[1], (int8_t)args[2]);
}

COMMAND_TO(endstop, endstop_home, "oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u pin_value=%c trsync_oid=%c "
                      "trigger_reason=%c")
{
    struct endstop *e = object;
    uint8_t sample_count = (uint8_t)args[3];
    irq_disable();
    stop(e);
    if (sample_count) {
        e->timer.run = read_run;
        e->timer.clock = e->next_clock = args[1];
        e->sample_ticks = args[2];
        e->sample_count = sample_count;
        e->rest_ticks = args[4];
        e->level = (uint8_t)args[5] != 0;
        e->trsync = trsync_find(args[6]);
        e->trigger_reason = (uint8_t)args[7];
        e->homing = true;
        sched_add(&e->timer);
    }
    irq_enable();
}

COMMAND_TO(endstop, endstop_query_state, "oid=%c")
{
    const struct endstop *e = object;
    irq_disable();
    bool homing = e->homing;
    uint32_t next_clock = e->next_clock;
    irq_enable();
    send_endstop_state((uint8_t)args[0], homing, next_clock, gpio_in_read(e->pin));
}
