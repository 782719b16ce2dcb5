/* Laws of a session on a perfect line: which command leaves when, in which frame, within which window; what is reported. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "klipkit/wire/session.h"
#include "tests/c/wire_model.h"

static const double FREQUENCY = 1e6;

struct talk {
    struct session *session;
    struct model model;
    int queue;
    uint8_t out[1024];
};

/* A session that has met its MCU: one frame is acknowledged. */
static struct talk *talk_new(void)
{
    static struct talk talk;
    memset(&talk, 0, sizeof(talk));
    talk.session = session_new();
    CHECK(talk.session, "no memory");
    talk.queue = session_add_queue(talk.session);
    talk.model.expects = 1;
    uint8_t bytes[COMMAND_LEAST];
    command_make(bytes, sizeof(bytes), KIND_PLAIN, 7, 0, 0);
    session_send(talk.session, talk.queue, bytes, sizeof(bytes), 0, 0);
    model_feed(&talk.model, talk.out, session_emit(talk.session, 0, talk.out, sizeof(talk.out)));
    session_feed(talk.session, 0, talk.model.out, talk.model.count);
    talk.model.count = 0;
    CHECK(session_acknowledged(talk.session) == 1, "no contact");
    return &talk;
}

static int64_t send_filled(struct talk *talk, int queue, size_t count, uint8_t value, uint64_t min_clock, uint64_t due)
{
    uint8_t bytes[SESSION_PAYLOAD_MOST];
    memset(bytes, value, sizeof(bytes));
    return session_send(talk->session, queue, bytes, count, min_clock, due);
}

static size_t emitted(struct talk *talk, double now)
{
    return session_emit(talk->session, now, talk->out, sizeof(talk->out));
}

/* An empty frame from the MCU. */
static void acknowledge(struct talk *talk, double now, uint64_t number)
{
    uint8_t frame[FRAME_LEAST];
    session_feed(talk->session, now, frame, frame_seal(frame, 0, number));
}

/* What leaves at `now`, acknowledged at once. */
static size_t exchanged(struct talk *talk, double now)
{
    struct session_stats stats;
    size_t used = emitted(talk, now);
    session_get_stats(talk->session, &stats);
    acknowledge(talk, now, stats.send_seq);
    return used;
}

static void a_frame_leaves_when_full_or_due(void)
{
    struct talk *talk = talk_new();
    CHECK(send_filled(talk, talk->queue, 10, 1, 0, 5000000) > 0, "not queued");
    CHECK(exchanged(talk, 0) == 15, "without a clock a command leaves at once");
    session_set_clock(talk->session, FREQUENCY, 0, 0);
    send_filled(talk, talk->queue, 10, 1, 0, 5000000);
    CHECK(exchanged(talk, 1) == 0 && exchanged(talk, 1.0499) == 0, "a command did not wait for others");
    CHECK(fabs(session_next(talk->session, 1.0499) - 1.05) < 1e-9, "next %f", session_next(talk->session, 1.0499));
    CHECK(exchanged(talk, 1.05) == 15, "a command was held for more than 0.05 s");
    send_filled(talk, talk->queue, 10, 1, 0, 5000000);
    CHECK(exchanged(talk, 4.78) == 0, "a command left more than 0.2 s before it was due");
    CHECK(fabs(session_next(talk->session, 4.78) - 4.8) < 1e-9, "next %f", session_next(talk->session, 4.78));
    CHECK(exchanged(talk, session_next(talk->session, 4.8)) == 15, "a command due in 0.2 s did not leave");
    for (int i = 0; i < 5; i++)
        send_filled(talk, talk->queue, 10, 1, 0, 9000000);
    CHECK(exchanged(talk, 5) == 0, "50 bytes fill no frame");
    send_filled(talk, talk->queue, 9, 1, 0, 9000000);
    CHECK(exchanged(talk, 5) == SESSION_FRAME_MOST, "59 bytes fill a frame");
    send_filled(talk, talk->queue, 10, 1, 0, 9000000);
    send_filled(talk, session_add_queue(talk->session), 10, 2, 0, 0);
    CHECK(exchanged(talk, 5) == 25 && talk->out[2] == 2, "what is due at once goes first and takes along what can wait");
    session_free(talk->session);
}

