/* A port's hal, to be replaced by the chip's: clock, interrupts, pins, console, memory, reset.
 *
 * What each function has to do stands in hal/. Functions that must be fast may be static inline in port.h.
 */
#include <stddef.h>
#include <string.h>

#include "core/declare.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/console.h"
#include "hal/gpio.h"
#include "hal/irq.h"
#include "hal/memory.h"
#include "hal/reset.h"

enum { FREQUENCY = 1000000, PINS = 8, MEMORY_BYTES = 2048 };

/* What the dictionary says of the chip. */
CONSTANT(MCU, "template");
CONSTANT(CLOCK_FREQ, 1000000);
ENUMERATION_RANGE("pin", "PA0", 0, 8);

/* --- clock: a free-running counter and a compare register --- */

static uint32_t counter;

uint32_t clock_read(void)
{
    return counter++;
}

uint32_t clock_now(void)
{
    return clock_read();
}

uint32_t clock_frequency(void)
{
    return FREQUENCY;
}

bool clock_arm(uint32_t clock)
{
    return clock_is_before(clock_read(), clock);
}

void clock_wait(uint32_t clock)
{
    while (clock_is_before(clock_read(), clock))
        ;
}

/* --- interrupts: the CPU's global flag --- */

static bool flag;

void irq_disable(void)
{
    flag = false;
}

void irq_enable(void)
{
    flag = true;
}

bool irq_save(void)
{
    bool was = flag;
    flag = false;
    return was;
}

void irq_restore(bool enabled)
{
    flag = enabled;
}

void irq_wait(void)
{
}

void irq_poll(void)
{
}

void irq_breathe(void)
{
}

void irq_leave(jmp_buf target, int code)
{
    longjmp(target, code);
}

/* --- pins --- */

static uint8_t levels;

struct gpio_out gpio_out_setup(gpio_number pin, bool level)
{
    if (pin >= PINS)
        shutdown("Not an output pin");
    gpio_out_write((struct gpio_out){pin}, level);
    return (struct gpio_out){pin};
}

void gpio_out_write(struct gpio_out out, bool level)
{
    uint8_t mask = (uint8_t)(1 << out.pin);
    levels = level ? levels | mask : levels & (uint8_t)~mask;
}

void gpio_out_toggle(struct gpio_out out)
{
    levels ^= (uint8_t)(1 << out.pin);
}

struct gpio_in gpio_in_setup(gpio_number pin, int8_t pull)
{
    if (pin >= PINS || pull < 0)
        shutdown("Not a valid input pin");
    return (struct gpio_in){pin};
}

bool gpio_in_read(struct gpio_in in)
{
    return levels >> in.pin & 1;
}

/* --- console: bytes that come go to console_byte() of core/console.h --- */

uint16_t console_room(void)
{
    return UINT16_MAX;
}

void console_send(const uint8_t *bytes, uint8_t count)
{
    (void)bytes;
    (void)count;
}

/* --- memory for configuration --- */

static _Alignas(max_align_t) uint8_t memory[MEMORY_BYTES];
static uint16_t used;

void memory_reset(void)
{
    used = 0;
}

void *memory_take(uint16_t size)
{
    uint16_t whole = (uint16_t)((size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t));
    if (whole > MEMORY_BYTES - used)
        return NULL;
    void *taken = memset(memory + used, 0, size);
    used += whole;
    return taken;
}

void *memory_take_rest(uint16_t size, uint16_t most, uint16_t *count)
{
    uint16_t fit = (uint16_t)((MEMORY_BYTES - used) / size);
    *count = fit > most ? most : fit;
    return memory + used;
}

/* --- start, restart, watchdog --- */

void watchdog_feed(void)
{
}

void reset_chip(void)
{
}

int main(void)
{
    sched_run();
}
