/* Motion's runs into the wire's queues: see steps.h.
 *
 *     runs of stepper 0  --\                        slots: when each entry of the MCU's queue is free
 *     runs of stepper 1  ---> earliest due first --> min clock --> set_next_step_dir? queue_step --> session
 *     runs of stepper 2  --/
 *
 * A run is due at the step before its first one: there the MCU starts to time it, and frees its entry. The slots are a ring
 * sorted by that clock: runs come in that order, but for a stepper that rested, whose run may be due before some sent already.
 */
#include "klipkit/mcu/steps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/motion/run.h"
#include "klipkit/motion/stepper.h"
#include "klipkit/wire/session.h"
#include "klipkit/wire/vlq.h"

static const uint64_t LONG_GAP = (uint64_t)3 << 28;    /* ticks; a run after such a gap is due at its own first step */
static const uint64_t FURTHEST = (uint64_t)1 << 30;    /* ticks; nothing is sent further ahead */
enum { PARAMETERS_MOST = 5, VLQ_MOST = 5, FIRST_ROOM = 64 };

struct entry {
    struct step_run run;
    int64_t before; /* position before its first step */
};

struct motor {
    struct entry *entries; /* ring: history, then pending */
    size_t room, oldest, sent, count; /* room: a power of two; `sent` of `count` entries, from `oldest` on, are history */
    uint64_t clock;        /* the step after which the next interval counts */
    uint64_t base;         /* the same for the next run to be appended */
    uint64_t last;         /* last step appended */
    int64_t position;      /* after the last run appended */
    struct steps_sum sum;
    struct stepper *motion; /* NULL: runs are appended by the caller */
    uint8_t oid, dir_inverted;
    int8_t direction;      /* as the MCU knows it; 0: not yet told */
    uint64_t forgotten;    /* clock of the last step of those dropped from the history; 0: none was */
};

struct steps {
    struct session *session;
    int queue;
    struct steps_ids ids;
    uint64_t *slots; /* ring, sorted, from slot_first on: the clocks at which the entries in use are free */
    uint32_t slot_count, slots_used, slot_first;
    uint64_t history;
    struct motor *motors;
    size_t motor_count;
};

struct steps *steps_new(struct session *session, int queue, const struct steps_ids *ids, uint32_t move_count,
                        uint64_t history)
{
    if (move_count == 0)
        return NULL;
    struct steps *steps = calloc(1, sizeof(*steps));
    if (!steps)
        return NULL;
    steps->slots = calloc(move_count, sizeof(*steps->slots));
    if (!steps->slots) {
        free(steps);
        return NULL;
    }
    steps->session = session;
    steps->queue = queue;
    steps->ids = *ids;
    steps->slot_count = move_count;
    steps->history = history;
    return steps;
}

void steps_free(struct steps *steps)
{
    if (!steps)
        return;
    for (size_t i = 0; i < steps->motor_count; i++)
        free(steps->motors[i].entries);
    free(steps->motors);
    free(steps->slots);
    free(steps);
}

int steps_add_stepper(struct steps *steps, uint8_t oid, int dir_inverted)
{
    size_t bytes = (steps->motor_count + 1) * sizeof(*steps->motors);
    struct motor *grown = realloc(steps->motors, bytes);
    if (!grown)
        return -ENOMEM;
    steps->motors = grown;
    grown[steps->motor_count] = (struct motor){.oid = oid, .dir_inverted = dir_inverted != 0};
    return (int)steps->motor_count++;
}

/* The place in the ring of the slot before this one. */
static uint32_t place_before(const struct steps *steps, uint32_t place)
{
    return (place ? place : steps->slot_count) - 1;
}

/* The clock at which there is a free slot for one more entry, which itself is free at `due`. */
static uint64_t take_slot(struct steps *steps, uint64_t due)
{
    uint64_t free_at = 0, *slots = steps->slots;
    uint32_t count = steps->slots_used, place = steps->slot_first + count;
    if (count < steps->slot_count) {
        steps->slots_used++;
        place = place < steps->slot_count ? place : place - steps->slot_count;
    } else {
        place = steps->slot_first;
        free_at = slots[place];
        steps->slot_first = place + 1 < steps->slot_count ? place + 1 : 0;
        count--;
    }
    for (uint32_t before; count > 0 && slots[before = place_before(steps, place)] > due; count--, place = before)
        slots[place] = slots[before];
    slots[place] = due;
    return free_at;
}