static void a_command_waits_for_its_min_clock(void)
{
    struct talk *talk = talk_new();
    struct session_stats stats;
    send_filled(talk, talk->queue, 59, 1, 2000000, 0);
    CHECK(exchanged(talk, 100) == 0 && session_next(talk->session, 100) == HUGE_VAL, "no clock yet: held");
    session_set_clock(talk->session, FREQUENCY, 100, 1000000);
    CHECK(exchanged(talk, 100.5) == 0 && exchanged(talk, 100.999999) == 0, "left too early");
    session_get_stats(talk->session, &stats);
    CHECK(stats.upcoming_bytes == 59 && stats.ready_bytes == 0, "bytes waiting: %u", stats.upcoming_bytes);
    CHECK(session_next(talk->session, 100.5) == 101, "next %f", session_next(talk->session, 100.5));
    CHECK(exchanged(talk, 101) == 64, "did not leave at its min clock");
    send_filled(talk, talk->queue, 59, 1, 4000000, 0);
    CHECK(exchanged(talk, 102.9) == 0, "left too early");
    session_set_clock(talk->session, FREQUENCY, 102.9, 3900000);
    session_set_clock(talk->session, FREQUENCY, 102.9, 3800000);
    CHECK(exchanged(talk, 103) == 0 && fabs(session_next(talk->session, 103) - 103.1) < 1e-9, "not the newest clock");
    CHECK(exchanged(talk, session_next(talk->session, 103)) == 64, "the time named by session_next is not enough");
    session_free(talk->session);
}

static void a_clock_that_is_set_back_holds_commands_again(void)
{
    struct talk *talk = talk_new();
    struct session_stats stats;
    session_set_clock(talk->session, FREQUENCY, 0, 0);
    send_filled(talk, talk->queue, 20, 1, 4000000, 9000000);
    session_next(talk->session, 4);
    session_get_stats(talk->session, &stats);
    CHECK(stats.ready_bytes == 20, "sendable, but not due");
    session_set_clock(talk->session, FREQUENCY, 4, 3900000);
    send_filled(talk, session_add_queue(talk->session), 10, 2, 0, 0);
    CHECK(exchanged(talk, 4) == 15, "it must not go along: its min clock is in the future again");
    CHECK(exchanged(talk, 9.1) == 25, "later it goes");
    session_free(talk->session);
}

/* The order of commands by its definition: of the first commands of all queues the one before the most urgent. */
static int next_by_definition(uint64_t due[4][64], const int *at, int count)
{
    int best = -1;
    uint64_t best_due = UINT64_MAX;
    for (int queue = 0; queue < 4; queue++)
        for (int i = at[queue]; i < count; i++)
            if (due[queue][i] < best_due) {
                best_due = due[queue][i];
                best = queue;
            }
    return best;
}

enum { ORDERED = 64 };

static void queue_in_random_order(struct talk *talk, uint64_t seed, uint64_t due[4][ORDERED])
{
    struct chance chance = { seed };
    int queues[4] = { talk->queue };
    for (int i = 1; i < 4; i++)
        queues[i] = session_add_queue(talk->session);
    for (int i = 0; i < 4 * ORDERED; i++) { /* no two alike, so that there is one order */
        int queue = i % 4, number = i / 4;
        due[queue][number] = (uint64_t)(number * 200 + 1 + (int)chance_below(&chance, 1000)) * 1024 + (uint64_t)i;
        uint8_t bytes[SESSION_PAYLOAD_MOST];
        size_t length = COMMAND_LEAST + chance_below(&chance, 45);
        command_make(bytes, length, KIND_PLAIN, queue, (uint32_t)number, 0);
        session_send(talk->session, queues[queue], bytes, length, 0, due[queue][number]);
        if (i % 7 == 0)
            session_next(talk->session, 0); /* makes them sendable: a later one must still hurry them */
    }
}

static void commands_leave_by_required_clock(uint64_t seed)
{
    struct talk *talk = talk_new();
    uint64_t due[4][ORDERED];
    int at[4] = { 0 }, frames = 0;
    session_set_clock(talk->session, FREQUENCY, 0, 0);
    queue_in_random_order(talk, seed, due);
    for (size_t length; (length = session_emit(talk->session, 3600, talk->out, 64)); frames++) {
        for (size_t i = FRAME_HEADER; i < length - 3; i += talk->out[i]) {
            int queue = next_by_definition(due, at, ORDERED);
            CHECK(talk->out[i + 2] == queue, "seed %d: queue %d before %d", (int)seed, talk->out[i + 2], queue);
            CHECK(command_number(talk->out + i) == (uint32_t)at[queue]++, "order within a queue");
        }
        acknowledge(talk, 3600, 3 + (uint64_t)frames);
    }
    CHECK(frames > 100 && next_by_definition(due, at, ORDERED) == -1, "commands stayed behind");
    session_free(talk->session);
}

