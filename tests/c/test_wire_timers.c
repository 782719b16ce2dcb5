/* Retransmission: time-outs that double after the first ones, naks, naks that are stale, first contact. */
#include <math.h>
#include <string.h>

#include "klipkit/wire/session.h"
#include "tests/c/wire_model.h"

static const double BYTE_TIME = 40e-6; /* 250000 baud */

/* get_clock, as frame number 1: 06 11 06 .. .. 7e */
static const uint8_t GET_CLOCK[1] = { 6 };

static struct session *session_with(int *queue)
{
    struct session *session = session_new();
    CHECK(session, "no memory");
    session_set_wire(session, BYTE_TIME, 0);
    *queue = session_add_queue(session);
    return session;
}

static void acknowledge(struct session *session, double now, uint64_t number)
{
    uint8_t frame[FRAME_LEAST];
    session_feed(session, now, frame, frame_seal(frame, 0, number));
}

/* A session whose first frame (number 1) was acknowledged at 0. */
static struct session *session_in_contact(int *queue)
{
    uint8_t out[64];
    struct session *session = session_with(queue);
    session_send(session, *queue, GET_CLOCK, 1, 0, 0);
    CHECK(session_emit(session, 0, out, sizeof(out)) == 6, "first frame");
    acknowledge(session, 0.001, 2);
    return session;
}

/* An MCU that stops answering: three times after 25 ms and the time of the bytes, then 50, 100 ... 3200 ms, then every 5 s. */
static void time_outs_double_up_to_5_seconds(void)
{
    static const double EXPECTED[] = { 0.025, 0.025, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5 };
    enum { COUNT = sizeof(EXPECTED) / sizeof(EXPECTED[0]) };
    int queue;
    uint8_t out[1024];
    struct session *session = session_in_contact(&queue);
    double last = 1;
    session_send(session, queue, GET_CLOCK, 1, 0, 0);
    CHECK(session_emit(session, last, out, sizeof(out)) == 6 && session_emit(session, last, out, sizeof(out)) == 0, "once");
    for (size_t i = 0; i < COUNT; i++) {
        double next = session_next(session, last);
        CHECK(fabs(next - last - (i ? 7 : 6) * BYTE_TIME - EXPECTED[i]) < 1e-6, "retransmission %d after %.4f s", (int)i, next - last);
        CHECK(session_emit(session, next - 1e-6, out, sizeof(out)) == 0, "too early");
        size_t used = session_emit(session, next, out, sizeof(out));
        CHECK(used == 7 && out[0] == FRAME_SYNC && out[1] == 6 && out[2] == 0x12, "%d bytes", (int)used);
        last = next;
    }
    struct session_stats stats;
    session_get_stats(session, &stats);
    CHECK(stats.timeouts == COUNT && stats.frames_sent == 2 && stats.bytes_retransmitted == 7 * COUNT, "%d", (int)stats.timeouts);
    uint8_t clock[8] = { 0, 0, 0x76, 0 };
    struct session_message message;
    session_feed(session, last + 0.001, clock, frame_seal(clock, 2, 3));
    CHECK(session_receive(session, &message) && message.count == 2 && message.sent == 0, "sent more than once: no time");
    acknowledge(session, last + 0.001, 3);
    session_get_stats(session, &stats);
    CHECK(stats.retransmit_after == 0.025, "progress ends the doubling: the time-out is %f", stats.retransmit_after);
    session_free(session);
}

/* All outstanding frames go out again, unchanged, after one sync byte; also through a small buffer. */
static void a_retransmission_has_all_outstanding_frames(size_t room)
{
    int queue;
    uint8_t first[1024], again[1024], payload[SESSION_PAYLOAD_MOST];
    struct session *session = session_in_contact(&queue);
    memset(payload, FRAME_SYNC, sizeof(payload));
    for (int i = 0; i < 5; i++)
        session_send(session, queue, payload, 59, 0, 0);
    CHECK(session_emit(session, 1, first, sizeof(first)) == 320, "five frames");
    acknowledge(session, 1.002, 3);
    double due = session_next(session, 1.002);
    CHECK(fabs(due - (1 + 128 * BYTE_TIME + 0.025)) < 1e-9, "the timer runs from the end of the oldest frame: %f", due);
    size_t used = 0, more;
    while ((more = session_emit(session, due, again + used, room)))
        used += more;
    CHECK(used == 1 + 256 && again[0] == FRAME_SYNC && memcmp(again + 1, first + 64, 256) == 0, "%d bytes", (int)used);
    CHECK(session_next(session, due) > due + 256 * BYTE_TIME + 0.025, "the timer runs from the end of the retransmission");
    session_free(session);
}

