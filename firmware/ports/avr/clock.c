/* The AVR's clock: timer 1 counts CPU cycles, its overflows make the upper half; its compare A wakes the timers.
 *
 *     delta < 65536 ticks    compare A is set to the lower half of the wanted clock
 *     further away           compare A is off; each overflow looks whether the clock has come that near
 */
#include "hal/clock.h"

#include <stddef.h>

#include "core/declare.h"
#include "core/row.h"
#include "core/sched.h"
#include "hal/irq.h"
#include "modules/stepper.h"
#include "ports/avr/row.h"

_Static_assert(offsetof(struct timer, next) == 0 && offsetof(struct timer, run) == TIMER_RUN, "as row.S has it");
_Static_assert(offsetof(struct train, timer.clock) == TIMER_CLOCK, "as row.S has it");
_Static_assert(offsetof(struct train, step.pins) == TRAIN_PINS, "as row.S has it");
_Static_assert(offsetof(struct train, step.mask) == TRAIN_MASK, "as row.S has it");
_Static_assert(offsetof(struct train, left) == TRAIN_LEFT, "as row.S has it");
_Static_assert(offsetof(struct train, interval) == TRAIN_INTERVAL, "as row.S has it");
_Static_assert(offsetof(struct train, add) == TRAIN_ADD, "as row.S has it");

enum {
    /* The guard timer's period: with it, what is next is always less than 2^15 ticks away, a ms of lateness included. */
    GUARD_TICKS = 0x3000,
    /* A compare value this far from the count is safe from being passed while it is written. */
    SAFE_TICKS = 32,
};

volatile uint16_t clock_upper;
struct timer *row_first;
bool clock_is_far;
static uint32_t wanted;
static struct timer guard;

static bool guard_run(struct timer *timer)
{
    timer->clock += GUARD_TICKS;
    return true;
}

static void add_guard(void)
{
    guard.run = guard_run;
    guard.clock = clock_now() + GUARD_TICKS;
    sched_add(&guard);
}

STARTUP(guard)
{
    add_guard();
}

/* All timers were dropped. */
ON_SHUTDOWN(guard)
{
    add_guard();
}

void clock_start(void)
{
    clock_upper = 0;
    clock_is_far = false;
    TCCR1A = 0;
    TCCR1B = 1 << CS10; /* one tick a CPU cycle */
    TCNT1 = 0;
    TIFR1 = 1 << TOV1;
    TIMSK1 = 1 << TOIE1;
}

uint32_t clock_read(void)
{
    bool enabled = irq_save();
    uint32_t now = clock_now();
    irq_restore(enabled);
    return now;
}

static void set_compare(uint16_t low)
{
    OCR1A = low;
    TIFR1 = 1 << OCF1A;
    TIMSK1 = 1 << TOIE1 | 1 << OCIE1A;
}

bool clock_arm_far(uint32_t clock, int32_t distance)
{
    clock_is_far = distance > 0xffff;
    if (clock_is_far) {
        wanted = clock;
        TIMSK1 = 1 << TOIE1;
    } else {
        set_compare((uint16_t)clock);
    }
    return true;
}

ISR(TIMER1_COMPA_vect)
{
    TIMSK1 = 1 << TOIE1; /* irq_breathe() lets other interrupts come */
    sched_interrupt();
}

ISR(TIMER1_OVF_vect)
{
    clock_upper++;
    if (!clock_is_far)
        return;
    int32_t distance = (int32_t)(wanted - clock_now());
    if (distance > 0xffff)
        return;
    clock_is_far = false;
    set_compare(distance < SAFE_TICKS ? TCNT1 + SAFE_TICKS : (uint16_t)wanted);
}
