/* Running timers in a row: see row.h. */
#include "core/row.h"

#include <stddef.h>

#include "hal/clock.h"
#include "hal/irq.h"

struct timer *row_first;

/* The first timer is to come after the one that follows it. */
static void move_back(struct timer *timer)
{
    struct timer *before = timer->next;
    uint32_t clock = timer->clock;
    row_first = before;
    while (before->next && !clock_is_before(clock, before->next->clock))
        before = before->next;
    timer->next = before->next;
    before->next = timer;
}

static void run_first(void)
{
    struct timer *timer = row_first;
    bool again = timer->run(timer);
    const struct timer *next = timer->next;
    if (!again)
        row_first = timer->next;
    else if (next && clock_is_before(next->clock, timer->clock))
        move_back(timer);
}

void row_run(void)
{
    for (uint8_t turns = ROW_TURNS; turns; turns--) {
        run_first();
        if (turns % ROW_BREATH == 0)
            irq_breathe();
        if (clock_now() - row_first->clock > ROW_LATE)
            return; /* not due; or so late that it is for the caller to see */
    }
}
