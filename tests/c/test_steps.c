/* mcu/steps.c: runs of several steppers leave in the order in which they are due, with the MCU's queue never over-full. */
#include "klipkit/mcu/steps.h"

#include <errno.h>
#include <math.h>

#include "klipkit/motion/run.h"
#include "klipkit/wire/frame.h"
#include "klipkit/wire/session.h"
#include "klipkit/wire/vlq.h"
#include "tests/c/wire_check.h"

enum { QUEUE_STEP = 20, SET_DIR = 21, RESET_CLOCK = 22, SLOTS = 8, STEPPERS = 3, RUNS = 2000 };
static const uint64_t HISTORY = 1u << 20;

/* The MCU's side of the wire: takes frames, acknowledges them, and notes the messages. */
struct mcu {
    struct session *session;
    struct frame_decoder decoder;
    double now, frequency;
    uint64_t expects;
    uint64_t clock[STEPPERS];      /* of the last step, as the MCU adds it up in 32 bits */
    uint32_t clock32[STEPPERS];
    int64_t position[STEPPERS];
    int level[STEPPERS];
    uint64_t due[SLOTS];           /* of each slot: when the entry in it begins, and the slot is free */
    uint64_t entries;
};

static uint64_t mcu_clock(const struct mcu *mcu)
{
    return (uint64_t)llround(mcu->now * mcu->frequency + 0.5); /* the session may be right to a part of a tick */
}

static size_t parameter(const uint8_t *bytes, size_t count, uint32_t *value)
{
    size_t used = vlq_decode(bytes, count, value);
    CHECK(used > 0, "a parameter is cut off");
    return used;
}

static void execute_step(struct mcu *mcu, uint32_t oid, uint32_t interval, uint32_t count, int32_t add)
{
    CHECK(oid < STEPPERS && count > 0, "oid %u count %u", oid, count);
    uint64_t start = mcu->clock[oid];
    int slot = 0;
    while (slot < SLOTS && mcu->due[slot] > mcu_clock(mcu))
        slot++;
    CHECK(slot < SLOTS, "the queue of the MCU is over-full at %llu", (unsigned long long)mcu_clock(mcu));
    mcu->due[slot] = start;
    mcu->entries++;
    for (uint32_t k = 0; k < count; k++) {
        mcu->clock[oid] += interval;
        mcu->clock32[oid] += interval;
        mcu->position[oid] += mcu->level[oid] ? 1 : -1;
        interval += (uint32_t)add;
    }
}

static size_t execute(struct mcu *mcu, const uint8_t *bytes, size_t count)
{
    uint32_t id, oid, numbers[3];
    size_t used = parameter(bytes, count, &id);
    used += parameter(bytes + used, count - used, &oid);
    size_t more = id == QUEUE_STEP ? 3 : 1;
    for (size_t i = 0; i < more; i++)
        used += parameter(bytes + used, count - used, &numbers[i]);
    if (id == QUEUE_STEP)
        execute_step(mcu, oid, numbers[0], numbers[1], (int32_t)numbers[2]);
    else if (id == SET_DIR)
        mcu->level[oid] = (int)numbers[0];
    else
        CHECK(id == RESET_CLOCK, "id %u", id);
    return used;
}

static void take(struct mcu *mcu, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        size_t used, length = frame_decode(&mcu->decoder, bytes, count, &used);
        bytes += used;
        count -= used;
        if (length == 0)
            continue;
        const uint8_t *payload = mcu->decoder.bytes + FRAME_HEADER;
        for (size_t at = 0; at < length - FRAME_LEAST;)
            at += execute(mcu, payload + at, length - FRAME_LEAST - at);
        uint8_t ack[FRAME_LEAST];
        session_feed(mcu->session, mcu->now, ack, frame_seal(ack, 0, ++mcu->expects));
    }
}

/* Let time go on to `end`; the wire takes no time. */
static void pass(struct mcu *mcu, double end)
{
    uint8_t out[256];
    while (mcu->now <= end) {
        for (size_t n = session_emit(mcu->session, mcu->now, out, sizeof(out)); n > 0;
             n = session_emit(mcu->session, mcu->now, out, sizeof(out)))
            take(mcu, out, n);
        double next = session_next(mcu->session, mcu->now);
        if (!(next <= end))
            break;
        mcu->now = next > mcu->now ? next : mcu->now + 1e-6;
    }
    mcu->now = end;
}

