/* Trigger synchronisation: a trigger that steppers listen to, that expires unless the host extends it, and that reports.
 *
 *     trsync_start --> armed, a report each report_ticks --+-- trsync_fire (endstop) ----+
 *                                                          +-- trsync_trigger (host) ----+--> listeners told, reason kept
 *                                                          +-- time-out: expire_reason --+
 *
 * With several MCUs each has one; the host passes a trigger on, and extends the time-out of each as long as the others report.
 */
#include "modules/trsync.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/declare.h"
#include "core/oid.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/irq.h"

RESPONSE(trsync_state, "oid=%c can_trigger=%c trigger_reason=%c clock=%u");

struct trsync {
    struct timer report, expiry;
    struct trsync *next;               /* of all there are */
    struct trsync_listener *listeners;
    uint32_t report_ticks;
    uint8_t oid;
    uint8_t reason;                    /* of the trigger, 0 while armed */
    uint8_t expire_reason;
    bool armed;
    bool report_due;
};

static struct trsync *all;
static volatile bool any_report_due;

STARTUP_ZERO(trsync)
{
    all = NULL;
    any_report_due = false;
}

static struct trsync *of_expiry(struct timer *timer)
{
    return (struct trsync *)(void *)((char *)timer - offsetof(struct trsync, expiry));
}

static void want_report(struct trsync *t)
{
    t->report_due = any_report_due = true;
    sched_wake();
}

/* --- listeners --- */

static struct trsync_listener *take_listener(struct trsync *t)
{
    struct trsync_listener *listener = t->listeners;
    t->listeners = listener->next;
    return listener;
}

static void forget_listeners(struct trsync *t)
{
    while (t->listeners)
        take_listener(t)->told = NULL;
}

void trsync_listen(struct trsync *t, struct trsync_listener *listener, void (*told)(struct trsync_listener *listener))
{
    if (listener->told)
        shutdown("Can't add signal that is already active");
    listener->told = told;
    listener->next = t->listeners;
    t->listeners = listener;
}

/* --- trigger; interrupts disabled --- */

static void disarm(struct trsync *t)
{
    t->armed = false;
    sched_remove(&t->report);
    sched_remove(&t->expiry);
}

static void trigger(struct trsync *t, uint8_t reason)
{
    disarm(t);
    t->reason = reason;
    while (t->listeners) {
        struct trsync_listener *listener = take_listener(t);
        void (*told)(struct trsync_listener *) = listener->told;
        listener->told = NULL;
        told(listener);
    }
}

void trsync_fire(struct trsync *t, uint8_t reason)
{
    if (!t->armed)
        return;
    trigger(t, reason);
    want_report(t);
}

static bool expiry_run(struct timer *timer)
{
    struct trsync *t = of_expiry(timer);
    trsync_fire(t, t->expire_reason);
    return false;
}

static bool report_run(struct timer *timer)
{
    struct trsync *t = (struct trsync *)(void *)timer; /* its first member */
    want_report(t);
    timer->clock += t->report_ticks;
    return true;
}

/* --- commands --- */

static void stop(void *object)
{
    struct trsync *t = object;
    disarm(t);
    forget_listeners(t);
}

const struct oid_kind oid_kind_trsync = {stop};

struct trsync *trsync_find(uint8_t oid)
{
    return oid_find(oid, &oid_kind_trsync);
}

COMMAND(config_trsync, "oid=%c")
{
    struct trsync *t = oid_new(args[0], &oid_kind_trsync, sizeof *t);
    t->oid = (uint8_t)args[0];
    t->report.run = report_run;
    t->expiry.run = expiry_run;
    t->next = all;
    all = t;
}

/* All zeros disarm. */
COMMAND_TO(trsync, trsync_start, "oid=%c report_clock=%u report_ticks=%u expire_reason=%c")
{
    struct trsync *t = object;
    irq_disable();
    disarm(t);
    forget_listeners(t);
    t->armed = args[1] || args[2] || args[3];
    t->reason = 0;
    t->report_due = false;
    t->report.clock = args[1];
    t->report_ticks = args[2];
    t->expire_reason = (uint8_t)args[3];
    if (t->report_ticks)
        sched_add(&t->report);
    irq_enable();
}

/* A time-out that is past already is one now. */
COMMAND_TO(trsync, trsync_set_timeout, "oid=%c clock=%u")
{
    struct trsync *t = object;
    irq_disable();
    if (t->armed && clock_is_before(args[1], clock_read())) {
        trsync_fire(t, t->expire_reason);
    } else if (t->armed) {
        sched_remove(&t->expiry);
        t->expiry.clock = args[1];
        sched_move(&t->expiry);
    }
    irq_enable();
}

COMMAND_TO(trsync, trsync_trigger, "oid=%c reason=%c")
{
    struct trsync *t = object;
    irq_disable();
    if (t->armed)
        trigger(t, (uint8_t)args[1]);
    uint8_t reason = t->reason;
    irq_enable();
    send_trsync_state(t->oid, false, reason, 0);
}

/* --- reports --- */

static void report(struct trsync *t)
{
    irq_disable();
    bool due = t->report_due, armed = t->armed;
    uint8_t reason = t->reason;
    uint32_t now = clock_read();
    t->report_due = false;
    irq_enable();
    if (due)
        send_trsync_state(t->oid, armed, reason, now);
}

TASK(trsync)
{
    if (!any_report_due)
        return;
    any_report_due = false;
    for (struct trsync *t = all; t; t = t->next)
        report(t);
}