static void at_most_12_frames_are_in_flight(void)
{
    struct talk *talk = talk_new();
    for (int i = 0; i < 20; i++)
        send_filled(talk, talk->queue, 40, 1, 0, 0);
    CHECK(emitted(talk, 0) == 12 * 45, "a window of 12 frames");
    acknowledge(talk, 0.001, 3);
    CHECK(emitted(talk, 0.001) == 45, "one ack, one frame");
    acknowledge(talk, 0.002, 14);
    CHECK(emitted(talk, 0.002) == 7 * 45, "the rest");
    session_free(talk->session);
}

/* 192 bytes: a frame goes only when 64 are free, and a frame that has only been answered still takes its place. */
static void the_receive_window_holds_what_is_not_executed(void)
{
    struct talk *talk = talk_new();
    session_set_wire(talk->session, 0, 192);
    for (int i = 0; i < 6; i++)
        send_filled(talk, talk->queue, 59, 1, 0, 0);
    CHECK(emitted(talk, 0) == 192, "three frames of 64 bytes");
    uint8_t answer[8] = { 0, 0, 0x51 };
    session_feed(talk->session, 0.001, answer, frame_seal(answer, 1, 3));
    CHECK(emitted(talk, 0.001) == 0, "answered, but still executing: its 64 bytes are not free");
    acknowledge(talk, 0.001, 3);
    CHECK(emitted(talk, 0.001) == 64, "executed");
    session_feed(talk->session, 0.002, answer, frame_seal(answer, 1, 5));
    CHECK(emitted(talk, 0.002) == 64, "two answered, so the first of them is executed");
    session_free(talk->session);
}

static struct session_message received(struct talk *talk)
{
    struct session_message message = { .count = 255 };
    session_receive(talk->session, &message);
    return message;
}

static void a_query_is_reported_after_its_response(void)
{
    struct talk *talk = talk_new();
    uint8_t bytes[COMMAND_LEAST];
    int64_t first = session_query(talk->session, talk->queue, bytes, command_make(bytes, 15, KIND_QUERY, 0, 0, 0), 0, 0);
    int64_t second = session_query(talk->session, talk->queue, bytes, command_make(bytes, 15, KIND_QUERY, 0, 1, 0), 0, 0);
    model_feed(&talk->model, talk->out, emitted(talk, 7.0));
    size_t answer = talk->model.out[0];
    CHECK(session_feed(talk->session, 7.1, talk->model.out, answer) == 1, "one answer came");
    CHECK(session_acknowledged(talk->session) == 1, "answered is not executed");
    CHECK(session_feed(talk->session, 7.2, talk->model.out + answer, talk->model.count - answer) == 4, "the rest came");
    CHECK(session_acknowledged(talk->session) == (uint64_t)second, "executed");
    struct session_message message = received(talk);
    CHECK(message.count == 7 && message.bytes[1] == KIND_QUERY && command_number(message.bytes) == 0, "first answer");
    CHECK(message.received == 7.1 && message.sent == 7.0 && message.answers == (uint64_t)second, "its times");
    CHECK(received(talk).received == 7.2, "second answer");
    message = received(talk);
    CHECK(message.count == 0 && message.answers == (uint64_t)first && message.received == 7.2, "first is executed");
    message = received(talk);
    CHECK(message.count == 0 && message.answers == (uint64_t)second && message.sent == 7.0, "second is executed");
    CHECK(received(talk).count == 255 && session_waiting(talk->session) == 0, "nothing more");
    session_free(talk->session);
}

static void a_number_ahead_of_what_was_sent_acknowledges_nothing(void)
{
    struct talk *talk = talk_new();
    struct session_stats stats;
    send_filled(talk, talk->queue, 10, 1, 0, 0);
    emitted(talk, 0);
    uint8_t starting[8] = { 0, 0, 0x71 };
    session_feed(talk->session, 0, starting, frame_seal(starting, 1, 0));
    session_get_stats(talk->session, &stats);
    CHECK(stats.receive_seq == 2 && stats.send_seq == 3 && stats.bytes_invalid == 6, "%u", stats.receive_seq);
    CHECK(received(talk).bytes[0] == 0x71, "an MCU that starts anew must be heard");
    session_free(talk->session);
}

