/* The wires of the co-simulator: bytes at their time, both ways; faults; resets; private copies of the firmware. */
#include "klipkit/sim/inner/line.h"
#include "test_cosim.h"

#define BYTE_TIME 40e-6 /* s: 10 bits at 250000 baud */

static struct session *session_on(struct cosim *cosim, int mcu, double byte_time, const struct cosim_faults *faults, int *queue)
{
    struct session *session = session_new();
    CHECK(session, "no memory");
    session_set_wire(session, byte_time, 0);
    *queue = session_add_queue(session);
    CHECK(cosim_connect(cosim, mcu, session, byte_time, faults) == 0, "connect");
    return session;
}

static void bytes_arrive_one_byte_time_apart(void)
{
    struct sim_persona persona = fake_persona(16000000, 0);
    struct cosim *cosim = cosim_new(100.0);
    int queue, mcu = add_fake(cosim, &persona, 0, 0.0);
    cosim_watch(cosim, mcu, PIN_BYTES);
    struct session *session = session_on(cosim, mcu, BYTE_TIME, NULL, &queue);
    CHECK(session_query(session, queue, (const uint8_t *)"hello", 5, 0, 0) > 0, "query");
    run_through(cosim, 100.003);
    struct cosim_edge edges[64];
    size_t count = cosim_edges(cosim, edges, 64);
    CHECK(count >= 10, "%zu bytes arrived", count);
    for (size_t i = 0; i < 10; i++) /* 640 ticks are 40 us at 16 MHz; units of 2^-40 s may round a tick up */
        CHECK(edges[i].clock - 640 * (i + 1) <= 1, "byte %zu at tick %llu", i, (unsigned long long)edges[i].clock);
    cosim_connect(cosim, mcu, NULL, 0.0, NULL);
    session_free(session);
    cosim_free(cosim);
}

/* The answer's time: the command's 10 bytes, then the answer's 10 bytes; the ack 5 bytes later. */
static void an_answer_comes_after_the_bytes_of_both_ways(void)
{
    struct sim_persona persona = fake_persona(16000000, 0);
    struct cosim *cosim = cosim_new(0.0);
    int queue, mcu = add_fake(cosim, &persona, 0, 0.0);
    struct session *session = session_on(cosim, mcu, BYTE_TIME, NULL, &queue);
    ask(cosim, session, queue, "first", 5);
    double before = cosim_now(cosim), answered = 0.0;
    CHECK(session_query(session, queue, (const uint8_t *)"hello", 5, 0, 0) > 0, "query");
    struct session_message message = {.count = 1};
    while (message.count) {
        CHECK(cosim_run(cosim, before + 1.0) == COSIM_MESSAGES, "messages");
        while (session_receive(session, &message))
            if (message.count)
                answered = message.received;
    }
    CHECK(fabs(answered - before - 20 * BYTE_TIME) < 1e-9, "answered after %g s", answered - before);
    CHECK(fabs(cosim_now(cosim) - before - 25 * BYTE_TIME) < 1e-9, "acknowledged after %g s", cosim_now(cosim) - before);
    cosim_free(cosim);
    session_free(session);
}

/* 45-byte frames: one byte of the first is on its way at once, so two fit into 96 bytes, and an ack of 5 bytes; not the third. */
static void a_full_transmit_buffer_drops_answers(void)
{
    struct sim_persona persona = fake_persona(16000000, 0);
    int answers[2] = {0, 0};
    for (int slow = 0; slow < 2; slow++) {
        struct cosim *cosim = cosim_new(0.0);
        int queue, mcu = add_fake(cosim, &persona, 0, 0.0);
        struct session *session = session_on(cosim, mcu, slow ? BYTE_TIME : 0.0, NULL, &queue);
        ask(cosim, session, queue, "first", 5);
        session_send(session, queue, (const uint8_t *)"A\x0a and twenty more", 18, 0, 0);
        while (cosim_run(cosim, 1.0) == COSIM_MESSAGES)
            for (struct session_message message; session_receive(session, &message);)
                answers[slow] += message.count > 0;
        struct session_stats stats;
        session_get_stats(session, &stats);
        CHECK(stats.timeouts == 0, "the ack was lost as well");
        cosim_free(cosim);
        session_free(session);
    }
    CHECK(answers[0] == 11, "%d answers without a wire's delay", answers[0]);
    CHECK(answers[1] == 2, "%d answers fitted", answers[1]);
}

