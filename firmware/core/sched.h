/* Timers, tasks and the shutdown latch: what runs when.
 *
 *     interrupt level   sched_interrupt() runs the timers that are due, earliest first
 *     task level        sched_run(): tasks, sleep, tasks, ...; commands run in a task
 *     shutdown          both are abandoned, timers dropped, outputs made safe; latched until cleared or reset
 */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H
#include <stdbool.h>
#include <stdint.h>

/* A timer belongs to its module; the list only links it. While it runs, only what it returns says whether it goes on. */
struct timer {
    struct timer *next;
    bool (*run)(struct timer *timer); /* in interrupt; true: `clock` was moved on, wait for it again */
    uint32_t clock;                   /* when it is due; within 2^31 ticks of now */
};

/* Add a timer that is not in the list; shutdown "Timer too close" when its clock is past. */
void sched_add(struct timer *timer);

/* Take a timer out; nothing happens when it is not in the list. */
void sched_remove(struct timer *timer);

/* Put a timer, in the list or not, at its `clock`, which may be past: then it runs at once. */
void sched_move(struct timer *timer);

/* Run the timers that are due: called by the port's timer interrupt, interrupts disabled. */
void sched_interrupt(void);

extern volatile bool sched_woken;

/* There is work for a task: another pass of the main loop before the next sleep. May be called in an interrupt. */
static inline void sched_wake(void)
{
    sched_woken = true;
}

/* Leave the shutdown state; shutdown "Shutdown cleared when not shutdown" if there is none. */
void sched_clear_shutdown(void);

extern bool sched_stopped;

static inline bool sched_is_shutdown(void)
{
    return sched_stopped;
}

/* The text number of the first cause of the shutdown. */
uint8_t sched_shutdown_text(void);

/* Everything there is: start up, then the main loop. Called by the port with interrupts disabled. */
_Noreturn void sched_run(void);
#endif