static struct mcu connect(double frequency)
{
    struct mcu mcu = {.session = session_new(), .frequency = frequency, .expects = 1};
    CHECK(mcu.session, "no memory");
    session_set_clock(mcu.session, frequency, 0.0, 0);
    return mcu;
}

static const struct steps_ids IDS = {.queue_step = QUEUE_STEP, .set_next_step_dir = SET_DIR, .reset_step_clock = RESET_CLOCK};

/* Random runs of three steppers, flushed in random pieces: the MCU ends where the runs do, at their clocks. */
static void test_runs_arrive_in_order_and_within_the_queue(uint64_t seed)
{
    struct chance chance = {seed};
    struct mcu mcu = connect(1e6);
    struct steps *steps = steps_new(mcu.session, session_add_queue(mcu.session), &IDS, SLOTS, HISTORY);
    uint64_t last[STEPPERS] = {0};
    int64_t position[STEPPERS] = {0};
    for (int i = 0; i < STEPPERS; i++)
        CHECK(steps_add_stepper(steps, (uint8_t)i, i == 1) == i, "stepper");
    for (int n = 0; n < RUNS; n++) {
        int i = (int)chance_below(&chance, STEPPERS);
        uint32_t rest = chance_below(&chance, 10) == 0 ? 200000 : 5000; /* some entries wait long in their slots */
        struct step_run run = {.interval = 200 + chance_below(&chance, rest), .count = (uint16_t)(1 + chance_below(&chance, 20)),
                               .add = (int16_t)((int)chance_below(&chance, 15) - 7),
                               .direction = chance_below(&chance, 2) ? 1 : -1};
        run.first = last[i] + run.interval;
        CHECK(steps_append(steps, i, &run, 1) == 0, "append");
        last[i] = step_run_last(&run);
        position[i] += run.direction * run.count;
        if (chance_below(&chance, 50) == 0) {
            uint64_t least = last[0];
            for (int k = 1; k < STEPPERS; k++)
                if (last[k] < least || chance_below(&chance, 4) == 0)
                    least = last[k]; /* sometimes further than all steppers have steps */
            CHECK(steps_flush(steps, least) >= 0, "flush");
            pass(&mcu, (double)least / mcu.frequency - 0.05 > mcu.now ? (double)least / mcu.frequency - 0.05 : mcu.now);
        }
    }
    CHECK(steps_flush(steps, UINT64_MAX) >= 0, "flush");
    pass(&mcu, (double)(last[0] + last[1] + last[2]) / mcu.frequency);
    for (int i = 0; i < STEPPERS; i++) {
        int64_t at_end;
        CHECK(mcu.clock[i] == last[i], "stepper %d ends at another clock", i);
        CHECK(mcu.position[i] == (i == 1 ? -position[i] : position[i]), "stepper %d ends elsewhere", i);
        CHECK(steps_position_at(steps, i, last[i], &at_end) == 0 && at_end == position[i], "history of %d", i);
    }
    steps_free(steps);
    session_free(mcu.session);
}

static void test_a_long_gap_is_one_interval_modulo_2_32(void)
{
    struct mcu mcu = connect(50e6);
    struct steps *steps = steps_new(mcu.session, session_add_queue(mcu.session), &IDS, SLOTS, HISTORY);
    steps_add_stepper(steps, 0, 0);
    uint64_t first = 40ull * 50000000 + 7000000000ull;
    struct step_run run = {.first = first, .interval = (uint32_t)first, .count = 1, .direction = 1};
    CHECK(steps_append(steps, 0, &run, 1) == 0 && steps_flush(steps, UINT64_MAX) == 2, "two messages");
    pass(&mcu, (double)first / 50e6 - 25);
    CHECK(mcu.entries == 0, "sent more than 2^30 ticks ahead");
    pass(&mcu, (double)first / 50e6);
    CHECK(mcu.entries == 1 && mcu.clock32[0] == (uint32_t)first, "the step is at its clock");
    steps_free(steps);
    session_free(mcu.session);
}

