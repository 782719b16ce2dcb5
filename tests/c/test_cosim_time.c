/* Time in the co-simulator: exact ticks, the order of events, MCUs side by side, the timer, what interrupts wait for. */
#include "test_cosim.h"

#include <time.h>

#include "klipkit/sim/inner/events.h"
#include "klipkit/sim/inner/ticks.h"

static uint64_t state = 1;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static void ticks_and_times_convert_exactly(void)
{
    for (int i = 0; i < 100000; i++) {
        uint64_t rate = ticks_rate((uint32_t)(1000000 + draw() % 600000000), (double)(draw() % 2001) * 1e-6 - 1e-3);
        uint64_t tick = 1 + draw() % ((uint64_t)1 << (1 + draw() % 41));
        uint64_t time = ticks_time(rate, tick);
        CHECK(ticks_at(rate, time) == tick, "rate %llu tick %llu", (unsigned long long)rate, (unsigned long long)tick);
        CHECK(ticks_at(rate, time - 1) == tick - 1, "time %llu is not the first of its tick", (unsigned long long)time);
    }
    uint64_t second = (uint64_t)1 << 40;
    CHECK(ticks_at(ticks_rate(16000000, 0.0), 86400 * second) == 86400ull * 16000000, "a day at 16 MHz");
    CHECK(ticks_at(ticks_rate(520000000, 1e-3), 1000 * second) == 520520000000ull, "drift of 1e-3 at 520 MHz");
    CHECK(ticks_rate(0, 0.0) == 0 && ticks_rate(4294967295u, 1.0) == 0, "rates out of range");
}

static void seconds_and_units_convert(void)
{
    CHECK(ticks_seconds(ticks_units(0.75)) == 0.75, "three quarters of a second");
    CHECK(ticks_units(-1.0) == 0 && ticks_units(NAN) == 0, "before the start");
    CHECK(ticks_units(HUGE_VAL) == TICKS_NEVER && ticks_units(1e12) == TICKS_NEVER, "never");
    CHECK(ticks_seconds(ticks_units(0.1)) >= 0.1, "a time is rounded up");
}

enum { SOURCES = 40 };

static const struct event *first_of(const struct event *events)
{
    const struct event *first = NULL;
    for (const struct event *event = events; event < events + SOURCES; event++)
        if (event->place && (!first || event->time < first->time || (event->time == first->time && event->order < first->order)))
            first = event;
    return first;
}

static void events_come_in_the_order_of_time_then_of_setting(void)
{
    struct events queue = {0};
    struct event events[SOURCES] = {0};
    CHECK(events_reserve(&queue, SOURCES) == 0, "no memory");
    for (int i = 0; i < 20000; i++) {
        struct event *event = &events[draw() % SOURCES];
        switch (draw() % 4) {
        case 0:
            events_clear(&queue, event);
            break;
        case 1:
            event = events_first(&queue);
            if (event)
                events_clear(&queue, event);
            break;
        default:
            events_set(&queue, event, draw() % 50);
        }
        CHECK(events_first(&queue) == first_of(events), "wrong first event after %d changes", i);
    }
    events_set_last(&queue, &events[0], 0);
    events_set(&queue, &events[1], 0);
    CHECK(events_first(&queue)->time == 0 && events_first(&queue) != &events[0], "the last of its time came first");
    events_free(&queue);
}

static void a_timer_fires_at_exact_ticks(void)
{
    struct sim_persona persona = fake_persona(16000000, 1000);
    struct cosim *cosim = cosim_new(5.0);
    int mcu = add_fake(cosim, &persona, 400, 17e-6);
    CHECK(cosim_watch(cosim, mcu, PIN_TOGGLE) == 0, "watch");
    run_through(cosim, 15.0);
    uint64_t expected = 1000;
    struct cosim_edge edge;
    for (int level = 1; cosim_edges(cosim, &edge, 1); level = !level, expected += 1000)
        CHECK(edge.clock == expected && edge.level == level && edge.pin == PIN_TOGGLE, "edge at %llu, expected %llu",
              (unsigned long long)edge.clock, (unsigned long long)expected);
    CHECK(expected / 1000 == (160002720 + 400) / 1000 + 1, "%llu edges in 10 s", (unsigned long long)expected / 1000 - 1);
    CHECK(cosim_clock(cosim, mcu) == 160002720 + 400, "clock after 10 s: %llu", (unsigned long long)cosim_clock(cosim, mcu));
    cosim_free(cosim);
}

static void a_clock_wraps_without_a_seam(void)
{
    struct sim_persona persona = fake_persona(50000000, 5000000);
    struct cosim *cosim = cosim_new(0.0);
    uint64_t offset = ((uint64_t)3 << 32) - 22500000;
    int mcu = add_fake(cosim, &persona, offset, 0.0);
    cosim_watch(cosim, mcu, PIN_TOGGLE);
    run_through(cosim, 0.95);
    struct cosim_edge edges[16];
    size_t count = cosim_edges(cosim, edges, 16);
    CHECK(count == 5, "%zu edges", count); /* the first is due at 5000000 past the wrap, then each 0.1 s */
    for (size_t i = 0; i < count; i++)
        CHECK(edges[i].clock == ((uint64_t)3 << 32) + 5000000 * (i + 1), "edge %zu at %llu", i, (unsigned long long)edges[i].clock);
    cosim_free(cosim);
}

