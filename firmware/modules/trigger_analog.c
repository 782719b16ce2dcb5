/* Level detectors for load cells and eddy current probes: samples of a sensor, through a filter, trigger a trsync.
 *
 *     sensor --> raw range --> filter --> condition --> trsync            each error triggers too, with a reason of its own
 *                  |             |overflow
 *                  `--> error    `--> error          no sample for too long --> error
 *
 * Samples go through the filter from the command to home on, so that it settles; the condition counts from `clock` on.
 */
#include "modules/trigger_analog.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/declare.h"
#include "core/oid.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/irq.h"
#include "modules/sos_filter.h"
#include "modules/trsync.h"

RESPONSE(trigger_analog_state, "oid=%c homing=%c homing_clock=%u");

enum error { RAW_RANGE, OVERFLOW, MONITOR, SENSOR_SPECIFIC };
enum type { ABS_GE, GT, DIFF_PEAK_GT, TYPE_COUNT };

ENUMERATION("trigger_analog_error:", "RAW_RANGE", 0);
ENUMERATION("trigger_analog_error:", "OVERFLOW", 1);
ENUMERATION("trigger_analog_error:", "MONITOR", 2);
ENUMERATION("trigger_analog_error:", "SENSOR_SPECIFIC", 3);
ENUMERATION("trigger_analog_type", "abs_ge", 0);
ENUMERATION("trigger_analog_type", "gt", 1);
ENUMERATION("trigger_analog_type", "diff_peak_gt", 2);

struct trigger_analog {
    struct timer monitor;    /* in the list while homing and a sample is awaited */
    struct sos_filter *filter;
    struct trsync *trsync;
    int32_t raw_min, raw_max, value, peak;
    uint32_t clock;          /* of the start, then of the trigger */
    uint32_t monitor_ticks, monitor_max;
    volatile uint32_t missed; /* periods without a sample */
    uint8_t type, trigger_reason, error_reason;
    volatile bool homing;
    bool started;            /* the condition counts */
};

/* --- the end of homing; interrupts disabled --- */

static void finish(struct trigger_analog *t, uint8_t reason, uint32_t clock)
{
    if (!t->homing)
        return;
    t->homing = false;
    t->clock = clock;
    sched_remove(&t->monitor);
    trsync_fire(t->trsync, reason);
}

static bool monitor_run(struct timer *timer)
{
    struct trigger_analog *t = (struct trigger_analog *)(void *)timer; /* its first member */
    timer->clock += t->monitor_ticks;
    if (++t->missed <= t->monitor_max)
        return true;
    finish(t, t->error_reason + MONITOR, clock_now());
    return false;
}

/* --- samples --- */

static void end_with(struct trigger_analog *t, uint8_t reason, uint32_t clock)
{
    irq_disable();
    finish(t, reason, clock);
    irq_enable();
}

static bool is_met(struct trigger_analog *t, int32_t value)
{
    switch (t->type) {
    case ABS_GE:
        return value >= t->value || value <= -(int64_t)t->value;
    case GT:
        return value > t->value;
    default:
        if (value > t->peak)
            t->peak = value;
        return (int64_t)t->peak - value > t->value;
    }
}

void trigger_analog_take(struct trigger_analog *t, int32_t sample, uint32_t clock)
{
    int32_t value = sample;
    if (!t || !t->homing)
        return;
    t->missed = 0;
    if (sample < t->raw_min || sample > t->raw_max) {
        end_with(t, t->error_reason + RAW_RANGE, clock);
        return;
    }
    if (!sos_filter_apply(t->filter, sample, &value)) {
        end_with(t, t->error_reason + OVERFLOW, clock);
        return;
    }
    if (!t->started && clock_is_before(clock, t->clock))
        return;
    if (!t->started) {
        t->started = true;
        t->peak = value;
    }
    if (is_met(t, value))
        end_with(t, t->trigger_reason, clock);
}

void trigger_analog_fail(struct trigger_analog *t, uint8_t reason, uint32_t clock)
{
    if (t)
        end_with(t, (uint8_t)(t->error_reason + SENSOR_SPECIFIC + reason), clock);
}

/* --- commands --- */

static void stop(void *object)
{
    struct trigger_analog *t = object;
    t->homing = false;
    sched_remove(&t->monitor);
}

const struct oid_kind oid_kind_trigger_analog = {stop};

struct trigger_analog *trigger_analog_find(uint8_t oid)
{
    return oid_find(oid, &oid_kind_trigger_analog);
}

COMMAND(config_trigger_analog, "oid=%c sos_filter_oid=%c")
{
    struct sos_filter *filter = sos_filter_find(args[1]);
    struct trigger_analog *t = oid_new(args[0], &oid_kind_trigger_analog, sizeof *t);
    t->filter = filter;
    t->monitor.run = monitor_run;
    t->raw_min = INT32_MIN;
    t->raw_max = INT32_MAX;
}

COMMAND_TO(trigger_analog, trigger_analog_set_raw_range, "oid=%c raw_min=%i raw_max=%i")
{
    struct trigger_analog *t = object;
    t->raw_min = (int32_t)args[1];
    t->raw_max = (int32_t)args[2];
}

COMMAND_TO(trigger_analog, trigger_analog_set_trigger, "oid=%c trigger_analog_type=%c trigger_value=%i")
{
    struct trigger_analog *t = object;
    if (args[1] >= TYPE_COUNT)
        shutdown("Command parser error");
    t->type = (uint8_t)args[1];
    t->value = (int32_t)args[2];
}

/* All zeros disarm. Without monitor_ticks nobody sees that samples do not come. */
COMMAND_TO(trigger_analog, trigger_analog_home,
           "oid=%c trsync_oid=%c trigger_reason=%c error_reason=%c clock=%u monitor_ticks=%u monitor_max=%u")
{
    struct trigger_analog *t = object;
    bool homing = args[2] || args[5];
    irq_disable();
    stop(t);
    if (homing) {
        t->trsync = trsync_find(args[1]);
        t->trigger_reason = (uint8_t)args[2];
        t->error_reason = (uint8_t)args[3];
        t->clock = args[4];
        t->monitor_ticks = args[5];
        t->monitor_max = args[6];
        t->missed = 0;
        t->started = false;
        t->homing = true;
        t->monitor.clock = args[4] + args[5];
        if (t->monitor_ticks)
            sched_add(&t->monitor);
    }
    irq_enable();
}

COMMAND_TO(trigger_analog, trigger_analog_query_state, "oid=%c")
{
    const struct trigger_analog *t = object;
    irq_disable();
    bool homing = t->homing;
    uint32_t clock = t->clock;
    irq_enable();
    send_trigger_analog_state((uint8_t)args[0], homing, clock);
}