static void a_full_ring_loses_the_oldest(void)
{
    struct talk *talk = talk_new();
    struct session_stats stats;
    uint8_t frame[16] = { 0 };
    enum { ROOM = 1 << 16, MORE = 10 };
    for (uint32_t i = 0; i < ROOM + MORE; i++) {
        memcpy(frame + FRAME_HEADER, &i, 4);
        session_feed(talk->session, 1, frame, frame_seal(frame, 4, 2));
    }
    session_get_stats(talk->session, &stats);
    CHECK(stats.messages_dropped == MORE && session_waiting(talk->session) == ROOM, "%d", session_waiting(talk->session));
    for (uint32_t i = MORE, got; i < ROOM + MORE; i++) {
        memcpy(&got, received(talk).bytes, 4);
        CHECK(got == i, "message %u, expected %u", got, i);
    }
    session_free(talk->session);
}

static void wrong_calls_are_refused(void)
{
    struct talk *talk = talk_new();
    uint8_t bytes[64] = { 0 };
    CHECK(session_send(talk->session, talk->queue, bytes, 60, 0, 0) == -EMSGSIZE, "60 bytes");
    CHECK(session_send(talk->session, talk->queue, bytes, 0, 0, 0) == -EMSGSIZE, "no bytes");
    CHECK(session_query(talk->session, 9, bytes, 1, 0, 0) == -EBADF && session_send(talk->session, -1, bytes, 1, 0, 0) == -EBADF
          && session_purge(talk->session, 9) == -EBADF, "no such queue");
    CHECK(session_emit(talk->session, 0, bytes, 63) == 0, "no room for a frame");
    int64_t status = 1;
    for (int i = 0; i < (1 << 18) && status > 0; i++)
        status = session_send(talk->session, talk->queue, bytes, 1, 1, 0);
    CHECK(status > 0 && session_send(talk->session, talk->queue, bytes, 1, 1, 0) == -ENOMEM, "the limit of a queue");
    session_free(talk->session);
    session_free(NULL);
}

static void a_purge_drops_what_was_not_sent(void)
{
    struct talk *talk = talk_new();
    struct session_stats stats;
    int other = session_add_queue(talk->session);
    session_set_clock(talk->session, FREQUENCY, 0, 0);
    send_filled(talk, talk->queue, 20, 1, 0, 9000000);
    send_filled(talk, talk->queue, 20, 1, 5000000, 9000000);
    send_filled(talk, other, 20, 2, 0, 9000000);
    session_next(talk->session, 0);
    CHECK(session_purge(talk->session, talk->queue) == 2 && session_purge(talk->session, talk->queue) == 0, "two dropped");
    session_get_stats(talk->session, &stats);
    CHECK(stats.ready_bytes == 20 && stats.upcoming_bytes == 0, "bytes left: %u %u", stats.ready_bytes, stats.upcoming_bytes);
    send_filled(talk, talk->queue, 20, 3, 0, 8000000);
    CHECK(exchanged(talk, 8) == 45 && talk->out[2] == 3 && talk->out[22] == 2, "the queue works on");
    session_free(talk->session);
}

/* Cost of a command from session_send to its ack, 12 bytes each, over 8 queues. */
static void bench(void)
{
    enum { COMMANDS = 2000000, BATCH = 1000 };
    struct talk *talk = talk_new();
    int queues[8];
    for (int i = 0; i < 8; i++)
        queues[i] = session_add_queue(talk->session);
    session_set_clock(talk->session, FREQUENCY, 0, 0);
    clock_t start = clock();
    for (uint64_t i = 0; i < COMMANDS; i++) {
        send_filled(talk, queues[i % 8], 12, 1, i, i + 1);
        while (i % BATCH == 0 && exchanged(talk, (double)i))
            continue;
    }
    struct session_stats stats;
    session_get_stats(talk->session, &stats);
    CHECK(stats.frames_sent > COMMANDS / 5, "the commands did not leave");
    printf("%.0f ns a command\n", (double)(clock() - start) / CLOCKS_PER_SEC * 1e9 / COMMANDS);
    session_free(talk->session);
}

int main(int argc, char **argv)
{
    a_frame_leaves_when_full_or_due();
    a_command_waits_for_its_min_clock();
    a_clock_that_is_set_back_holds_commands_again();
    for (uint64_t seed = 1; seed <= 50; seed++)
        commands_leave_by_required_clock(seed);
    at_most_12_frames_are_in_flight();
    the_receive_window_holds_what_is_not_executed();
    a_query_is_reported_after_its_response();
    a_number_ahead_of_what_was_sent_acknowledges_nothing();
    a_full_ring_loses_the_oldest();
    wrong_calls_are_refused();
    a_purge_drops_what_was_not_sent();
    if (argc > 1 && strcmp(argv[1], "-v") == 0)
        bench();
    return 0;
}
