/* Faults of the co-simulator while it goes on: damage and delay of a wire, a host that stalls, a reset from outside, raw bytes. */
#include "klipkit/sim/inner/line.h"
#include "test_cosim.h"

#define BYTE_TIME 40e-6 /* s */

static struct sim_persona persona;

static struct bench bench_new(void)
{
    persona = fake_persona(16000000, 0);
    return bench_with(&persona, BYTE_TIME);
}

static double ask_time(struct bench *bench)
{
    double begun = cosim_now(bench->cosim);
    ask(bench->cosim, bench->session, bench->queue, "hello", 5);
    return cosim_now(bench->cosim) - begun;
}

static void damage_begins_and_ends_when_told_and_is_counted(void)
{
    struct bench bench = bench_new();
    struct cosim_faults faults = {.seed = 3, .corrupt = 0.3, .drop = 0.2};
    struct cosim_damaged damaged;
    for (int i = 0; i < 50; i++)
        ask_time(&bench);
    CHECK(cosim_see_damage(bench.cosim, bench.mcu, &damaged) == 0 && !damaged.corrupted && !damaged.dropped, "whole");
    CHECK(cosim_damage(bench.cosim, bench.mcu, &faults) == 0, "damage");
    for (int i = 0; i < 50; i++) {
        session_send(bench.session, bench.queue, (const uint8_t *)"x", 1, 0, 0);
        run_through(bench.cosim, cosim_now(bench.cosim) + 0.05);
    }
    CHECK(cosim_see_damage(bench.cosim, bench.mcu, &damaged) == 0, "see");
    CHECK(damaged.corrupted > 20 && damaged.dropped > 10, "%llu corrupted", (unsigned long long)damaged.corrupted);
    CHECK(cosim_damage(bench.cosim, bench.mcu, NULL) == 0, "no damage");
    run_through(bench.cosim, cosim_now(bench.cosim) + 5.0);
    uint64_t before = damaged.corrupted;
    for (int i = 0; i < 50; i++)
        CHECK(fabs(ask_time(&bench) - 25 * BYTE_TIME) < 1e-9, "as quick as before");
    CHECK(cosim_see_damage(bench.cosim, bench.mcu, &damaged) == 0 && damaged.corrupted - before < 20, "no more of it");
    bench_free(&bench);
}

static void frames_are_delayed_at_most_by_what_was_told_and_stay_in_order(void)
{
    struct line line = {0};
    uint8_t frame[20] = {20, 0x10};
    enum { FRAMES = 2000, DELAY = 500000 };
    line_begin(&line, 1000);
    line_damage(&line, 8, 0.0, 0.0, DELAY);
    uint64_t last = 0, now = 0, sum = 0;
    for (int i = 0; i < FRAMES; i++) {
        now += 2 * DELAY;
        CHECK(line_put(&line, now, frame, sizeof frame) == 0, "no memory");
        uint64_t late = line_at(&line, 19)->when - now - 20000;
        CHECK(line_at(&line, 0)->when > last && late <= DELAY, "%llu late", (unsigned long long)late);
        last = line_at(&line, 19)->when;
        sum += late;
        line_take(&line, 20);
    }
    CHECK(line.delayed == FRAMES && fabs((double)sum / FRAMES - DELAY / 2) < 20000, "by half on the average");
    for (int i = 0; i < FRAMES; i++) { /* closer to each other than they are late: none overtakes another */
        CHECK(line_put(&line, now += 20000, frame, sizeof frame) == 0, "no memory");
        CHECK(line_at(&line, 0)->when >= last, "frame %d overtakes", i);
        last = line_at(&line, 19)->when;
        line_take(&line, 20);
    }
    line_damage(&line, 8, 0.0, 0.0, 0);
    CHECK(line_put(&line, now += 2 * DELAY, frame, sizeof frame) == 0 && line_at(&line, 19)->when == now + 20000, "on time again");
    line_free(&line);
    double delay = 0.02;
    struct bench bench = bench_new();
    CHECK(cosim_damage(bench.cosim, bench.mcu, &(struct cosim_faults){.delay = delay}) == 0, "delay");
    for (int i = 0; i < 20; i++) {
        double time = ask_time(&bench);
        CHECK(time > 25 * BYTE_TIME && time < 4 * delay, "%g s", time);
    }
    bench_free(&bench);
}

