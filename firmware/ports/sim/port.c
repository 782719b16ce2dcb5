/* The simulator's port: the hal over the calls of abi.h.
 *
 * An interrupt is called by the surroundings from within one of their own functions, whose frames must not be jumped over. What
 * abandons an interrupt (irq_leave) therefore jumps only to the interrupt's entry, which returns to the surroundings as usual;
 * when their function has come back here, the jump to the main loop is made.
 *
 * Time stands still while code runs. Code that looks at nothing for so long that it must hang takes time all the same, so that
 * interrupts and the watchdog come: the compiler has each branch of core and modules call __sanitizer_cov_trace_pc(), but for loops with nothing at all in them.
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/console.h"
#include "core/declare.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/console.h"
#include "hal/gpio.h"
#include "hal/irq.h"
#include "hal/reset.h"
#include "ports/sim/surroundings.h"

const struct sim_host *sim_host;
const struct sim_persona *sim_persona;

static bool enabled;      /* the interrupt flag */
static bool in_interrupt;
static jmp_buf interrupt_entry, start_entry;
static jmp_buf *leave_to; /* a jump that waits until the surroundings have returned */
static int leave_code;

/* Far more branches than code has between two looks at the clock; and how many take the time of a look from there on. */
enum { BRANCHES_MOST = 1 << 20, BRANCHES_A_LOOK = 16 };
static uint32_t branches_left;

/* --- clock --- */

static void finish_leaving(void)
{
    if (!leave_to || in_interrupt)
        return;
    jmp_buf *target = leave_to;
    leave_to = NULL;
    longjmp(*target, leave_code);
}

uint32_t clock_read(void)
{
    uint32_t now = sim_host->read_clock(sim_host->ctx);
    branches_left = BRANCHES_MOST;
    finish_leaving();
    return now;
}

uint32_t clock_now(void)
{
    return clock_read();
}

void clock_wait(uint32_t clock)
{
    while (clock_is_before(clock_read(), clock))
        ;
}

uint32_t clock_frequency(void)
{
    return sim_persona->clock_frequency;
}

bool clock_arm(uint32_t clock)
{
    sim_host->set_timer(sim_host->ctx, clock);
    return true; /* a clock that has come is an interrupt at once */
}

/* --- interrupts --- */

static void set_enabled(bool wanted)
{
    if (enabled == wanted)
        return;
    enabled = wanted;
    sim_host->irq_enabled(sim_host->ctx, wanted);
}

void irq_disable(void)
{
    set_enabled(false);
}

void irq_enable(void)
{
    set_enabled(true);
}

bool irq_save(void)
{
    bool was = enabled;
    set_enabled(false);
    return was;
}

void irq_restore(bool was)
{
    set_enabled(was);
}

void irq_wait(void)
{
    set_enabled(true);
    sim_host->idle(sim_host->ctx);
    branches_left = BRANCHES_MOST;
    set_enabled(false);
    finish_leaving();
}

void irq_poll(void)
{
    sim_host->poll(sim_host->ctx);
    finish_leaving();
}

void irq_breathe(void)
{
    /* bytes do not come while a timer runs */
}

void irq_leave(jmp_buf target, int code)
{
    set_enabled(false);
    if (!in_interrupt)
        longjmp(target, code);
    leave_to = (jmp_buf *)target;
    leave_code = code;
    longjmp(interrupt_entry, 1);
}

/* Interrupts are disabled while one runs, and stay so when it was abandoned. */
static void timer_interrupt(void)
{
    set_enabled(false);
    in_interrupt = true;
    if (!setjmp(interrupt_entry)) {
        sched_interrupt();
        in_interrupt = false;
        set_enabled(true);
    }
    in_interrupt = false;
}

static void byte_interrupt(uint8_t byte)
{
    console_byte(byte);
}

/* --- code that hangs --- */

/* Weak: a fuzzer has its own. */
__attribute__((weak)) void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
    if (--branches_left)
        return;
    clock_read();
    branches_left = BRANCHES_A_LOOK;
}

/* --- pins --- */

struct gpio_out gpio_out_setup(gpio_number pin, bool level)
{
    if (pin >= sim_persona->pin_count)
        shutdown("Not an output pin");
    sim_host->pin_setup(sim_host->ctx, pin, SIM_PIN_OUTPUT, level);
    return (struct gpio_out){pin};
}

void gpio_out_write(struct gpio_out out, bool level)
{
    sim_host->pin_write(sim_host->ctx, out.pin, level);
}

void gpio_out_toggle(struct gpio_out out)
{
    gpio_out_write(out, !sim_host->pin_read(sim_host->ctx, out.pin));
}

struct gpio_in gpio_in_setup(gpio_number pin, int8_t pull)
{
    if (pin >= sim_persona->pin_count)
        shutdown("Not a valid input pin");
    int mode = pull > 0 ? SIM_PIN_PULL_UP : pull < 0 ? SIM_PIN_PULL_DOWN : SIM_PIN_INPUT;
    sim_host->pin_setup(sim_host->ctx, pin, mode, 0);
    return (struct gpio_in){pin};
}

bool gpio_in_read(struct gpio_in in)
{
    return sim_host->pin_read(sim_host->ctx, in.pin) != 0;
}

/* --- console --- */

uint16_t console_room(void)
{
    size_t room = sim_host->send_room(sim_host->ctx);
    return room > UINT16_MAX ? UINT16_MAX : (uint16_t)room;
}

void console_send(const uint8_t *bytes, uint8_t count)
{
    sim_host->send(sim_host->ctx, bytes, count);
}

/* --- start and reset --- */

void watchdog_feed(void)
{
    sim_host->watchdog(sim_host->ctx);
}

void reset_chip(void)
{
    sim_host->reset(sim_host->ctx);
    irq_leave(start_entry, 1); /* surroundings that cannot drop our stack came back: start() returns */
}

static void start(const struct sim_host *host, const struct sim_persona *persona)
{
    sim_host = host;
    sim_persona = persona;
    enabled = in_interrupt = false;
    leave_to = NULL;
    branches_left = BRANCHES_MOST;
    sim_dictionary_start();
    if (!setjmp(start_entry))
        sched_run();
}

__attribute__((visibility("default"))) const struct sim_firmware *klipkit_sim_firmware(void)
{
    static const struct sim_firmware FIRMWARE = {SIM_ABI_VERSION, start, timer_interrupt, byte_interrupt};
    return &FIRMWARE;
}
