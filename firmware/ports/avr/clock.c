/* The AVR's clock: timer 1 counts CPU cycles, its overflows make the upper half; its compare A wakes the timers.
 *
 *     delta < 65536 ticks    compare A is set to the lower half of the wanted clock
 *     further away           compare A is off; each overflow looks whether the clock has come that near
 */
#include "hal/clock.h"

#include <stddef.h>

#include "core/sched.h"
#include "hal/irq.h"

enum {
    /* A compare value this far from the count is safe from being passed while it is written. */
    SAFE_TICKS = 32,
};

volatile uint16_t clock_upper;
static uint32_t wanted;
static bool far;

void clock_start(void)
{
    clock_upper = 0;
    far = false;
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
    far = distance > 0xffff;
    if (far) {
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
    if (!far)
        return;
    int32_t distance = (int32_t)(wanted - clock_now());
    if (distance > 0xffff)
        return;
    far = false;
    set_compare(distance < SAFE_TICKS ? TCNT1 + SAFE_TICKS : (uint16_t)wanted);
}
