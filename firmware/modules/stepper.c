/* Step and direction outputs that carry out runs of steps: count steps, the first `interval` ticks after the last step, each
 * further interval `add` ticks longer. Step n of a run that starts from T0 is at T0 + interval n + add n (n - 1) / 2.
 *
 *              T0          step       tail          step       tail
 *     step  ___|~~~~~|_____|~~~~~~~~~~|_____________|~~~~~~~~~~|____     a step on each rising edge
 *     step  ___|~~~~~~~~~~~|________________________|~~~~~~~~~~~~~~~     both-edge: no tail but after a run's last step
 *     dir   _________________________|~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~     changes at a tail only
 *
 * The tail comes a pulse after the step, and the next step not before a pulse after the tail; so the direction, which changes at
 * tails, is held for a pulse after each step and set up for a pulse before the next.
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
#include "modules/stepper.h"
#include "modules/trsync.h"

CONSTANT(STEPPER_STEP_BOTH_EDGE, 1);
RESPONSE(stepper_position, "oid=%c pos=%i");

enum { LAG_HZ = 1000 }; /* steps may be 1/LAG_HZ s late while the stepper runs */

struct run {
    struct move move;
    uint16_t count;
    uint32_t interval;
    int16_t add;
    bool forward; /* level of the direction pin */
};

struct stepper {
    struct train train;      /* its timer is in the list while `active` */
    struct gpio_out dir;
    uint32_t pulse;          /* ticks */
    uint32_t step_clock;     /* when the next step is planned, while none is: when the last one was */
    int32_t end_position;    /* after the current run, in steps */
    struct move_queue queue; /* the runs after the current one */
    struct trsync_listener on_trigger;
    bool level;              /* of the step pin */
    bool idle_level;
    bool both_edges;
    bool forward;            /* level of the direction pin */
    bool next_forward;       /* for runs to be queued */
    bool active;
    bool halted;             /* runs are ignored until reset_step_clock */
};

static bool step_run(struct timer *timer);
static bool tail_run(struct timer *timer);

static struct stepper *of_timer(struct timer *timer)
{
    return (struct stepper *)(void *)((char *)timer - offsetof(struct stepper, train.timer));
}

/* --- in interrupt --- */

/* When the planned step can be made: a pulse from now at least. */
static uint32_t possible_clock(const struct stepper *s)
{
    uint32_t earliest = clock_read() + s->pulse;
    if (!clock_is_before(s->step_clock, earliest))
        return s->step_clock;
    if (clock_is_before(s->step_clock + clock_frequency() / LAG_HZ, earliest))
        shutdown("Stepper too far in past");
    return earliest;
}

/* Take the next run, if there is one; the direction pin is still to be turned for it. */
static bool load(struct stepper *s)
{
    const struct run *run = moves_first(&s->queue);
    if (!run)
        return false;
    s->train.left = run->count;
    s->train.interval = run->interval;
    s->train.add = run->add;
    s->step_clock += run->interval;
    s->end_position += run->forward ? run->count : -(int32_t)run->count;
    s->forward = run->forward;
    moves_drop_first(&s->queue);
    return true;
}

static bool step_run(struct timer *timer)
{
    struct stepper *s = of_timer(timer);
    s->level = !s->level;
    gpio_out_write(s->train.step, s->level);
    if (--s->train.left) {
        s->train.interval += (uint32_t)(int32_t)s->train.add;
        s->step_clock += s->train.interval;
        if (s->both_edges) {
            timer->clock = possible_clock(s);
            return true;
        }
    }
    timer->run = tail_run;
    timer->clock = clock_read() + s->pulse;
    return true;
}

static bool tail_run(struct timer *timer)
{
    struct stepper *s = of_timer(timer);
    if (!s->both_edges) {
        s->level = s->idle_level;
        gpio_out_write(s->train.step, s->level);
    }
    if (!s->train.left) {
        bool was_forward = s->forward;
        s->active = load(s);
        if (!s->active)
            return false;
        if (s->forward != was_forward)
            gpio_out_write(s->dir, s->forward);
    }
    timer->run = step_run;
    timer->clock = possible_clock(s);
    return true;
}

/* --- in interrupt, for pulses that last no longer than what is computed meanwhile: step and tail in one --- */

static bool has_short_pulse(const struct stepper *s)
{
    return !s->both_edges && GPIO_PULSE_TICKS && s->pulse <= GPIO_PULSE_TICKS;
}

