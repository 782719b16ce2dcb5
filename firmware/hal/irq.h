/* Port contract: the global interrupt flag, sleeping, and leaving an interrupt for good. */
#ifndef HAL_IRQ_H
#define HAL_IRQ_H
#include <setjmp.h>
#include <stdbool.h>

#include "port.h"

void irq_disable(void);
void irq_enable(void);

/* Disable, and tell whether interrupts were enabled; irq_restore() puts that back. */
bool irq_save(void);
void irq_restore(bool enabled);

/* Sleep until an interrupt was taken. Called with interrupts disabled, returns with them disabled; an interrupt that became
 * pending before the call ends the sleep at once. */
void irq_wait(void);

/* Give pending interrupts their turn on a port that takes them only at certain calls; nothing on a chip. Called with
 * interrupts enabled. */
void irq_poll(void);

/* Between two timers, in sched_interrupt(): let the interrupts of received bytes have their turn on a port that would otherwise
 * lose bytes in a long row of timers. Not the timers' own. */
void irq_breathe(void);

/* Abandon whatever runs, an interrupt included, and go on at `target` with value `code`, interrupts disabled. */
_Noreturn void irq_leave(jmp_buf target, int code);
#endif