/* A round trip that is longer than the first time-out: the copies' acks say nothing of it, so the time-out grows until a frame is
 * not repeated, and holds from then on. */
static void a_long_round_trip_is_learned(void)
{
    static const double ROUND_TRIP = 0.3;
    int queue;
    uint8_t out[64];
    struct session *session = session_with(&queue);
    struct session_stats stats;
    double now = 1;
    size_t repeated = 0;
    for (uint64_t number = 1; number < 30; number++) {
        session_send(session, queue, GET_CLOCK, 1, 0, 0);
        CHECK(session_emit(session, now, out, sizeof(out)) == 6, "frame %d", (int)number);
        double answered = now + ROUND_TRIP;
        for (double next; (next = session_next(session, now)) < answered; now = next)
            repeated += session_emit(session, next, out, sizeof(out));
        acknowledge(session, now = answered, number + 1);
    }
    session_get_stats(session, &stats);
    CHECK(fabs(stats.round_trip - ROUND_TRIP) < 0.01, "round trip %f", stats.round_trip);
    CHECK(stats.retransmit_after > ROUND_TRIP && repeated < 8 * 6 * 7, "%d bytes were repeated", (int)repeated);
    session_free(session);
}

/* An ack that comes while the retransmission goes out takes the frames that it names out of it. */
static void a_retransmission_leaves_out_what_is_acknowledged_meanwhile(void)
{
    int queue;
    uint8_t out[1024], payload[SESSION_PAYLOAD_MOST] = { 0 };
    struct session *session = session_in_contact(&queue);
    for (int i = 0; i < 5; i++)
        session_send(session, queue, payload, 59, 0, 0);
    session_emit(session, 1, out, sizeof(out));
    double due = session_next(session, 1);
    CHECK(session_emit(session, due, out, 65) == 65 && out[2] == 0x12, "sync byte and first frame");
    acknowledge(session, due, 5);
    CHECK(session_emit(session, due, out, 64) == 64 && out[1] == 0x15, "three frames are acknowledged, so the fourth is next");
    CHECK(session_emit(session, due, out, 64) == 64 && out[1] == 0x16, "the fifth");
    CHECK(session_emit(session, due, out, 64) == 0, "no more");
    session_free(session);
}

static void before_the_first_ack_one_frame_is_sent(void)
{
    int queue;
    uint8_t out[1024];
    struct session *session = session_with(&queue);
    uint8_t payload[SESSION_PAYLOAD_MOST] = { 0 };
    for (int i = 0; i < 3; i++)
        session_send(session, queue, payload, 59, 0, 0);
    CHECK(session_emit(session, 0, out, sizeof(out)) == 64 && session_emit(session, 0, out, sizeof(out)) == 0, "one");
    acknowledge(session, 0.005, 2);
    CHECK(session_emit(session, 0.005, out, sizeof(out)) == 128, "two");
    session_free(session);
}

/* Trace l: a nak is answered at once; the naks for the frames behind the damaged one are not. */
static void the_first_nak_retransmits(void)
{
    int queue;
    uint8_t out[1024];
    struct session *session = session_in_contact(&queue);
    for (int i = 0; i < 3; i++) {
        session_send(session, queue, GET_CLOCK, 1, 0, 0);
        CHECK(session_emit(session, 1, out, sizeof(out)) == 6, "a frame");
    }
    acknowledge(session, 1.0009, 2);
    CHECK(session_next(session, 1.0009) == 1.0009, "now");
    CHECK(session_emit(session, 1.0009, out, sizeof(out)) == 19, "all three");
    acknowledge(session, 1.0010, 2);
    acknowledge(session, 1.0011, 2);
    CHECK(session_emit(session, 1.0011, out, sizeof(out)) == 0, "naks of the first transmission are ignored");
    acknowledge(session, 1.002, 3);
    acknowledge(session, 1.003, 3);
    CHECK(session_emit(session, 1.003, out, sizeof(out)) == 13, "a nak after progress is one of the retransmission");
    struct session_stats stats;
    session_get_stats(session, &stats);
    CHECK(stats.naks == 4 && stats.timeouts == 0, "%d naks", (int)stats.naks);
    session_free(session);
}

