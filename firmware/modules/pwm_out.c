/* Outputs of hardware PWM that change at scheduled clocks.
 *
 * Safety: an output with a max_duration that is away from its default value for longer than that without a new update shuts
 * the MCU down.
 */
#include <stdbool.h>
#include <stddef.h>

#include "core/declare.h"
#include "core/moves.h"
#include "core/oid.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/irq.h"
#include "hal/pwm.h"

struct duty {
    struct move move;
    uint16_t value;
    uint32_t clock;
};

struct pwm {
    struct timer timer;       /* of the first update, or of the limit */
    struct pwm_out pin;
    uint32_t max_duration;    /* ticks, 0 for no limit */
    uint32_t limit_clock;     /* while `limited` */
    struct move_queue queue;  /* updates to come */
    uint16_t default_value;
    bool limited;
};

/* The output has `value` from `clock` on. */
static void set_limit(struct pwm *p, uint32_t clock, uint16_t value)
{
    p->limited = p->max_duration && value != p->default_value;
    p->limit_clock = clock + p->max_duration;
}

/* Set the timer to what comes next; false when nothing does. */
static bool plan(struct pwm *p)
{
    const struct duty *duty = moves_first(&p->queue);
    p->timer.clock = duty ? duty->clock : p->limit_clock;
    return duty || p->limited;
}

/* --- in interrupt --- */

static bool update_run(struct timer *timer)
{
    struct pwm *p = (struct pwm *)(void *)timer; /* its first member */
    const struct duty *duty = moves_first(&p->queue);
    if (!duty)
        shutdown("Missed scheduling of next hard pwm event");
    pwm_write(p->pin, duty->value);
    set_limit(p, duty->clock, duty->value);
    moves_drop_first(&p->queue);
    return plan(p);
}

/* --- commands --- */

/* To the default value, for good. Interrupts disabled. */
static void stop(void *object)
{
    struct pwm *p = object;
    sched_remove(&p->timer);
    moves_clear(&p->queue);
    p->limited = false;
    pwm_write(p->pin, p->default_value);
}

const struct oid_kind oid_kind_pwm_out = {stop};

/* Have the timer wait for what comes next now. Interrupts disabled. */
static void replan(struct pwm *p)
{
    sched_remove(&p->timer);
    if (plan(p))
        sched_move(&p->timer);
}

COMMAND(config_pwm_out, "oid=%c pin=%u cycle_ticks=%u value=%hu default_value=%hu max_duration=%u")
{
    uint16_t value = (uint16_t)args[3], default_value = (uint16_t)args[4];
    struct pwm_out pin = pwm_setup(args[1], args[2], default_value); /* safe if what follows shuts down */
    struct pwm *p = oid_new(args[0], &oid_kind_pwm_out, sizeof *p);
    p->pin = pin;
    p->default_value = default_value;
    p->max_duration = args[5];
    p->timer.run = update_run;
    moves_need(sizeof(struct duty));
    irq_disable();
    pwm_write(pin, value);
    set_limit(p, clock_read(), value);
    replan(p);
    irq_enable();
}

/* The limit that an update at `clock` has to keep: that of the update before it, or of the output as it is. */
static void check_limit(const struct pwm *p, uint32_t clock)
{
    const struct duty *last = moves_last(&p->queue);
    bool limited = last ? p->max_duration && last->value != p->default_value : p->limited;
    uint32_t limit = last ? last->clock + p->max_duration : p->limit_clock;
    if (limited && clock_is_before(limit, clock))
        shutdown("Scheduled pwm event will exceed max_duration");
}

COMMAND_TO(pwm_out, queue_pwm_out, "oid=%c clock=%u value=%hu")
{
    struct pwm *p = object;
    uint32_t clock = args[1];
    irq_disable();
    check_limit(p, clock);
    bool first = moves_empty(&p->queue);
    struct duty *duty = moves_append(&p->queue);
    duty->clock = clock;
    duty->value = (uint16_t)args[2];
    if (first) {
        if (clock_is_before(clock, clock_read()))
            shutdown("Timer too close");
        replan(p);
    }
    irq_enable();
}

COMMAND(set_pwm_out, "pin=%u cycle_ticks=%u value=%hu")
{
    pwm_setup(args[0], args[1], (uint16_t)args[2]);
}