static void mcus_of_different_clocks_go_side_by_side(void)
{
    struct sim_persona slow = fake_persona(16000000, 1700), fast = fake_persona(64000000, 4001);
    struct cosim *cosim = cosim_new(0.0);
    const double rates[2] = {16e6 * (1 + 80e-6), 64e6 * (1 - 50e-6)};
    add_fake(cosim, &slow, 100, 80e-6);
    add_fake(cosim, &fast, 200, -50e-6);
    cosim_watch(cosim, 0, PIN_TOGGLE);
    cosim_watch(cosim, 1, PIN_TOGGLE);
    run_through(cosim, 1.0);
    double last = 0.0;
    int seen[2] = {0, 0};
    for (struct cosim_edge edge; cosim_edges(cosim, &edge, 1) == 1; seen[edge.mcu]++) {
        double time = (double)(edge.clock - (edge.mcu ? 200 : 100)) / rates[edge.mcu];
        CHECK(time >= last - 1e-12, "an edge of MCU %u came %g s too late", edge.mcu, last - time);
        last = time;
    }
    CHECK(seen[0] == 9412 && seen[1] == 15995, "%d and %d edges", seen[0], seen[1]);
    cosim_free(cosim);
}

static void a_hundred_small_runs_are_one_long_run(void)
{
    struct sim_persona persona = fake_persona(72000000, 72001);
    struct cosim_edge edges[2][1000];
    size_t counts[2];
    for (int way = 0; way < 2; way++) {
        struct cosim *cosim = cosim_new(0.0);
        int mcu = add_fake(cosim, &persona, 0, 3e-6);
        cosim_watch(cosim, mcu, PIN_TOGGLE);
        for (int i = 1; way && i < 100; i++)
            run_through(cosim, 0.005 * i);
        run_through(cosim, 0.5);
        counts[way] = cosim_edges(cosim, edges[way], 1000);
        cosim_free(cosim);
    }
    CHECK(counts[0] == 499 && counts[1] == counts[0], "%zu and %zu edges", counts[0], counts[1]);
    for (size_t i = 0; i < counts[0]; i++)
        CHECK(edges[0][i].clock == edges[1][i].clock, "edge %zu differs", i);
}

static void time_stands_still_when_nothing_is_left_to_happen(void)
{
    struct sim_persona persona = fake_persona(16000000, 0);
    struct cosim *cosim = cosim_new(0.0);
    add_fake(cosim, &persona, 0, 0.0);
    CHECK(cosim_next(cosim) == 0.0, "the power-on is due");
    CHECK(cosim_run(cosim, HUGE_VAL) == COSIM_TIME && cosim_now(cosim) == 0.0, "now %g", cosim_now(cosim));
    CHECK(cosim_next(cosim) == HUGE_VAL, "next %g", cosim_next(cosim));
    CHECK(cosim_run(cosim, 3600.0) == COSIM_TIME && cosim_now(cosim) == 3600.0, "now %g", cosim_now(cosim));
    cosim_free(cosim);
}

static void what_is_no_firmware_is_refused(void)
{
    struct sim_persona persona = fake_persona(16000000, 0), dead = fake_persona(0, 0);
    struct cosim *cosim = cosim_new(0.0);
    CHECK(cosim_add_mcu(cosim, "/nonexistent", &persona, 0, 0.0) == -2, "ENOENT");
    CHECK(cosim_add_mcu(cosim, "tests/c/fake_firmware.c", &persona, 0, 0.0) < 0, "a source is no object");
    CHECK(cosim_add_mcu(cosim, fake_object(), &dead, 0, 0.0) < 0, "0 Hz");
    CHECK(cosim_watch(cosim, 0, 0) < 0 && cosim_drive(cosim, 0, 0, 1) < 0, "there is no MCU 0");
    CHECK(cosim_run(cosim, 1.0) == COSIM_TIME, "an empty world runs");
    add_fake(cosim, &persona, 0, 0.0);
    CHECK(cosim_watch(cosim, 0, PIN_COUNT) < 0, "no such pin");
    cosim_free(cosim);
}

static void print_the_time_of_a_million_events(void)
{
    struct sim_persona persona = fake_persona(16000000, 160);
    struct cosim *cosim = cosim_new(0.0);
    add_fake(cosim, &persona, 0, 0.0);
    add_fake(cosim, &persona, 0, 1e-6);
    clock_t before = clock();
    run_through(cosim, 5.0);
    double taken = (double)(clock() - before) / CLOCKS_PER_SEC;
    printf("test_cosim_time: 10^6 timer events of two MCUs: %.3f s of CPU (sanitizers included)\n", taken);
    cosim_free(cosim);
}

int main(int argc, char **argv)
{
    ticks_and_times_convert_exactly();
    seconds_and_units_convert();
    events_come_in_the_order_of_time_then_of_setting();
    a_timer_fires_at_exact_ticks();
    a_clock_wraps_without_a_seam();
    mcus_of_different_clocks_go_side_by_side();
    a_hundred_small_runs_are_one_long_run();
    time_stands_still_when_nothing_is_left_to_happen();
    what_is_no_firmware_is_refused();
    if (argc > 1 && strcmp(argv[1], "-v") == 0)
        print_the_time_of_a_million_events();
    return 0;
}