/* The repeated copy is damaged too: its nak comes a round trip after it, those of what was discarded before it come sooner. */
static void a_nak_of_the_repeated_copy_retransmits_once_more(void)
{
    int queue;
    uint8_t out[1024];
    struct session *session = session_in_contact(&queue);
    session_send(session, queue, GET_CLOCK, 1, 0, 0);
    session_emit(session, 1, out, sizeof(out));
    acknowledge(session, 1.004, 3); /* a round trip of 4 ms */
    for (int i = 0; i < 3; i++) {
        session_send(session, queue, GET_CLOCK, 1, 0, 0);
        session_emit(session, 2, out, sizeof(out));
    }
    acknowledge(session, 2.004, 3);
    CHECK(session_emit(session, 2.004, out, sizeof(out)) == 19, "a nak");
    acknowledge(session, 2.0045, 3);
    CHECK(session_emit(session, 2.0045, out, sizeof(out)) == 0, "a nak of what was sent before");
    acknowledge(session, 2.009, 3);
    CHECK(session_emit(session, 2.009, out, sizeof(out)) == 19, "a nak of the copy");
    acknowledge(session, 2.0098, 3);
    CHECK(session_emit(session, 2.0098, out, sizeof(out)) == 0, "a nak of what was sent before that");
    struct session_stats stats;
    session_get_stats(session, &stats);
    CHECK(stats.timeouts == 0, "no time-out was needed");
    session_free(session);
}

/* After time-outs whose repeated frames were all acknowledged in the end, a damaged new frame is nak'ed, and sent at once. */
static void a_nak_counts_after_a_time_out_that_was_overcome(void)
{
    int queue;
    uint8_t out[1024];
    struct session *session = session_in_contact(&queue);
    session_send(session, queue, GET_CLOCK, 1, 0, 0);
    session_emit(session, 1, out, sizeof(out));
    CHECK(session_emit(session, session_next(session, 1), out, sizeof(out)) == 7, "a time-out");
    acknowledge(session, 1.1, 3);
    session_send(session, queue, GET_CLOCK, 1, 0, 0);
    CHECK(session_emit(session, 2, out, sizeof(out)) == 6, "a new frame");
    acknowledge(session, 2.001, 3);
    CHECK(session_next(session, 2.001) == 2.001, "at %f", session_next(session, 2.001));
    CHECK(session_emit(session, 2.001, out, sizeof(out)) == 7, "it goes out again");
    session_free(session);
}

/* Trace m at 22.0 s: the MCU wakes up and finds all retransmissions in its buffer; each copy but one is nak'ed. */
static void naks_of_repeated_copies_start_no_storm(void)
{
    int queue;
    static uint8_t out[1024], buffer[65536];
    static struct model model;
    struct session *session = session_in_contact(&queue);
    size_t used, pending = 0, repeated = 0;
    model = (struct model){ .expects = 2 };
    for (uint32_t i = 0; i < 12; i++) {
        uint8_t bytes[COMMAND_LEAST];
        command_make(bytes, sizeof(bytes), KIND_PLAIN, 0, i, 0);
        session_send(session, queue, bytes, sizeof(bytes), 0, 0);
        while ((used = session_emit(session, 1 + i, out, sizeof(out)))) {
            memcpy(buffer + pending, out, used);
            pending += used;
        }
    }
    model_feed(&model, buffer, pending);
    CHECK(model.naks > 12, "the test needs naks, not %d", (int)model.naks);
    for (size_t at = 0; at < model.count; at += FRAME_LEAST) {
        session_feed(session, 14, model.out + at, FRAME_LEAST);
        repeated += session_emit(session, 14, out, sizeof(out));
    }
    CHECK(repeated == 0, "%d bytes were sent in answer to stale naks", (int)repeated);
    CHECK(model.executed[0] == 12 && session_acknowledged(session) == 13, "all executed, all acknowledged");
    session_free(session);
}

