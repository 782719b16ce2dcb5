/* Outputs that change at scheduled clocks: on, off, or toggling as software PWM.
 *
 * Safety: an output with a max_duration that is away from its default level, or toggles, for longer than that without a new
 * update shuts the MCU down.
 *
 *     queue:  [clock on_ticks] [clock on_ticks] ...     one timer waits for the next of: toggle, update, limit
 */
#include <stdbool.h>
#include <stddef.h>

#include "core/declare.h"
#include "core/moves.h"
#include "core/oid.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/gpio.h"
#include "hal/irq.h"

struct update {
    struct move move;
    uint32_t clock, on_ticks;
};

struct digital_out {
    struct timer timer;
    struct gpio_out pin;
    uint32_t max_duration;         /* ticks, 0 for no limit */
    uint32_t cycle_ticks;          /* of software PWM, 0 for none */
    uint32_t on_ticks, off_ticks;  /* while toggling */
    uint32_t toggle_clock;         /* next edge, while toggling */
    uint32_t limit_clock;          /* while limited */
    struct move_queue queue;       /* updates to come */
    bool level, default_level;
    bool toggling;
    bool limited;
};

static struct digital_out *of_timer(struct timer *timer)
{
    return (struct digital_out *)(void *)((char *)timer - offsetof(struct digital_out, timer));
}

static void set_level(struct digital_out *d, bool level)
{
    d->level = level;
    gpio_out_write(d->pin, level);
}

/* From `clock` on the output is what it is now: is that for a limited time? */
static void set_limit(struct digital_out *d, uint32_t clock)
{
    d->limited = d->max_duration && (d->toggling || d->level != d->default_level);
    d->limit_clock = clock + d->max_duration;
}

/* Set the timer to what comes next; false when nothing does. */
static bool plan(struct digital_out *d)
{
    const struct update *update = moves_first(&d->queue);
    if (!update && !d->limited) {
        d->timer.clock = d->toggle_clock;
        return d->toggling;
    }
    uint32_t change = update ? update->clock : d->limit_clock;
    d->timer.clock = d->toggling && clock_is_before(d->toggle_clock, change) ? d->toggle_clock : change;
    return true;
}

/* --- in interrupt --- */

static void toggle(struct digital_out *d)
{
    set_level(d, !d->level);
    d->toggle_clock += d->level ? d->on_ticks : d->off_ticks;
}

static void apply(struct digital_out *d, const struct update *update)
{
    uint32_t on = update->on_ticks;
    set_level(d, on != 0);
    d->toggling = on && on < d->cycle_ticks;
    d->on_ticks = on;
    d->off_ticks = d->cycle_ticks - on;
    d->toggle_clock = update->clock + on;
    set_limit(d, update->clock);
    moves_drop_first(&d->queue);
}

static bool output_run(struct timer *timer)
{
    struct digital_out *d = of_timer(timer);
    const struct update *update = moves_first(&d->queue);
    if (update && update->clock == timer->clock)
        apply(d, update);
    else if (d->toggling && d->toggle_clock == timer->clock)
        toggle(d);
    else
        shutdown("Missed scheduling of next digital out event");
    return plan(d);
}

/* --- commands --- */

/* To the default level, for good. Interrupts disabled. */
static void stop(void *object)
{
    struct digital_out *d = object;
    sched_remove(&d->timer);
    moves_clear(&d->queue);
    d->toggling = d->limited = false;
    set_level(d, d->default_level);
}

const struct oid_kind oid_kind_digital_out = {stop};

/* Have the timer wait for what comes next now. Interrupts disabled. */
static void replan(struct digital_out *d)
{
    sched_remove(&d->timer);
    if (plan(d))
        sched_move(&d->timer);
}

COMMAND(config_digital_out, "oid=%c pin=%u value=%c default_value=%c max_duration=%u")
{
    bool level = (uint8_t)args[2] != 0, default_level = (uint8_t)args[3] != 0;
    struct gpio_out pin = gpio_out_setup(args[1], default_level); /* safe if what follows shuts down */
    struct digital_out *d = oid_new(args[0], &oid_kind_digital_out, sizeof *d);
    d->pin = pin;
    d->level = d->default_level = default_level;
    d->max_duration = args[4];
    d->timer.run = output_run;
    moves_need(sizeof(struct update));
    irq_disable();
    set_level(d, level);
    set_limit(d, clock_read());
    replan(d);
    irq_enable();
}

COMMAND_TO(digital_out, set_digital_out_pwm_cycle, "oid=%c cycle_ticks=%u")
{
    struct digital_out *d = object;
    irq_disable();
    if (!moves_empty(&d->queue))
        shutdown("Can not set soft pwm cycle ticks while updates pending");
    d->cycle_ticks = args[1];
    irq_enable();
}

/* The limit that an update at `clock` has to keep: that of the update before it, or of the output as it is. */
static void check_limit(const struct digital_out *d, uint32_t clock)
{
    const struct update *last = moves_last(&d->queue);
    bool limited = d->limited;
    uint32_t limit = d->limit_clock;
    if (last) {
        bool is_default = last->on_ticks ? d->default_level && last->on_ticks >= d->cycle_ticks : !d->default_level;
        limited = d->max_duration && !is_default;
        limit = last->clock + d->max_duration;
    }
    if (limited && clock_is_before(limit, clock))
        shutdown("Scheduled digital out event will exceed max_duration");
}

COMMAND_TO(digital_out, queue_digital_out, "oid=%c clock=%u on_ticks=%u")
{
    struct digital_out *d = object;
    uint32_t clock = args[1];
    irq_disable();
    check_limit(d, clock);
    bool first = moves_empty(&d->queue);
    struct update *update = moves_append(&d->queue);
    update->clock = clock;
    update->on_ticks = args[2];
    if (first) {
        if (clock_is_before(clock, clock_read()))
            shutdown("Timer too close");
        replan(d);
    }
    irq_enable();
}

COMMAND_TO(digital_out, update_digital_out, "oid=%c value=%c")
{
    struct digital_out *d = object;
    irq_disable();
    if (!moves_empty(&d->queue))
        shutdown("update_digital_out not valid with active queue");
    d->toggling = false;
    set_level(d, (uint8_t)args[1] != 0);
    set_limit(d, clock_read());
    replan(d);
    irq_enable();
}

COMMAND(set_digital_out, "pin=%u value=%c")
{
    gpio_out_setup(args[0], (uint8_t)args[1] != 0);
}
