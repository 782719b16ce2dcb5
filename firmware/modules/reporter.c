/* Objects that report: see reporter.h. */
#include "modules/reporter.h"

#include <stddef.h>

#include "core/declare.h"
#include "hal/irq.h"

static struct reporter *all;
static volatile bool any_due;

STARTUP_ZERO(reporter)
{
    all = NULL;
    any_due = false;
}

void *reporter_new(uint8_t oid, const struct oid_kind *kind, uint16_t size, bool (*run)(struct timer *timer),
                   void (*report)(void *object))
{
    struct reporter *reporter = oid_new(oid, kind, size);
    reporter->oid = oid;
    reporter->timer.run = run;
    reporter->report = report;
    reporter->next = all;
    all = reporter;
    return reporter;
}

void reporter_want(struct reporter *reporter)
{
    reporter->due = any_due = true;
    sched_wake();
}

TASK(reporter)
{
    if (!any_due)
        return;
    any_due = false;
    for (struct reporter *reporter = all; reporter; reporter = reporter->next) {
        irq_disable();
        if (reporter->due) {
            reporter->due = false;
            reporter->report(reporter);
        }
        irq_enable();
    }
}
