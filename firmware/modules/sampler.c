/* Sensors that are looked at: see sampler.h. */
#include "modules/sampler.h"

#include "core/declare.h"
#include "hal/clock.h"
#include "hal/irq.h"
#include "modules/bulk.h"
#include "modules/reporter.h"

/* --- in interrupt --- */

static bool look_run(struct timer *timer)
{
    struct sampler *s = (struct sampler *)(void *)timer; /* its first member */
    timer->clock += s->rest_ticks;
    s->due = true;
    reporter_want(&s->reporter);
    return true;
}

void sampler_stop(void *object)
{
    struct sampler *s = object;
    sched_remove(&s->reporter.timer);
    s->due = false;
    s->left = 0;
}

/* --- work: one access to the chip a pass, so that other tasks and the console have their turn --- */

static void fetch(struct sampler *s)
{
    uint8_t bytes = s->kind->sample_bytes, count = (uint8_t)((BULK_BYTES_MOST - s->bulk.count) / bytes);
    if (count > s->kind->most)
        count = s->kind->most;
    if (count > s->left)
        count = s->left;
    s->left -= count;
    s->kind->fetch(s, bulk_append(&s->bulk, (uint8_t)(count * bytes)), count);
    bulk_send_full(&s->bulk, s->reporter.oid, bytes);
}

static void report(void *object)
{
    struct sampler *s = object;
    irq_enable();
    if (s->left) {
        fetch(s);
    } else if (s->due) {
        s->due = false;
        s->left = s->kind->look(s);
    }
    if (s->left || s->due)
        reporter_want(&s->reporter);
}

/* --- for its modules --- */

void *sampler_new(uint8_t oid, const struct oid_kind *oid_kind, uint16_t size, const struct sampler_kind *kind)
{
    struct sampler *s = reporter_new(oid, oid_kind, size, look_run, report);
    s->kind = kind;
    return s;
}

void sampler_end(struct sampler *s)
{
    irq_disable();
    sampler_stop(s);
    irq_enable();
}

void sampler_start(struct sampler *s, uint32_t rest_ticks)
{
    sampler_end(s);
    bulk_reset(&s->bulk);
    s->rest_ticks = rest_ticks;
    irq_disable();
    s->reporter.timer.clock = clock_read() + rest_ticks;
    sched_add(&s->reporter.timer);
    irq_enable();
}