bool stepper_end_run(struct timer *timer)
{
    struct stepper *s = of_timer(timer);
    bool was_forward = s->forward;
    s->step_clock = timer->clock;
    s->active = load(s);
    gpio_out_toggle(s->train.step);
    if (s->forward != was_forward)
        gpio_out_write(s->dir, s->forward);
    timer->clock = s->step_clock;
    return s->active;
}

/* The timer's clock is the step's: one that is late does not make the next ones late. */
bool stepper_pulse(struct timer *timer)
{
    struct stepper *s = of_timer(timer);
    struct gpio_out step = s->train.step;
    gpio_out_toggle(step);
    if (--s->train.left == 0)
        return stepper_end_run(timer);
    s->train.interval += (uint32_t)(int32_t)s->train.add;
    timer->clock += s->train.interval;
    gpio_out_toggle(step);
    return true;
}

/* --- commands --- */

/* Stop at once and forget all runs. Interrupts disabled. */
static void halt(void *object)
{
    struct stepper *s = object;
    if (s->active) {
        sched_remove(&s->train.timer);
        s->active = false;
    }
    moves_clear(&s->queue);
    s->end_position -= s->forward ? s->train.left : -(int32_t)s->train.left;
    s->train.left = 0;
    s->halted = true;
    if (!s->both_edges && s->level != s->idle_level) {
        s->level = s->idle_level;
        gpio_out_write(s->train.step, s->level);
    }
}

const struct oid_kind oid_kind_stepper = {halt};

COMMAND(config_stepper, "oid=%c step_pin=%c dir_pin=%c invert_step=%c step_pulse_ticks=%u")
{
    int8_t invert = (int8_t)args[3];
    struct gpio_out step = gpio_out_setup(args[1], invert > 0), dir = gpio_out_setup(args[2], false);
    struct stepper *s = oid_new(args[0], &oid_kind_stepper, sizeof *s);
    s->both_edges = invert < 0;
    s->level = s->idle_level = invert > 0;
    s->pulse = args[4];
    s->train.step = step;
    s->dir = dir;
    moves_need(sizeof(struct run));
}

/* Start an idle stepper on its first run. Interrupts disabled. Not inline: its registers would be saved for each command. */
__attribute__((noinline)) static void start(struct stepper *s)
{
    bool was_forward = s->forward;
    s->active = load(s);
    s->train.timer.run = has_short_pulse(s) ? stepper_pulse : step_run;
    s->train.timer.clock = s->step_clock;
    if (s->forward != was_forward) {
        gpio_out_write(s->dir, s->forward);
        uint32_t now = clock_now();
        if (!has_short_pulse(s) && !clock_is_before(s->step_clock, now))
            s->train.timer.clock = clock_later(s->step_clock, now + s->pulse);
    }
    sched_add(&s->train.timer);
}

COMMAND_TO(stepper, queue_step, "oid=%c interval=%u count=%hu add=%hi")
{
    struct stepper *s = object;
    uint16_t count = (uint16_t)args[2];
    if (!count)
        shutdown("Invalid count parameter");
    irq_disable();
    if (!s->halted) {
        struct run *run = moves_append(&s->queue);
        run->count = count;
        run->interval = args[1];
        run->add = (int16_t)args[3];
        run->forward = s->next_forward;
        if (!s->active)
            start(s);
    }
    irq_enable();
}

COMMAND_TO(stepper, set_next_step_dir, "oid=%c dir=%c")
{
    struct stepper *s = object;
    s->next_forward = (uint8_t)args[1] != 0;
}

COMMAND_TO(stepper, reset_step_clock, "oid=%c clock=%u")
{
    struct stepper *s = object;
    irq_disable();
    if (s->active)
        shutdown("Can't reset time when stepper active");
    s->step_clock = args[1];
    s->halted = false;
    irq_enable();
}

static void triggered(struct trsync_listener *listener)
{
    halt((char *)listener - offsetof(struct stepper, on_trigger));
}

COMMAND_TO(stepper, stepper_stop_on_trigger, "oid=%c trsync_oid=%c")
{
    struct stepper *s = object;
    struct trsync *trsync = trsync_find(args[1]);
    irq_disable();
    trsync_listen(trsync, &s->on_trigger, triggered);
    irq_enable();
}

COMMAND_TO(stepper, stepper_get_position, "oid=%c")
{
    const struct stepper *s = object;
    irq_disable();
    int32_t position = s->end_position - (s->forward ? s->train.left : -(int32_t)s->train.left);
    irq_enable();
    send_stepper_position((uint8_t)args[0], position);
}
