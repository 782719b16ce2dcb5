/* Groups of up to 8 inputs that are polled; each change is reported until the host has acknowledged it.
 *
 *     polls    a a b b b a b b      a state counts when two polls in a row have it
 *     states   a   b                kept, oldest first, until acknowledged
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/declare.h"
#include "core/oid.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/gpio.h"
#include "hal/irq.h"
#include "modules/reporter.h"

RESPONSE(buttons_state, "oid=%c ack_count=%c state=%*s");

enum { INPUTS_MOST = 8, STATES_MOST = 8 };

struct buttons {
    struct reporter reporter;     /* its timer: of the next poll */
    uint32_t rest_ticks;
    uint8_t polled;               /* levels at the last poll, a bit for each input */
    uint8_t state;                /* levels in the last state kept */
    uint8_t waiting;              /* states in states[] */
    uint8_t acknowledged;         /* states that the host has, modulo 256 */
    uint8_t repeat_polls, patience; /* polls from a report to its repetition, and those left */
    uint8_t states[STATES_MOST];
    uint8_t count;
    uint8_t added;                /* a bit for each input that has a pin; others are low */
    struct gpio_in inputs[];
};

static void report(void *object);

/* --- in interrupt --- */

static uint8_t poll(const struct buttons *b)
{
    uint8_t levels = 0;
    for (uint8_t i = 0; i < b->count; i++)
        if ((b->added >> i & 1) && gpio_in_read(b->inputs[i]))
            levels |= (uint8_t)(1u << i);
    return levels;
}

static void want_report(struct buttons *b)
{
    b->patience = b->repeat_polls;
    reporter_want(&b->reporter);
}

/* When there is no room for a state, the one that holds when there is will be kept. */
static bool poll_run(struct timer *timer)
{
    struct buttons *b = (struct buttons *)(void *)timer; /* its first member */
    uint8_t levels = poll(b);
    if (levels == b->polled && levels != b->state && b->waiting < STATES_MOST) {
        b->state = levels;
        b->states[b->waiting++] = levels;
        want_report(b);
    } else if (b->waiting && !--b->patience) {
        want_report(b);
    }
    b->polled = levels;
    timer->clock += b->rest_ticks;
    return true;
}

/* --- commands --- */

const struct oid_kind oid_kind_buttons = {NULL};

COMMAND(config_buttons, "oid=%c button_count=%c")
{
    uint8_t count = (uint8_t)args[1];
    if (count > INPUTS_MOST)
        shutdown("Max of 8 buttons");
    struct buttons *b = reporter_new(args[0], &oid_kind_buttons, (uint16_t)(sizeof *b + count * sizeof b->inputs[0]), poll_run,
                                     report);
    b->count = count;
}

COMMAND_TO(buttons, buttons_add, "oid=%c pos=%c pin=%u pull_up=%c")
{
    struct buttons *b = object;
    uint8_t place = (uint8_t)args[1];
    if (place >= b->count)
        shutdown("Set button past maximum button count");
    b->inputs[place] = gpio_in_setup(args[2], (int8_t)args[3]);
    b->added |= (uint8_t)(1u << place);
}

COMMAND_TO(buttons, buttons_query, "oid=%c clock=%u rest_ticks=%u retransmit_count=%c invert=%c")
{
    struct buttons *b = object;
    uint8_t repeat_polls = (uint8_t)args[3];
    if (args[2] && !repeat_polls)
        shutdown("Invalid buttons retransmit count");
    irq_disable();
    sched_remove(&b->reporter.timer);
    b->reporter.timer.clock = args[1];
    b->rest_ticks = args[2];
    b->repeat_polls = repeat_polls;
    b->state = b->polled = (uint8_t)args[4];
    b->waiting = b->acknowledged = 0;
    b->reporter.due = false;
    if (b->rest_ticks)
        sched_add(&b->reporter.timer);
    irq_enable();
}

COMMAND_TO(buttons, buttons_ack, "oid=%c count=%c")
{
    struct buttons *b = object;
    uint8_t count = (uint8_t)args[1];
    irq_disable();
    if (count > b->waiting)
        count = b->waiting;
    b->acknowledged += count;
    b->waiting -= count;
    memmove(b->states, b->states + count, b->waiting);
    irq_enable();
}

/* --- reports --- */

static void report(void *object)
{
    const struct buttons *b = object;
    uint8_t states[STATES_MOST];
    uint8_t waiting = b->waiting, acknowledged = b->acknowledged;
    memcpy(states, b->states, sizeof states);
    irq_enable();
    if (waiting)
        send_buttons_state(b->reporter.oid, acknowledged, waiting, states);
}