/* One conversation of 400 commands under faults, written down: edges of all bytes, all messages with their times. */
struct record {
    uint64_t sum;         /* FNV-1a of all that was seen */
    struct session_stats stats;
    int executed;
};

static void add_to_sum(uint64_t *sum, const void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        *sum = (*sum ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
}

static void note_edges(struct record *record, struct cosim *cosim)
{
    for (struct cosim_edge edge; cosim_edges(cosim, &edge, 1);) {
        add_to_sum(&record->sum, &edge.clock, sizeof edge.clock);
        add_to_sum(&record->sum, &edge.pin, sizeof edge.pin);
        add_to_sum(&record->sum, &edge.level, sizeof edge.level);
    }
}

static void note_messages(struct record *record, struct session *session)
{
    for (struct session_message message; session_receive(session, &message);) {
        record->executed += message.count == 0;
        add_to_sum(&record->sum, &message.received, sizeof message.received);
        add_to_sum(&record->sum, message.bytes, message.count);
    }
}

static struct record converse(const struct cosim_faults *faults, int commands)
{
    struct sim_persona persona = fake_persona(16000000, 77777);
    struct record record = {.sum = 0xcbf29ce484222325};
    struct cosim *cosim = cosim_new(1.5);
    struct session *sessions[2];
    int queues[2];
    for (int mcu = 0; mcu < 2; mcu++) {
        add_fake(cosim, &persona, (uint64_t)mcu << 30, mcu * 25e-6);
        sessions[mcu] = session_on(cosim, mcu, BYTE_TIME, faults, &queues[mcu]);
        cosim_watch(cosim, mcu, PIN_BYTES);
        cosim_watch(cosim, mcu, PIN_TOGGLE);
        for (int i = 0; i < commands; i++) {
            uint8_t payload[40] = {'x', (uint8_t)i, (uint8_t)(i >> 8)};
            session_query(sessions[mcu], queues[mcu], payload, 3 + (size_t)i % 37, 0, 0);
        }
    }
    while (record.executed < 2 * commands) {
        CHECK(cosim_now(cosim) < 1000.0, "%d of %d executed", record.executed, 2 * commands);
        if (cosim_run(cosim, cosim_now(cosim) + 10.0) == COSIM_TIME) /* the last ack was lost: the next one makes up for it */
            for (int mcu = 0; mcu < 2; mcu++)
                session_send(sessions[mcu], queues[mcu], (const uint8_t *)"x", 1, 0, 0);
        note_messages(&record, sessions[0]);
        note_messages(&record, sessions[1]);
        note_edges(&record, cosim);
    }
    session_get_stats(sessions[0], &record.stats);
    cosim_free(cosim);
    session_free(sessions[0]);
    session_free(sessions[1]);
    return record;
}

static void the_same_calls_and_seed_give_the_same_bytes_and_edges(void)
{
    struct cosim_faults faults = {.seed = 7, .corrupt = 0.05, .drop = 0.05}, others = {.seed = 8, .corrupt = 0.05, .drop = 0.05};
    struct record first = converse(&faults, 400), again = converse(&faults, 400), other = converse(&others, 400);
    CHECK(first.sum == again.sum, "two runs differ");
    CHECK(first.sum != other.sum, "another seed changed nothing");
    CHECK(first.stats.bytes_retransmitted > 0 && first.stats.timeouts + first.stats.naks > 0, "no faults were seen");
}

static void without_faults_nothing_is_sent_twice(void)
{
    struct record record = converse(NULL, 400);
    struct session_stats *stats = &record.stats;
    CHECK(stats->bytes_invalid == 0 && stats->timeouts == 0, "%llu invalid, %llu time-outs",
          (unsigned long long)stats->bytes_invalid, (unsigned long long)stats->timeouts);
}

/* Answers never pass all 59 bytes here; what a line drops or corrupts is counted on the line itself. */
static void faults_come_about_as_often_as_asked(void)
{
    struct line line = {0};
    enum { FRAMES = 100000 };
    uint8_t frame[20] = {20, 0x10};
    line_begin(&line, 1000);
    line_damage(&line, 12345, 0.03, 0.01, 0);
    uint64_t lost = 0, changed = 0;
    for (int i = 0; i < FRAMES; i++) {
        CHECK(line_put(&line, 0, frame, sizeof frame) == 0, "no memory");
        lost += sizeof frame - line.count;
        for (size_t at = 0; at < line.count; at++)
            changed += line.count == sizeof frame && line_at(&line, at)->byte != frame[at];
        line_take(&line, line.count);
    }
    CHECK(lost == line.dropped && lost > 900 && lost < 1100, "%llu of %d lost", (unsigned long long)lost, FRAMES);
    CHECK(line.corrupted > 2850 && line.corrupted < 3150, "%llu corrupted", (unsigned long long)line.corrupted);
    CHECK(changed <= line.corrupted && changed > line.corrupted - 60, "%llu changed", (unsigned long long)changed);
    CHECK(line.free_at == (uint64_t)FRAMES * 20 * 1000, "a lost byte takes its time as well");
    line_free(&line);
}

/* A chip's UART puts bytes one by one, compiled firmware whole frames: the same frames suffer the same. */
static void frames_that_come_byte_by_byte_suffer_as_whole_ones(void)
{
    struct line whole = {0}, bytes = {0};
    uint8_t frame[64] = {0};
    line_begin(&whole, 1000);
    line_damage(&whole, 99, 0.2, 0.2, 0);
    line_begin(&bytes, 1000);
    line_damage(&bytes, 99, 0.2, 0.2, 0);
    uint64_t through = 0;
    for (int i = 0; i < 20000; i++) {
        frame[0] = (uint8_t)(i % 7 == 0 ? 0x7e : 5 + i % 60); /* a lone sync byte now and then */
        size_t size = frame[0] == 0x7e ? 1 : frame[0];
        line_put(&whole, 0, frame, size);
        for (size_t at = 0; at < size; at++)
            line_put_byte(&bytes, through += 1000, frame[at]);
        CHECK(whole.count == bytes.count, "%zu and %zu bytes of frame %d", whole.count, bytes.count, i);
        for (size_t at = 0; at < whole.count; at++) {
            const struct line_byte *a = line_at(&whole, at), *b = line_at(&bytes, at);
            CHECK(a->when == b->when && a->byte == b->byte && a->last == b->last, "byte %zu of frame %d", at, i);
        }
        CHECK(line_at(&bytes, bytes.count - 1)->last, "frame %d has no end", i);
        line_take(&whole, whole.count);
        line_take(&bytes, bytes.count);
    }
    CHECK(bytes.dropped > 3000 && bytes.corrupted > 3000, "nothing was damaged");
    line_free(&whole);
    line_free(&bytes);
}

static void a_line_that_is_cut_begins_with_a_frame(void)
{
    struct line line = {0};
    line_begin(&line, 1000);
    line_put_byte(&line, 1000, 40); /* the length of a frame that does not come */
    line_cut(&line);
    for (uint64_t at = 0; at < 5; at++)
        line_put_byte(&line, 2000 + 1000 * at, at == 0 ? 5 : 0);
    CHECK(line.count == 5 && line_at(&line, 4)->last && !line_at(&line, 3)->last, "the end of the frame was not seen");
    line_free(&line);
}

static void each_mcu_has_globals_of_its_own_and_loses_them_at_a_reset(void)
{
    struct sim_persona persona = fake_persona(16000000, 0);
    struct cosim *cosim = cosim_new(0.0);
    struct session *sessions[2];
    int queues[2];
    for (int mcu = 0; mcu < 2; mcu++) {
        add_fake(cosim, &persona, 0, 0.0);
        sessions[mcu] = session_on(cosim, mcu, BYTE_TIME, NULL, &queues[mcu]);
        CHECK(ask(cosim, sessions[mcu], queues[mcu], "C?", 2) == ('C' << 8 | 1), "globals of MCU %d are not its own", mcu);
    }
    cosim_free(cosim);
    session_free(sessions[0]);
    session_free(sessions[1]);
}

static void reset_by(uint8_t command)
{
    struct sim_persona persona = fake_persona(16000000, 16000);
    struct cosim *cosim = cosim_new(0.0);
    int queue, mcu = add_fake(cosim, &persona, 16000000, 0.0);
    struct session *session = session_on(cosim, mcu, BYTE_TIME, NULL, &queue);
    ask(cosim, session, queue, "first", 5);
    ask(cosim, session, queue, "P\4\1", 3);
    CHECK(cosim_watch(cosim, mcu, PIN_DIR) == 0 && cosim_resets(cosim, mcu) == 0, "watch");
    session_send(session, queue, &command, 1, 0, 0);
    int why;
    while ((why = cosim_run(cosim, 10.0)) == COSIM_MESSAGES)
        continue;
    CHECK(why == COSIM_RESET && cosim_resets(cosim, mcu) == 1, "run gave %d", why);
    struct cosim_edge edge;
    CHECK(cosim_edges(cosim, &edge, 1) == 1 && edge.level == 0, "an output floats after a reset");
    double reset_at = cosim_now(cosim);
    CHECK(cosim_connect(cosim, mcu, NULL, 0.0, NULL) == 0, "unplug");
    session_free(session);
    cosim_watch(cosim, mcu, PIN_TOGGLE);
    run_through(cosim, reset_at + 0.0655);
    CHECK(cosim_edges(cosim, &edge, 1) == 0, "an edge before the boot is over");
    run_through(cosim, reset_at + 0.0665);
    CHECK(cosim_edges(cosim, &edge, 1) == 1 && edge.clock == 16000, "the clock begins anew");
    session = session_on(cosim, mcu, BYTE_TIME, NULL, &queue);
    CHECK(ask(cosim, session, queue, "C?", 2) == ('C' << 8 | 1), "globals survived");
    cosim_free(cosim);
    session_free(session);
}

static void bytes_that_come_during_the_boot_are_lost(void)
{
    struct sim_persona persona = fake_persona(16000000, 0);
    struct cosim *cosim = cosim_new(0.0);
    int queue, mcu = add_fake(cosim, &persona, 0, 0.0);
    struct session *session = session_on(cosim, mcu, BYTE_TIME, NULL, &queue);
    ask(cosim, session, queue, "first", 5);
    session_send(session, queue, (const uint8_t *)"R", 1, 0, 0);
    while (cosim_run(cosim, 1.0) != COSIM_RESET)
        continue;
    double up_at = cosim_now(cosim) + 0.065;
    cosim_watch(cosim, mcu, PIN_BYTES);
    struct session_stats before, after;
    session_get_stats(session, &before);
    session_query(session, queue, (const uint8_t *)"x", 1, 0, 0);
    run_through(cosim, cosim_now(cosim) + 0.06);
    session_get_stats(session, &after);
    CHECK(after.bytes_sent > before.bytes_sent && after.bytes_received == before.bytes_received, "an MCU in reset answered");
    run_through(cosim, up_at + 0.05);
    struct cosim_edge edge;
    CHECK(cosim_edges(cosim, &edge, 1) == 1 && edge.clock > 1600, "a byte was kept for the boot");
    cosim_free(cosim);
    session_free(session);
}

static void interrupts_wait_while_they_are_off(void)
{
    struct sim_persona persona = fake_persona(16000000, 3210);
    struct cosim *cosim = cosim_new(0.0);
    int queue, mcu = add_fake(cosim, &persona, 0, 0.0);
    struct session *session = session_on(cosim, mcu, BYTE_TIME, NULL, &queue);
    ask(cosim, session, queue, "first", 5);
    cosim_watch(cosim, mcu, PIN_TOGGLE);
    struct cosim_edge edge;
    int late = 0;
    for (int i = 0; i < 40; i++) /* 255 reads of 2 ticks with interrupts off: 32 us, at any phase of a timer of 200 us */
        ask(cosim, session, queue, "I\xff", 2);
    for (uint64_t due = 0; cosim_edges(cosim, &edge, 1);) {
        due = edge.clock / 3210 * 3210;
        late += edge.clock != due;
        CHECK(edge.clock - due <= 512, "a timer was %llu ticks late", (unsigned long long)(edge.clock - due));
    }
    CHECK(late > 0, "no timer had to wait");
    cosim_free(cosim);
    session_free(session);
}

int main(void)
{
    bytes_arrive_one_byte_time_apart();
    an_answer_comes_after_the_bytes_of_both_ways();
    a_full_transmit_buffer_drops_answers();
    the_same_calls_and_seed_give_the_same_bytes_and_edges();
    without_faults_nothing_is_sent_twice();
    faults_come_about_as_often_as_asked();
    frames_that_come_byte_by_byte_suffer_as_whole_ones();
    a_line_that_is_cut_begins_with_a_frame();
    each_mcu_has_globals_of_its_own_and_loses_them_at_a_reset();
    reset_by('R');
    reset_by('G');
    bytes_that_come_during_the_boot_are_lost();
    interrupts_wait_while_they_are_off();
    return 0;
}
