/* Analog inputs: sums of some conversions, taken at scheduled clocks, reported, and held against a range.
 *
 *     clock          + sample_ticks             + rest_ticks
 *     |'  '  '  '  sum                          |'  '  '  '  sum
 *
 * Safety: a sum out of range so many times in a row shuts the MCU down. Sampling and reports go on in shutdown.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/declare.h"
#include "core/oid.h"
#include "core/sched.h"
#include "hal/adc.h"
#include "hal/clock.h"
#include "hal/irq.h"
#include "modules/reporter.h"

RESPONSE(analog_in_state, "oid=%c next_clock=%u values=%*s");

enum { REPORT_BYTES_MOST = 48 };

struct analog_in {
    struct reporter reporter;      /* its timer: of the next conversion, or of looking at the one under way; in the list while
                                    * `count` */
    struct adc_in pin;
    uint32_t sample_ticks, rest_ticks;
    uint32_t group_clock;          /* the next group begins */
    uint32_t sample_clock;         /* the conversion under way was planned */
    uint32_t report_clock;         /* group_clock after the last group of the report */
    uint16_t least, most;          /* the range */
    uint16_t sum;
    uint8_t count, done;           /* conversions of a group; 0 while nothing is asked for */
    uint8_t bad, bad_most;         /* groups out of range, in a row */
    uint8_t report_bytes, filled;
    uint8_t report[REPORT_BYTES_MOST];
};

static void report(void *object);

/* --- in interrupt --- */

static void check_range(struct analog_in *a)
{
    if (a->sum >= a->least && a->sum <= a->most) {
        a->bad = 0;
        return;
    }
    if (a->bad < UINT8_MAX)
        a->bad++;
    if (a->bad >= a->bad_most && !sched_is_shutdown())
        shutdown("ADC out of range");
}

/* A report that was not fetched gives way to the next. */
static void add_to_report(struct analog_in *a)
{
    if (a->filled == a->report_bytes)
        a->filled = 0;
    a->report[a->filled++] = (uint8_t)a->sum;
    a->report[a->filled++] = (uint8_t)(a->sum >> 8);
    a->reporter.due = false;
    if (a->filled < a->report_bytes)
        return;
    a->report_clock = a->group_clock;
    reporter_want(&a->reporter);
}

static void begin_group(struct analog_in *a)
{
    a->sum = 0;
    a->done = 0;
    a->sample_clock = a->group_clock;
    a->group_clock += a->rest_ticks;
}

static bool convert_run(struct timer *timer)
{
    struct analog_in *a = (struct analog_in *)(void *)timer; /* its first member */
    uint16_t value;
    if (a->done == a->count)
        begin_group(a);
    uint32_t wait = adc_convert(a->pin, &value);
    if (wait) {
        timer->clock += wait;
        return true;
    }
    a->sum += value;
    if (++a->done < a->count) {
        a->sample_clock += a->sample_ticks;
        timer->clock = clock_later(a->sample_clock, timer->clock);
        return true;
    }
    timer->clock = a->group_clock;
    check_range(a);
    add_to_report(a);
    return true;
}

/* --- commands --- */

/* Shutdown: go on with the next group. Interrupts disabled. */
static void go_on(void *object)
{
    struct analog_in *a = object;
    adc_cancel(a->pin);
    if (!a->count)
        return;
    uint32_t now = clock_read();
    if (clock_is_before(a->group_clock, now))
        a->group_clock = now + a->rest_ticks;
    a->done = a->count;
    a->reporter.timer.clock = a->group_clock;
    sched_move(&a->reporter.timer);
}

const struct oid_kind oid_kind_analog_in = {go_on};

COMMAND(config_analog_in, "oid=%c pin=%u")
{
    struct adc_in pin = adc_setup(args[1]);
    struct analog_in *a = reporter_new(args[0], &oid_kind_analog_in, sizeof *a, convert_run, report);
    a->pin = pin;
}

COMMAND_TO(analog_in, query_analog_in, "oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u bytes_per_report=%c "
                         "min_value=%hu max_value=%hu range_check_count=%c")
{
    struct analog_in *a = object;
    uint8_t count = (uint8_t)args[3], bytes = (uint8_t)args[5];
    if (count && (!bytes || bytes % 2 || bytes > REPORT_BYTES_MOST))
        shutdown("Invalid analog_in bytes_per_report");
    irq_disable();
    sched_remove(&a->reporter.timer);
    adc_cancel(a->pin);
    a->reporter.timer.clock = a->group_clock = args[1];
    a->sample_ticks = args[2];
    a->count = a->done = count;
    a->rest_ticks = args[4];
    a->report_bytes = bytes;
    a->least = (uint16_t)args[6];
    a->most = (uint16_t)args[7];
    a->bad_most = (uint8_t)args[8];
    a->bad = a->filled = 0;
    a->reporter.due = false;
    if (count)
        sched_add(&a->reporter.timer);
    irq_enable();
}

/* --- reports --- */

static void report(void *object)
{
    const struct analog_in *a = object;
    uint8_t values[REPORT_BYTES_MOST];
    uint32_t clock = a->report_clock;
    memcpy(values, a->report, a->report_bytes);
    irq_enable();
    send_analog_in_state(a->reporter.oid, clock, a->report_bytes, values);
}