/* Whatever number the MCU expects, its first nak tells, and the first command is executed once. Number 2 can't be told from an
 * ack: then the command is lost, looks executed, and the next one works. */
static void the_number_of_the_mcu_is_adopted(uint64_t expects, int starts)
{
    int queue;
    uint8_t bytes[COMMAND_LEAST], out[1024];
    static struct model model;
    struct session *session = session_with(&queue);
    model = (struct model){ .expects = expects };
    if (starts) /* a word before we ask: a report of the old session */
        model_send(&model, (const uint8_t *)"\x71", 1);
    double now = 1;
    for (uint32_t i = 0; i < 3; i++) {
        command_make(bytes, sizeof(bytes), KIND_QUERY, 0, i, 0);
        session_query(session, queue, bytes, sizeof(bytes), 0, 0);
        if (i == 0 && expects == 2 && !starts)
            model.executed[0] = 1; /* the one that is lost */
        for (size_t turn = 0; turn < 4; turn++, now += 0.001) {
            session_feed(session, now, model.out, model.count);
            model.count = 0;
            model_feed(&model, out, session_emit(session, now, out, sizeof(out)));
        }
    }
    session_feed(session, now, model.out, model.count);
    struct session_stats stats;
    session_get_stats(session, &stats);
    CHECK(model.executed[0] == 3, "number %d: %u commands executed", (int)expects, model.executed[0]);
    struct session_message message;
    int reported = 0;
    while (session_receive(session, &message))
        reported += message.count == 0;
    CHECK(reported == 3, "number %d: %d queries reported", (int)expects, reported);
    CHECK(session_acknowledged(session) == 3 && stats.timeouts == 0, "number %d: acknowledged", (int)expects);
    CHECK((stats.send_seq & 15) == (model.expects & 15) && stats.send_seq == stats.receive_seq, "numbers agree");
    session_free(session);
}

/* Reports of an old session may name one number after the other before the MCU gets to our first frame. */
static void only_the_newest_number_counts_before_the_first_ack(void)
{
    static const uint64_t NUMBERS[] = { 5, 2, 9 };
    int queue;
    uint8_t out[64], report[8] = { 0, 0, 0x7d };
    struct session *session = session_with(&queue);
    session_query(session, queue, GET_CLOCK, 1, 0, 0);
    CHECK(session_emit(session, 1, out, sizeof(out)) == 6, "the first frame");
    for (size_t i = 0; i < 3; i++) {
        struct session_message message;
        CHECK(session_feed(session, 2, report, frame_seal(report, 1, NUMBERS[i])) == 1, "only the report");
        CHECK(session_receive(session, &message) && message.sent == 0 && message.answers == 0, "nothing of ours is in it");
        CHECK(session_emit(session, 2, out, sizeof(out)) == 7 && out[2] == (0x10 | NUMBERS[i]), "a new number");
    }
    acknowledge(session, 2.001, 10);
    CHECK(session_waiting(session) == 1 && session_acknowledged(session) == 1, "executed once");
    session_free(session);
}

int main(void)
{
    time_outs_double_up_to_5_seconds();
    a_retransmission_has_all_outstanding_frames(1024);
    a_retransmission_has_all_outstanding_frames(SESSION_FRAME_MOST);
    a_retransmission_leaves_out_what_is_acknowledged_meanwhile();
    before_the_first_ack_one_frame_is_sent();
    the_first_nak_retransmits();
    a_long_round_trip_is_learned();
    a_nak_of_the_repeated_copy_retransmits_once_more();
    a_nak_counts_after_a_time_out_that_was_overcome();
    naks_of_repeated_copies_start_no_storm();
    for (uint64_t expects = 0; expects < 16; expects++) {
        the_number_of_the_mcu_is_adopted(expects, 0);
        the_number_of_the_mcu_is_adopted(expects, 1);
    }
    only_the_newest_number_counts_before_the_first_ack();
    return 0;
}