static void test_what_does_not_follow_is_refused_whole(void)
{
    struct session *session = session_new();
    struct steps *steps = steps_new(session, session_add_queue(session), &IDS, SLOTS, HISTORY);
    steps_add_stepper(steps, 0, 0);
    struct step_run runs[2] = {{.first = 1000, .interval = 1000, .count = 3, .direction = 1},
                               {.first = 2500, .interval = 500, .count = 1, .direction = 1}};
    CHECK(steps_append(steps, 0, runs, 2) == -ERANGE, "a step before the one before it");
    runs[0].interval = 999;
    CHECK(steps_append(steps, 0, runs, 1) == -EINVAL, "an interval that does not count from the last step");
    CHECK(steps_flush(steps, UINT64_MAX) == 0, "nothing was appended");
    CHECK(steps_new(session, 0, &IDS, 0, 0) == NULL, "a queue without slots");
    steps_free(steps);
    session_free(session);
}

static void test_positions_are_looked_up_and_forgotten(void)
{
    struct session *session = session_new();
    struct steps *steps = steps_new(session, session_add_queue(session), &IDS, 1000, 5000);
    steps_add_stepper(steps, 0, 0);
    int64_t position;
    CHECK(steps_position_at(steps, 0, 99, &position) == 0 && position == 0, "before the first step");
    uint64_t clock = 0;
    for (int n = 0; n < 300; n++) {
        int8_t direction = n % 3 ? 1 : -1;
        struct step_run run = {.first = clock + 100, .interval = 100, .count = 2, .direction = direction};
        CHECK(steps_append(steps, 0, &run, 1) == 0 && steps_flush(steps, UINT64_MAX) > 0, "run %d", n);
        clock += 200;
    }
    CHECK(steps_position_at(steps, 0, clock, &position) == 0 && position == 200, "end: %lld", (long long)position);
    CHECK(steps_position_at(steps, 0, clock - 1, &position) == 0 && position == 199, "within a run");
    CHECK(steps_position_at(steps, 0, clock - 200, &position) == 0 && position == 198, "between runs");
    CHECK(steps_position_at(steps, 0, 100, &position) == -ERANGE, "older than the history");
    struct step_run sent[4];
    int64_t before[4];
    CHECK(steps_history(steps, 0, clock - 500, sent, before, 4) == 3, "runs that end later");
    CHECK(sent[0].first == clock - 500 && before[0] == 198 && step_run_last(&sent[2]) == clock, "the last three");
    CHECK(before[1] == 196 && before[2] == 198, "each from where the one before it ends");
    CHECK(steps_history(steps, 0, 0, sent, before, 4) == 4 && sent[0].first > 50000, "the oldest first, as many as fit");
    CHECK(steps_history(steps, 0, clock, sent, before, 4) == 0, "nothing is later than the last step");
    struct step_run next = {.first = clock + 100, .interval = 100, .count = 1, .direction = 1};
    CHECK(steps_append(steps, 0, &next, 1) == 0 && steps_history(steps, 0, clock, sent, before, 4) == 0, "not yet sent");
    steps_discard(steps, 0, 200);
    for (int n = 0; n < 3; n++) { /* after a rest of more than the history */
        next.first = clock + 50000 + 100 * (uint64_t)n;
        next.interval = n ? 100 : 50000;
        CHECK(steps_append(steps, 0, &next, 1) == 0 && steps_flush(steps, UINT64_MAX) > 0, "run %d after a rest", n);
    }
    CHECK(steps_position_at(steps, 0, clock + 49999, &position) == 0 && position == 200, "where it rested");
    CHECK(steps_position_at(steps, 0, clock - 1, &position) == -ERANGE, "what was before the rest is forgotten");
    CHECK(steps_reset_clock(steps, 0, 0) == 0, "reset");
    steps_free(steps);
    session_free(session);
}

int main(void)
{
    for (uint64_t seed = 1; seed <= 100; seed++)
        test_runs_arrive_in_order_and_within_the_queue(seed);
    test_a_long_gap_is_one_interval_modulo_2_32();
    test_what_does_not_follow_is_refused_whole();
    test_positions_are_looked_up_and_forgotten();
    puts("test_steps: passed");
    return 0;
}