static struct entry *entry_at(const struct motor *motor, size_t index)
{
    return &motor->entries[(motor->oldest + index) & (motor->room - 1)];
}

static int64_t steps_of(const struct step_run *run)
{
    return run->direction > 0 ? run->count : -(int64_t)run->count;
}

/* Room for `count` more entries; the ring is laid out anew when it grows. */
static int reserve(struct motor *motor, size_t count)
{
    size_t room = motor->room ? motor->room : FIRST_ROOM;
    while (room < motor->count + count)
        room *= 2;
    if (room == motor->room)
        return 0;
    struct entry *entries = malloc(room * sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < motor->count; i++)
        entries[i] = *entry_at(motor, i);
    free(motor->entries);
    motor->entries = entries;
    motor->room = room;
    motor->oldest = 0;
    return 0;
}

static void forget(struct motor *motor, uint64_t history)
{
    while (motor->sent > 0) {
        uint64_t last = step_run_last(&entry_at(motor, 0)->run);
        if (last + history >= motor->last)
            return;
        motor->oldest = (motor->oldest + 1) & (motor->room - 1);
        motor->sent--;
        motor->count--;
        motor->forgotten = last;
    }
}

/* Whether the runs follow on each other; *last becomes their last step. */
static int check(const struct motor *motor, const struct step_run *runs, size_t count, uint64_t *last)
{
    uint64_t base = motor->base;
    *last = motor->last;
    for (size_t i = 0; i < count; i++) {
        if (runs[i].count == 0 || runs[i].first <= *last)
            return -ERANGE;
        if (runs[i].count > 1 && runs[i].interval != (uint32_t)(runs[i].first - base))
            return -EINVAL;
        base = *last = step_run_last(&runs[i]);
    }
    return 0;
}

int steps_append(struct steps *steps, int number, const struct step_run *runs, size_t count)
{
    struct motor *motor = &steps->motors[number];
    uint64_t last;
    int error = check(motor, runs, count, &last);
    if (error || count == 0)
        return error;
    forget(motor, steps->history);
    error = reserve(motor, count);
    if (error)
        return error;
    for (size_t i = 0; i < count; i++) {
        *entry_at(motor, motor->count++) = (struct entry){.run = runs[i], .before = motor->position};
        motor->position += steps_of(&runs[i]);
        motor->sum.steps += runs[i].count;
    }
    motor->sum.runs += count;
    motor->base = motor->last = last;
    return 0;
}

void steps_set_motion(struct steps *steps, int number, struct stepper *motion)
{
    steps->motors[number].motion = motion;
}

int steps_generate(struct steps *steps, double until, double due_time, int *failed)
{
    for (size_t i = 0; i < steps->motor_count; i++) {
        struct stepper *motion = steps->motors[i].motion;
        if (!motion)
            continue;
        *failed = (int)i;
        int64_t count = stepper_generate(motion, until, due_time);
        int error = count < 0 ? (int)count : steps_append(steps, (int)i, stepper_runs(motion), (size_t)count);
        if (error)
            return error;
    }
    return 0;
}

/* The clock by which the stepper's next pending run must be there. */
static uint64_t due(const struct motor *motor)
{
    uint64_t first = entry_at(motor, motor->sent)->run.first;
    return first - motor->clock >= LONG_GAP ? first : motor->clock;
}

/* The stepper whose next pending run is due first, and before a clock; NULL for none. */
static struct motor *earliest(const struct steps *steps, uint64_t before)
{
    struct motor *found = NULL;
    for (size_t i = 0; i < steps->motor_count; i++) {
        struct motor *motor = &steps->motors[i];
        if (motor->sent == motor->count)
            continue;
        uint64_t clock = due(motor);
        if (clock < before) {
            found = motor;
            before = clock;
        }
    }
    return found;
}

