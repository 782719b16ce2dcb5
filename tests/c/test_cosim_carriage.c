/* Carriages of the co-simulator: steps counted, directions, timing, an endstop on another MCU. */
#include "test_cosim.h"

static struct sim_persona persona;

static struct bench bench_new(void)
{
    persona = fake_persona(16000000, 0);
    return bench_with(&persona, 0.0);
}

static struct cosim_carriage seen(const struct bench *bench, int carriage)
{
    struct cosim_carriage seen;
    CHECK(cosim_see_carriage(bench->cosim, carriage, &seen) == 0, "no carriage %d", carriage);
    return seen;
}

static void steps_are_counted_with_their_direction(void)
{
    struct bench bench = bench_new();
    int plain = cosim_add_carriage(bench.cosim, bench.mcu, PIN_STEP, 0, 0, PIN_DIR, 0);
    int inverted = cosim_add_carriage(bench.cosim, bench.mcu, PIN_STEP, 1, 0, PIN_DIR, 1);
    int both = cosim_add_carriage(bench.cosim, bench.mcu, PIN_STEP, 0, 1, PIN_DIR, 0);
    bench_step(&bench, 1, 100);
    bench_step(&bench, 0, 30);
    bench_step(&bench, 1, 7);
    CHECK(cosim_carriage_position(bench.cosim, plain) == 77, "%lld", (long long)cosim_carriage_position(bench.cosim, plain));
    CHECK(cosim_carriage_position(bench.cosim, inverted) == -77, "%lld",
          (long long)cosim_carriage_position(bench.cosim, inverted));
    CHECK(cosim_carriage_position(bench.cosim, both) == 154, "%lld", (long long)cosim_carriage_position(bench.cosim, both));
    CHECK(seen(&bench, plain).violations == 0, "a read of the clock lies between");
    bench_free(&bench);
}

static void a_direction_that_changes_with_the_step_is_a_violation(void)
{
    struct bench bench = bench_new();
    int carriage = cosim_add_carriage(bench.cosim, bench.mcu, PIN_STEP, 0, 0, PIN_DIR, 0);
    ask(bench.cosim, bench.session, bench.queue, "B\1\1", 3);
    CHECK(seen(&bench, carriage).violations == 1, "direction and step at one instant");
    run_through(bench.cosim, 0.001); /* a wire without delay takes no time either */
    ask(bench.cosim, bench.session, bench.queue, "B\0\0", 3);
    CHECK(seen(&bench, carriage).violations == 1, "the trailing edge is no step");
    run_through(bench.cosim, 0.002);
    bench_step(&bench, 0, 5);
    CHECK(seen(&bench, carriage).violations == 1, "125 ns are enough");
    CHECK(cosim_carriage_timing(bench.cosim, carriage, 200e-9, 20e-9) == 0, "timing");
    run_through(bench.cosim, 0.003);
    bench_step(&bench, 1, 5);
    CHECK(seen(&bench, carriage).violations == 2, "125 ns of set-up are less than 200");
    CHECK(cosim_carriage_timing(bench.cosim, carriage, 20e-9, 1.0) == 0, "timing");
    bench_step(&bench, 0, 1);
    CHECK(seen(&bench, carriage).violations == 3, "held for less than a second");
    bench_free(&bench);
}

static void a_pin_that_floats_at_a_reset_makes_no_step(void)
{
    struct bench bench = bench_new();
    int carriage = cosim_add_carriage(bench.cosim, bench.mcu, PIN_STEP, 1, 0, PIN_DIR, 0);
    ask(bench.cosim, bench.session, bench.queue, "P\5\1", 3);
    session_send(bench.session, bench.queue, (const uint8_t *)"R", 1, 0, 0);
    while (cosim_run(bench.cosim, 1.0) != COSIM_RESET)
        continue;
    CHECK(cosim_carriage_position(bench.cosim, carriage) == 0, "%lld",
          (long long)cosim_carriage_position(bench.cosim, carriage));
    bench_free(&bench);
}

/* The carriage of MCU 0 closes a switch on MCU 1, whose clock is twice as fast: both edges are at one time. */
static void a_switch_on_another_mcu_sees_the_steps_at_once(void)
{
    struct bench bench = bench_new();
    struct sim_persona other = fake_persona(32000000, 320);
    int carriage = cosim_add_carriage(bench.cosim, bench.mcu, PIN_STEP, 0, 0, PIN_DIR, 0);
    int second = add_fake(bench.cosim, &other, 0, 0.0);
    int rail = add_rail(bench.cosim, carriage, -HUGE_VAL, HUGE_VAL);
    struct cosim_switch law = {.trigger = 20, .sign = 1, .mcu = second, .pin = PIN_INPUT};
    CHECK(cosim_add_contact(bench.cosim, rail, &law) == 0, "switch");
    cosim_watch(bench.cosim, bench.mcu, PIN_STEP);
    cosim_watch(bench.cosim, second, PIN_INPUT);
    cosim_watch(bench.cosim, second, PIN_COPY);
    cosim_watch(bench.cosim, second, PIN_TOGGLE);
    run_through(bench.cosim, 0.001);
    bench_step(&bench, 1, 250); /* 62 us of reads of the clock, in which the other MCU's timer fires six times */
    run_through(bench.cosim, cosim_now(bench.cosim) + 0.001);
    struct cosim_edge edge;
    uint64_t stepped = 0, pressed = 0, copied = 0;
    for (int rises = 0; cosim_edges(bench.cosim, &edge, 1);) {
        if (edge.pin == PIN_STEP && edge.level == 1 && ++rises == 20)
            stepped = edge.clock;
        CHECK(edge.pin != PIN_TOGGLE || edge.clock % 320 == 0, "a timer was kept waiting to %llu", (unsigned long long)edge.clock);
        if (edge.pin == PIN_INPUT && edge.level == 0)
            pressed = edge.clock;
        if (edge.pin == PIN_COPY && edge.level == 0)
            copied = edge.clock;
    }
    CHECK(stepped && pressed - 2 * stepped <= 1, "step at %llu, switch at %llu", (unsigned long long)stepped,
          (unsigned long long)pressed);
    CHECK(copied % 320 == 0 && copied > pressed && copied - pressed <= 320, "the firmware saw it at %llu",
          (unsigned long long)copied);
    bench_free(&bench);
}

static void wrong_numbers_are_refused(void)
{
    struct bench bench = bench_new();
    CHECK(cosim_add_carriage(bench.cosim, 1, PIN_STEP, 0, 0, PIN_DIR, 0) < 0, "no MCU 1");
    CHECK(cosim_add_carriage(bench.cosim, bench.mcu, PIN_COUNT, 0, 0, PIN_DIR, 0) < 0, "no such pin");
    CHECK(cosim_add_carriage(bench.cosim, bench.mcu, PIN_STEP, 0, 0, PIN_STEP, 0) < 0, "one pin for both");
    CHECK(cosim_rail_by(bench.cosim, 0, 0, 1.0) < 0, "no carriage 0");
    CHECK(cosim_slip(bench.cosim, 0, 1) < 0, "no carriage 0");
    CHECK(cosim_carriage_timing(bench.cosim, 0, 0.0, 0.0) < 0, "no carriage 0");
    CHECK(cosim_carriage_position(bench.cosim, -1) == 0, "no carriage -1");
    bench_free(&bench);
}

int main(void)
{
    steps_are_counted_with_their_direction();
    a_direction_that_changes_with_the_step_is_a_violation();
    a_pin_that_floats_at_a_reset_makes_no_step();
    a_switch_on_another_mcu_sees_the_steps_at_once();
    wrong_numbers_are_refused();
    return 0;
}
