/* The AVR's start, restart and watchdog. */
#include "hal/reset.h"

#include <avr/wdt.h>

#include "core/sched.h"
#include "hal/irq.h"

/* A watchdog that has bitten runs on with its shortest time-out until it is told to stop (ATmega2560 data sheet, 12.4.2): before
 * anything else. */
__attribute__((naked, used, section(".init3"))) static void calm_watchdog(void)
{
    MCUSR = 0;
    wdt_disable();
}

void watchdog_feed(void)
{
    wdt_reset();
}

void reset_chip(void)
{
    cli();
    wdt_enable(WDTO_15MS);
    wdt_reset(); /* simavr takes a changed time-out from here on only */
    for (;;)
        ;
}

/* The second nop is for simavr, which takes an interrupt two instructions after sei; chips take it after one. */
void irq_wait(void)
{
    __asm__ volatile("sei\n\tnop\n\tnop\n\tcli" ::: "memory");
}

void irq_poll(void)
{
}

void irq_leave(jmp_buf target, int code)
{
    cli();
    longjmp(target, code);
}

/* The CPU runs at its clock's full frequency whatever fuse or boot loader divided it, and the pins of the debugger's interface are
 * pins. Each is written twice within four cycles (ATmega2560 data sheet, 10.12; 28, MCUCR). */
static void free_clock_and_pins(void)
{
    CLKPR = 1 << CLKPCE;
    CLKPR = 0;
#ifdef JTD
    MCUCR = 1 << JTD;
    MCUCR = 1 << JTD;
#endif
}

int main(void)
{
    cli();
    free_clock_and_pins();
    wdt_enable(WDTO_500MS);
    clock_start();
    sched_run();
}