static int64_t send(const struct steps *steps, int32_t id, const int64_t *parameters, size_t count, uint64_t min_clock,
                    uint64_t required)
{
    uint8_t bytes[(1 + PARAMETERS_MOST) * VLQ_MOST];
    size_t used = vlq_encode(bytes, id);
    for (size_t i = 0; i < count; i++)
        used += vlq_encode(bytes + used, parameters[i]);
    return session_send(steps->session, steps->queue, bytes, used, min_clock, required);
}

/* Sends the stepper's next run, with a change of direction before it; gives the messages queued, or a negative errno. */
static int64_t send_run(struct steps *steps, struct motor *motor)
{
    const struct step_run *run = &entry_at(motor, motor->sent)->run;
    uint64_t required = due(motor), min_clock = take_slot(steps, required);
    if (required > FURTHEST && min_clock < required - FURTHEST)
        min_clock = required - FURTHEST;
    int64_t messages = 1;
    if (run->direction != motor->direction) {
        int64_t level[] = {motor->oid, (run->direction > 0) != motor->dir_inverted};
        int64_t ticket = send(steps, steps->ids.set_next_step_dir, level, 2, min_clock, required);
        if (ticket < 0)
            return ticket;
        motor->direction = run->direction;
        messages++;
    }
    uint32_t interval = (uint32_t)(run->first - motor->clock);
    int64_t numbers[] = {motor->oid, interval, run->count, run->add};
    int64_t ticket = send(steps, steps->ids.queue_step, numbers, 4, min_clock, required);
    if (ticket < 0)
        return ticket;
    motor->clock = step_run_last(run);
    motor->sent++;
    return messages;
}

int64_t steps_flush(struct steps *steps, uint64_t clock)
{
    int64_t messages = 0;
    for (struct motor *next = earliest(steps, clock); next; next = earliest(steps, clock)) {
        int64_t sent = send_run(steps, next);
        if (sent < 0)
            return sent;
        messages += sent;
    }
    return messages;
}

void steps_sum(const struct steps *steps, int number, struct steps_sum *sum)
{
    *sum = steps->motors[number].sum;
}

int steps_reset_clock(struct steps *steps, int number, uint64_t clock)
{
    struct motor *motor = &steps->motors[number];
    if (motor->sent != motor->count)
        return -EBUSY;
    int64_t parameters[] = {motor->oid, (uint32_t)clock};
    int64_t ticket = send(steps, steps->ids.reset_step_clock, parameters, 2, 0, 0);
    if (ticket < 0)
        return (int)ticket;
    motor->clock = motor->base = clock;
    return 0;
}

void steps_discard(struct steps *steps, int number, int64_t position)
{
    struct motor *motor = &steps->motors[number];
    motor->count = motor->sent;
    motor->last = motor->base = motor->clock;
    motor->position = position;
}

/* Steps of a run that are done at `clock`, from its first one on: the largest k with time(k) <= clock, by bisection. */
static int64_t done_at(const struct step_run *run, uint64_t clock)
{
    struct step_run part = *run;
    uint32_t low = 0, high = run->count;
    while (low < high) {
        uint32_t middle = (low + high + 1) / 2;
        part.count = (uint16_t)middle;
        if (step_run_last(&part) <= clock)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

int steps_position_at(const struct steps *steps, int number, uint64_t clock, int64_t *position)
{
    const struct motor *motor = &steps->motors[number];
    size_t low = 0, high = motor->count; /* the first entry that begins after `clock` */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (entry_at(motor, middle)->run.first <= clock)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0) {
        *position = motor->count ? entry_at(motor, 0)->before : motor->position;
        return clock < motor->forgotten ? -ERANGE : 0;
    }
    const struct entry *entry = entry_at(motor, low - 1);
    int64_t done = done_at(&entry->run, clock);
    *position = entry->before + (entry->run.direction > 0 ? done : -done);
    return 0;
}

size_t steps_history(const struct steps *steps, int number, uint64_t clock, struct step_run *runs, int64_t *before,
                     size_t room)
{
    const struct motor *motor = &steps->motors[number];
    size_t begin = motor->sent, count = 0;
    while (begin > 0 && step_run_last(&entry_at(motor, begin - 1)->run) > clock)
        begin--;
    for (; begin < motor->sent && count < room; begin++, count++) {
        runs[count] = entry_at(motor, begin)->run;
        before[count] = entry_at(motor, begin)->before;
    }
    return count;
}