static void a_host_that_stalls_sends_nothing_and_finds_what_came_meanwhile(void)
{
    struct bench bench = bench_new();
    cosim_watch(bench.cosim, bench.mcu, PIN_BYTES);
    CHECK(session_query(bench.session, bench.queue, (const uint8_t *)"hello", 5, 0, 0) > 0, "query");
    run_through(bench.cosim, cosim_now(bench.cosim) + 1e-5); /* it is on the wire */
    CHECK(session_query(bench.session, bench.queue, (const uint8_t *)"again", 5, 0, 0) > 0, "query");
    double begun = cosim_now(bench.cosim);
    cosim_stall(bench.cosim, 1);
    CHECK(cosim_run(bench.cosim, begun + 0.4) == COSIM_TIME, "no message stops the run");
    struct cosim_edge edges[64];
    CHECK(cosim_edges(bench.cosim, edges, 64) == 10, "one frame came to the MCU");
    CHECK(!session_waiting(bench.session), "the host has heard nothing");
    cosim_stall(bench.cosim, 0);
    CHECK(session_waiting(bench.session) > 0, "what came waits for it");
    struct session_message message;
    CHECK(session_receive(bench.session, &message) && message.received == cosim_now(bench.cosim), "it came after the stall");
    run_through(bench.cosim, begun + 0.5);
    CHECK(cosim_edges(bench.cosim, edges, 64) >= 10, "the other frame goes out after it");
    bench_free(&bench);
}

static void a_reset_from_outside_begins_the_firmware_anew(void)
{
    struct bench bench = bench_new();
    ask(bench.cosim, bench.session, bench.queue, "P\4\1", 3);
    CHECK(cosim_pin_level(bench.cosim, bench.mcu, PIN_DIR) == 1, "high");
    double begun = cosim_now(bench.cosim);
    CHECK(cosim_reset(bench.cosim, bench.mcu) == 0, "reset");
    CHECK(cosim_resets(bench.cosim, bench.mcu) == 1 && cosim_clock(bench.cosim, bench.mcu) == 0, "its clock begins anew");
    CHECK(cosim_pin_level(bench.cosim, bench.mcu, PIN_DIR) == 0 && cosim_pin_share(bench.cosim, bench.mcu, PIN_DIR) < 0.0, "it floats");
    run_through(bench.cosim, begun + 1.065);
    CHECK(llabs((long long)cosim_clock(bench.cosim, bench.mcu) - 16000000) <= 1, "after its boot");
    CHECK(cosim_connect(bench.cosim, bench.mcu, NULL, 0.0, NULL) == 0, "unplug");
    session_free(bench.session);
    bench.session = session_new();
    bench.queue = session_add_queue(bench.session);
    CHECK(cosim_connect(bench.cosim, bench.mcu, bench.session, BYTE_TIME, NULL) == 0, "connect");
    CHECK(ask(bench.cosim, bench.session, bench.queue, "C?", 2) == ('C' << 8 | 1), "it has started once, with new globals");
    CHECK(cosim_reset(bench.cosim, 1) < 0, "no MCU 1");
    bench_free(&bench);
}

/* A host that knows no session writes a frame's bytes and reads those of the answer, at the speed of the wire. */
static void bytes_go_in_and_out_without_a_session(void)
{
    struct bench bench = bench_new();
    CHECK(cosim_connect_bytes(bench.cosim, bench.mcu, BYTE_TIME, NULL) == 0, "connect");
    cosim_watch(bench.cosim, bench.mcu, PIN_BYTES);
    static const uint8_t GARBAGE[4] = {1, 2, 3, 4};
    double begun = cosim_now(bench.cosim);
    CHECK(cosim_put(bench.cosim, bench.mcu, GARBAGE, sizeof GARBAGE) == 0, "put");
    run_through(bench.cosim, begun + 1.0);
    struct cosim_edge edges[8];
    CHECK(cosim_edges(bench.cosim, edges, 8) == 4, "four bytes came");
    CHECK(llabs((long long)(edges[3].clock - edges[0].clock) - 3 * 640) <= 1, "a byte time apart");
    uint8_t frame[5] = {5, 0x1f, 0, 0, 0x7e}; /* its check is wrong: the double answers with an empty frame, as a nak */
    CHECK(cosim_put(bench.cosim, bench.mcu, frame, sizeof frame) == 0, "put");
    CHECK(cosim_run(bench.cosim, begun + 2.0) == COSIM_MESSAGES, "bytes to take");
    uint8_t taken[64];
    size_t count = cosim_take(bench.cosim, bench.mcu, taken, 3);
    CHECK(count == 3 && taken[0] == 5, "%zu bytes", count);
    count = cosim_take(bench.cosim, bench.mcu, taken, sizeof taken);
    CHECK(count >= 2 && taken[1] == 0x7e, "%zu bytes more", count);
    CHECK(cosim_connect(bench.cosim, bench.mcu, NULL, 0.0, NULL) == 0, "unplug");
    CHECK(cosim_put(bench.cosim, bench.mcu, frame, sizeof frame) < 0, "nothing is plugged in");
    CHECK(cosim_take(bench.cosim, bench.mcu, taken, sizeof taken) == 0, "nothing to take");
    bench_free(&bench);
}

int main(void)
{
    damage_begins_and_ends_when_told_and_is_counted();
    frames_are_delayed_at_most_by_what_was_told_and_stay_in_order();
    a_host_that_stalls_sends_nothing_and_finds_what_came_meanwhile();
    a_reset_from_outside_begins_the_firmware_anew();
    bytes_go_in_and_out_without_a_session();
    return 0;
}
