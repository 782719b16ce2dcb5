/* The list of timers, sorted by clock, and running the due ones in a row: the inner loop of everything that is timed.
 *
 * A port may have its own row_run() in the place of core/row.c's.
 */
#ifndef CORE_ROW_H
#define CORE_ROW_H
#include "core/sched.h"

enum {
    ROW_TURNS = 32,  /* timers of a row at most: on a slow chip they take a quarter of a ms */
    ROW_LATE = 1000, /* ticks: a row ends with a timer that is later */
    ROW_BREATH = 4,  /* of them before bytes have their turn */
};

/* The first timer of the list, which is not empty. While it runs it stays the first. */
extern struct timer *row_first;

/* Run the first timer, and go on while the next one is due, for at most ROW_TURNS timers. Interrupts disabled. */
void row_run(void);
#endif
