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
#include "modules/reporter.h"

RESPONSE(trsync_state, "oid=%c can_trigger=%c trigger_reason=%c clock=%u");

struct trsync {
    struct reporter reporter;          /* its timer: of the next report */
    struct timer expiry;
    struct trsync_listener *listeners;
    uint32_t report_ticks;
    uint8_t reason;                    /* of the trigger, 0 while armed */
    uint8_t expire_reason;
    bool armed;
};

static void report(void *object);

static struct trsync *of_expiry(struct timer *timer)
{
    return (struct trsync *)(void *)((char *)timer - offsetof(struct trsync, expiry));
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
    sched_remove(&t->reporter.timer);
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
    reporter_want(&t->reporter);
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
    reporter_want(&t->reporter);
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
    struct trsync *t = reporter_new(args[0], &oid_kind_trsync, sizeof *t, report_run, report);
    t->expiry.run = expiry_run;
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
    t->reporter.due = false;
    t->reporter.timer.clock = args[1];
    t->report_ticks = args[2];
    t->expire_reason = (uint8_t)args[3];
    if (t->report_ticks)
        sched_add(&t->reporter.timer);
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
    send_trsync_state(t->reporter.oid, false, reason, 0);
}

/* --- reports --- */

static void report(void *object)
{
    const struct trsync *t = object;
    bool armed = t->armed;
    uint8_t reason = t->reason;
    uint32_t now = clock_read();
    irq_enable();
    send_trsync_state(t->reporter.oid, armed, reason, now);
}
