/* Rails and heated bodies of the co-simulator: switches at their very step, ends, noise, laws of heat against their closed form. */
#include <errno.h>

#include "test_cosim.h"

static struct sim_persona persona;

static struct bench bench_new(void)
{
    persona = fake_persona(16000000, 0);
    persona.adc_max = 1023;
    persona.pwm_max = 255;
    return bench_with(&persona, 0.0);
}

static int add_carriage(const struct bench *bench)
{
    return cosim_add_carriage(bench->cosim, bench->mcu, PIN_STEP, 0, 0, PIN_DIR, 0);
}

static struct cosim_carriage seen(const struct bench *bench, int carriage)
{
    struct cosim_carriage seen;
    CHECK(cosim_see_carriage(bench->cosim, carriage, &seen) == 0, "no carriage %d", carriage);
    return seen;
}

/* The step count at which the input pin changed, by the edges noted since; 0 when it did not. */
static int step_of_change(struct bench *bench, int level)
{
    struct cosim_edge edge;
    int steps = 0, found = 0;
    while (cosim_edges(bench->cosim, &edge, 1)) {
        steps += edge.pin == PIN_STEP && edge.level == 1;
        if (edge.pin == PIN_INPUT && edge.level == level)
            found = steps;
    }
    return found;
}

static void a_switch_closes_at_its_very_step_and_opens_its_hysteresis_later(void)
{
    struct bench bench = bench_new();
    int carriage = add_carriage(&bench), rail = cosim_add_rail(bench.cosim, 10.0, -5.0, 205.0);
    CHECK(cosim_rail_by(bench.cosim, rail, carriage, 0.0125) == 0, "by");
    struct cosim_switch law = {.trigger = 0.0, .hysteresis = 0.05, .sign = -1, .mcu = bench.mcu, .pin = PIN_INPUT, .level = 1};
    int contact = cosim_add_contact(bench.cosim, rail, &law);
    cosim_watch(bench.cosim, bench.mcu, PIN_STEP);
    cosim_watch(bench.cosim, bench.mcu, PIN_INPUT);
    bench_step(&bench, 0, 900);
    CHECK(step_of_change(&bench, 1) == 800, "10 mm of 0.0125 mm");
    CHECK(cosim_contact_closings(bench.cosim, contact) == 1, "closed once");
    CHECK(fabs(cosim_rail_position(bench.cosim, rail) + 1.25) < 1e-9, "%g", cosim_rail_position(bench.cosim, rail));
    bench_step(&bench, 1, 200);
    int opened = step_of_change(&bench, 0);
    CHECK(opened == 105, "at %d: 100 steps to the trigger, 4 of hysteresis, one beyond", opened);
    bench_free(&bench);
}

/* CoreXY: both motors take the same pins here, so that X goes two steps' way and Y stays. */
static void a_rail_is_the_sum_of_what_its_carriages_do(void)
{
    struct bench bench = bench_new();
    int a = add_carriage(&bench), b = add_carriage(&bench);
    int x = cosim_add_rail(bench.cosim, 50.0, 0.0, 100.0), y = cosim_add_rail(bench.cosim, 20.0, 0.0, 100.0);
    CHECK(cosim_rail_by(bench.cosim, x, a, 0.5) == 0 && cosim_rail_by(bench.cosim, x, b, 0.5) == 0, "x");
    CHECK(cosim_rail_by(bench.cosim, y, a, 0.5) == 0 && cosim_rail_by(bench.cosim, y, b, -0.5) == 0, "y");
    bench_step(&bench, 1, 30);
    CHECK(cosim_rail_position(bench.cosim, x) == 80.0 && cosim_rail_position(bench.cosim, y) == 20.0, "along x");
    CHECK(cosim_slip(bench.cosim, a, 10) == 0, "slip");
    CHECK(cosim_rail_position(bench.cosim, x) == 85.0 && cosim_rail_position(bench.cosim, y) == 25.0, "a alone");
    CHECK(seen(&bench, a).position - seen(&bench, a).commanded == 10, "what the host cannot see");
    bench_free(&bench);
}

static void a_motor_stalls_at_the_end_of_its_rail_and_its_steps_are_lost(void)
{
    struct bench bench = bench_new();
    int carriage = add_carriage(&bench), rail = cosim_add_rail(bench.cosim, 0.0, -100.0, 100.0);
    CHECK(cosim_rail_by(bench.cosim, rail, carriage, 1.0) == 0, "by");
    bench_step(&bench, 1, 130);
    struct cosim_carriage at = seen(&bench, carriage);
    CHECK(at.position == 100 && at.commanded == 130 && at.stalled == 30 && at.pulses == 130, "%lld", (long long)at.position);
    bench_step(&bench, 0, 240);
    at = seen(&bench, carriage);
    CHECK(at.position == -100 && at.commanded == -110 && at.stalled == 70, "%lld", (long long)at.position);
    bench_free(&bench);
}

static void a_record_has_a_point_for_each_so_many_steps(void)
{
    struct bench bench = bench_new();
    int carriages[2] = {add_carriage(&bench), add_carriage(&bench)};
    struct cosim_point points[64];
    CHECK(cosim_record(bench.cosim, carriages, (uint32_t[2]){10, 1000}, 2) == 0, "record");
    bench_step(&bench, 1, 55);
    bench_step(&bench, 0, 3); /* not far enough from the last point */
    bench_step(&bench, 0, 12);
    size_t count = cosim_recorded(bench.cosim, points, 64);
    CHECK(count == 1 + 5 + 1, "%zu points", count);
    for (size_t i = 0; i < 6; i++)
        CHECK(points[i].steps[0] == (int)i * 10 && points[i].steps[0] - points[i].steps[1] <= 1, "point %zu", i);
    CHECK(points[6].steps[0] == 40 && points[6].time > points[5].time && points[6].steps[2] == 0, "on the way back");
    CHECK(cosim_recorded(bench.cosim, points, 64) == 0, "all were taken");
    for (int i = 0; i < 50; i++)
        bench_step(&bench, 1, 200);
    for (size_t taken = 0; taken < 1000; taken += count)
        CHECK((count = cosim_recorded(bench.cosim, points, 64)) > 0, "%zu of 1000 points", taken);
    CHECK(cosim_record(bench.cosim, carriages, (uint32_t[2]){10, 10}, 2) < 0, "one record");
    bench_free(&bench);
}

/* Switch positions of 200 approaches with this noise, deviation (0: even) and seed; steps. */
static void approaches_by(double noise, double deviation, uint64_t seed, int found[200])
{
    struct bench bench = bench_new();
    int carriage = add_carriage(&bench), rail = add_rail(bench.cosim, carriage, -HUGE_VAL, HUGE_VAL);
    struct cosim_switch law = {.trigger = 100, .noise = noise, .deviation = deviation, .seed = seed, .sign = 1,
                               .mcu = bench.mcu, .pin = PIN_INPUT, .level = 1};
    CHECK(cosim_add_contact(bench.cosim, rail, &law) >= 0, "switch");
    cosim_watch(bench.cosim, bench.mcu, PIN_STEP);
    cosim_watch(bench.cosim, bench.mcu, PIN_INPUT);
    for (int i = 0; i < 200; i++) {
        bench_step(&bench, 1, 150);
        found[i] = step_of_change(&bench, 1);
        bench_step(&bench, 0, 150);
        step_of_change(&bench, 0);
    }
    bench_free(&bench);
}

static void a_switch_is_as_noisy_as_told_the_same_way_for_the_same_seed(void)
{
    int exact[200], noisy[200], again[200], other[200];
    approaches_by(0.0, 0.0, 1, exact);
    approaches_by(20.0, 0.0, 1, noisy);
    approaches_by(20.0, 0.0, 1, again);
    approaches_by(20.0, 0.0, 2, other);
    CHECK(memcmp(noisy, again, sizeof noisy) == 0 && memcmp(noisy, other, sizeof noisy) != 0, "seeds");
    int least = 1000, most = 0;
    double sum = 0.0;
    for (int i = 0; i < 200; i++) {
        CHECK(exact[i] == 100, "without noise at %d", exact[i]);
        least = noisy[i] < least ? noisy[i] : least;
        most = noisy[i] > most ? noisy[i] : most;
        sum += noisy[i];
    }
    CHECK(least >= 80 && least < 84 && most <= 121 && most > 116, "from %d to %d", least, most);
    CHECK(fabs(sum / 200 - 100.5) < 3.0, "%g in the middle", sum / 200);
}

static void a_stuck_switch_says_the_same_wherever_the_rail_is(void)
{
    struct bench bench = bench_new();
    int carriage = add_carriage(&bench), rail = add_rail(bench.cosim, carriage, -HUGE_VAL, HUGE_VAL);
    struct cosim_switch law = {.trigger = 10, .sign = 1, .mcu = bench.mcu, .pin = PIN_INPUT, .level = 0};
    int contact = cosim_add_contact(bench.cosim, rail, &law);
    cosim_watch(bench.cosim, bench.mcu, PIN_STEP);
    cosim_watch(bench.cosim, bench.mcu, PIN_INPUT);
    CHECK(cosim_stick_contact(bench.cosim, contact, COSIM_STUCK_OPEN) == 0, "open");
    bench_step(&bench, 1, 20);
    CHECK(step_of_change(&bench, 0) == 0 && cosim_contact_closings(bench.cosim, contact) == 1, "it closed, and nobody saw it");
    CHECK(cosim_stick_contact(bench.cosim, contact, COSIM_WORKS) == 0, "works");
    struct cosim_edge edge;
    CHECK(cosim_edges(bench.cosim, &edge, 1) == 1 && edge.level == 0, "it is closed");
    CHECK(cosim_stick_contact(bench.cosim, contact, COSIM_STUCK_CLOSED) == 0, "closed");
    bench_step(&bench, 0, 30);
    CHECK(step_of_change(&bench, 1) == 0, "it does not open");
    bench_free(&bench);
}

/* --- heat --- */

static struct cosim_heated warmth(const struct bench *bench, int heat)
{
    struct cosim_heated seen;
    CHECK(cosim_see_heat(bench->cosim, heat, &seen) == 0, "no body %d", heat);
    return seen;
}

static const struct cosim_heat HOTEND = {.ambient = 25.0, .power = 3.0, .loss = 1.0 / 150, .cooling = 1.0 / 300, .lag = 3.0};

/* The same law in steps of a microsecond and more: an integration that knows no closed form. */
static struct cosim_heated integrated(const struct cosim_heat *law, double share, double fan, double seconds)
{
    struct cosim_heated now = {.body = law->ambient, .sensed = law->ambient};
    double dt = 1e-4;
    for (long i = 0, count = lround(seconds / dt); i < count; i++) {
        double rate = law->power * share - (law->loss + law->cooling * fan) * (now.body - law->ambient);
        double middle = now.body + rate * dt / 2;
        now.sensed += dt / law->lag * (middle - now.sensed - (middle - now.sensed) * dt / (2 * law->lag));
        now.body += dt * (law->power * share - (law->loss + law->cooling * fan) * (middle - law->ambient));
    }
    return now;
}

static void a_body_warms_by_its_law(void)
{
    struct bench bench = bench_new();
    int heat = cosim_add_heat(bench.cosim, &HOTEND);
    CHECK(cosim_heat_by(bench.cosim, heat, bench.mcu, PIN_COPY, 0) == 0, "by");
    double begun = cosim_now(bench.cosim) + 100.0;
    run_through(bench.cosim, begun);
    CHECK(warmth(&bench, heat).body == 25.0 && warmth(&bench, heat).sensed == 25.0, "cold");
    bench_put(&bench, PIN_COPY, 1);
    for (double seconds = 1.0; seconds < 400.0; seconds *= 3.0) {
        run_through(bench.cosim, begun + seconds);
        struct cosim_heated now = warmth(&bench, heat), want = integrated(&HOTEND, 1.0, 0.0, seconds);
        CHECK(fabs(now.body - want.body) < 1e-3 && fabs(now.sensed - want.sensed) < 1e-3, "%g s: %.6f %.6f, not %.6f %.6f",
              seconds, now.body, now.sensed, want.body, want.sensed);
        CHECK(fabs(now.heating - seconds) < 1e-6, "%g s of heat", now.heating);
    }
    run_through(bench.cosim, begun + 20000.0);
    CHECK(fabs(warmth(&bench, heat).body - 475.0) < 1e-6, "power / loss over ambient");
    double hot = warmth(&bench, heat).body;
    bench_put(&bench, PIN_COPY, 0);
    run_through(bench.cosim, begun + 20000.0 + 150.0);
    CHECK(fabs((warmth(&bench, heat).body - 25.0) / (hot - 25.0) - exp(-1.0)) < 1e-6, "a time constant");
    bench_free(&bench);
}

/* Energy: power times time on is what is in the body and what it lost; a pulsed heater, its pulses at odd times. */
static void pulses_heat_as_much_as_they_last(void)
{
    struct bench bench = bench_new();
    struct cosim_heat law = {.ambient = 20.0, .power = 2.0, .loss = 0.0, .lag = 1.0};
    int heat = cosim_add_heat(bench.cosim, &law);
    CHECK(cosim_heat_by(bench.cosim, heat, bench.mcu, PIN_COPY, 1) == 0, "inverted");
    bench_put(&bench, PIN_COPY, 1);
    double on = warmth(&bench, heat).heating, body = warmth(&bench, heat).body;
    double now = cosim_now(bench.cosim), expected = 0.0;
    for (int i = 0; i < 200; i++) {
        double pulse = 0.01 + 0.0003 * i, pause = 0.1 - pulse;
        bench_put(&bench, PIN_COPY, 0);
        run_through(bench.cosim, now += pulse);
        bench_put(&bench, PIN_COPY, 1);
        run_through(bench.cosim, now += pause);
        expected += pulse;
    }
    struct cosim_heated hot = warmth(&bench, heat);
    CHECK(fabs(hot.heating - on - expected) < 1e-4, "%.6f s on, not %.6f", hot.heating - on, expected);
    CHECK(fabs(hot.body - body - 2.0 * (hot.heating - on)) < 1e-6, "%g", hot.body - body);
    bench_free(&bench);
}

static void a_fan_cools_and_a_stuck_heater_does_not_care(void)
{
    struct bench bench = bench_new();
    int heat = cosim_add_heat(bench.cosim, &HOTEND);
    CHECK(cosim_heat_by(bench.cosim, heat, bench.mcu, PIN_COPY, 0) == 0, "heater");
    CHECK(cosim_cool_by(bench.cosim, heat, bench.mcu, PIN_BYTES, 0) == 0, "fan");
    bench_put(&bench, PIN_BYTES, 1);
    CHECK(cosim_stick_heater(bench.cosim, heat, COSIM_HEATER_ON) == 0, "stuck");
    run_through(bench.cosim, 20000.0);
    CHECK(fabs(warmth(&bench, heat).body - 325.0) < 1e-6, "power / (loss + cooling): %g", warmth(&bench, heat).body);
    CHECK(cosim_stick_heater(bench.cosim, heat, COSIM_HEATER_OFF) == 0, "broken");
    bench_put(&bench, PIN_COPY, 1);
    run_through(bench.cosim, 40000.0);
    CHECK(fabs(warmth(&bench, heat).body - 25.0) < 1e-6, "it does not heat: %g", warmth(&bench, heat).body);
    bench_free(&bench);
}

static void equal_time_constants_of_body_and_sensor_are_no_trouble(void)
{
    struct bench bench = bench_new();
    struct cosim_heat law = {.ambient = 25.0, .power = 3.0, .loss = 0.1, .lag = 10.0};
    int heat = cosim_add_heat(bench.cosim, &law);
    CHECK(cosim_stick_heater(bench.cosim, heat, COSIM_HEATER_ON) == 0, "on");
    double begun = cosim_now(bench.cosim);
    run_through(bench.cosim, begun + 15.0);
    struct cosim_heated now = warmth(&bench, heat), want = integrated(&law, 1.0, 0.0, 15.0);
    CHECK(fabs(now.sensed - want.sensed) < 1e-3, "%g, not %g", now.sensed, want.sensed);
    bench_free(&bench);
}

static void a_reset_lets_go_of_the_heater(void)
{
    struct bench bench = bench_new();
    int plain = cosim_add_heat(bench.cosim, &HOTEND), inverted = cosim_add_heat(bench.cosim, &HOTEND);
    CHECK(cosim_heat_by(bench.cosim, plain, bench.mcu, PIN_COPY, 0) == 0, "plain");
    CHECK(cosim_heat_by(bench.cosim, inverted, bench.mcu, PIN_BYTES, 1) == 0, "inverted");
    bench_put(&bench, PIN_COPY, 1);
    bench_put(&bench, PIN_BYTES, 0);
    run_through(bench.cosim, 1.0);
    CHECK(warmth(&bench, plain).heating > 0.9 && warmth(&bench, inverted).heating > 0.9, "both heat");
    session_send(bench.session, bench.queue, (const uint8_t *)"R", 1, 0, 0);
    while (cosim_run(bench.cosim, 2.0) != COSIM_RESET)
        continue;
    CHECK(cosim_run(bench.cosim, 0.0) == COSIM_TIME && cosim_pin_share(bench.cosim, bench.mcu, PIN_COPY) < 0.0, "it floats");
    double before = warmth(&bench, plain).heating, other = warmth(&bench, inverted).heating;
    run_through(bench.cosim, cosim_now(bench.cosim) + 0.06);
    CHECK(warmth(&bench, plain).heating == before && warmth(&bench, inverted).heating == other, "nothing drives them");
    bench_free(&bench);
}

/* --- fans --- */

static struct cosim_turning turning(const struct bench *bench, int fan)
{
    struct cosim_turning seen;
    CHECK(cosim_see_fan(bench->cosim, fan, &seen) == 0, "no fan %d", fan);
    return seen;
}

static const struct cosim_fan FAN = {.full = 50.0, .inertia = 0.5, .pulses = 2.0};

/* Clocks of the edges of the tachometer noted since; gives their count. */
static size_t tacho_edges(const struct bench *bench, uint64_t *clocks, size_t room)
{
    struct cosim_edge edge;
    size_t count = 0;
    while (count < room && cosim_edges(bench->cosim, &edge, 1))
        if (edge.pin == PIN_INPUT)
            clocks[count++] = edge.clock;
    return count;
}

static void a_fan_turns_by_its_law_and_each_edge_of_its_tachometer_comes_at_its_turn(void)
{
    static uint64_t clocks[4096];
    struct bench bench = bench_new();
    int fan = cosim_add_fan(bench.cosim, &FAN, bench.mcu, PIN_COPY, 0);
    CHECK(cosim_fan_tachometer(bench.cosim, fan, bench.mcu, PIN_INPUT) == 0, "tachometer");
    cosim_watch(bench.cosim, bench.mcu, PIN_INPUT);
    run_through(bench.cosim, 10.0);
    bench_put(&bench, PIN_COPY, 1);
    double begun = cosim_now(bench.cosim);
    run_through(bench.cosim, begun + 0.5);
    CHECK(fabs(turning(&bench, fan).speed - 50.0 * (1.0 - exp(-1.0))) < 1e-3, "after a time constant %g", turning(&bench, fan).speed);
    run_through(bench.cosim, begun + 10.0);
    size_t count = tacho_edges(&bench, clocks, 4096);
    CHECK(fabs(turning(&bench, fan).turns - (50.0 * 10.0 - 25.0)) < 1e-3, "turns %g", turning(&bench, fan).turns);
    CHECK(count == 1900 || count == 1899, "%zu edges of 475 turns", count);
    double first = (double)clocks[0] / 16e6 - begun; /* turns = 50 t - 25 (1 - e^-2t) = 1/4 */
    CHECK(fabs(50.0 * first - 25.0 * (1.0 - exp(-2.0 * first)) - 0.25) < 1e-3, "the first at %g", first);
    CHECK(fabs((double)(clocks[1800] - clocks[1600]) / 16e6 - 1.0) < 1e-4, "200 edges a second at full speed");
    bench_put(&bench, PIN_COPY, 0);
    run_through(bench.cosim, begun + 100.0);
    count = tacho_edges(&bench, clocks, 4096);
    CHECK((count == 99 || count == 100) && turning(&bench, fan).speed < 1e-9, "%zu edges: it comes to rest in 25 turns", count);
    bench_free(&bench);
}

static void a_fan_that_is_blocked_comes_to_rest(void)
{
    struct bench bench = bench_new();
    int fan = cosim_add_fan(bench.cosim, &FAN, bench.mcu, PIN_COPY, 0);
    bench_put(&bench, PIN_COPY, 1);
    run_through(bench.cosim, 10.0);
    CHECK(turning(&bench, fan).speed > 49.9, "it turns");
    CHECK(cosim_block_fan(bench.cosim, fan, 1) == 0, "block");
    run_through(bench.cosim, 30.0);
    CHECK(turning(&bench, fan).speed < 1e-9, "it does not turn");
    CHECK(cosim_block_fan(bench.cosim, fan, 0) == 0, "let go");
    run_through(bench.cosim, 40.0);
    CHECK(turning(&bench, fan).speed > 49.9, "it turns again");
    CHECK(cosim_add_fan(bench.cosim, &FAN, bench.mcu, PIN_COUNT, 0) < 0, "no such pin");
    CHECK(cosim_fan_tachometer(bench.cosim, fan + 1, bench.mcu, PIN_INPUT) < 0, "no such fan");
    bench_free(&bench);
}

static void wrong_numbers_are_refused(void)
{
    struct bench bench = bench_new();
    struct cosim_switch law = {.sign = 1, .mcu = bench.mcu, .pin = PIN_INPUT};
    double share = 0.5, wrong = 1.5;
    int carriage = add_carriage(&bench), rail = add_rail(bench.cosim, carriage, 0.0, 1.0);
    CHECK(cosim_add_rail(bench.cosim, 0.0, 2.0, 1.0) < 0, "ends the wrong way round");
    CHECK(cosim_add_contact(bench.cosim, rail + 1, &law) < 0, "no such rail");
    law.sign = 0;
    CHECK(cosim_add_contact(bench.cosim, rail, &law) < 0, "no side");
    law = (struct cosim_switch){.sign = 1, .mcu = bench.mcu, .pin = PIN_COUNT};
    CHECK(cosim_add_contact(bench.cosim, rail, &law) < 0, "no such pin");
    struct cosim_heat no_lag = {.power = 1.0};
    CHECK(cosim_add_heat(bench.cosim, &no_lag) < 0, "no lag");
    int heat = cosim_add_heat(bench.cosim, &HOTEND);
    CHECK(cosim_heat_by(bench.cosim, heat, bench.mcu, PIN_COUNT, 0) < 0, "no such pin");
    CHECK(cosim_heat_by(bench.cosim, heat + 1, bench.mcu, PIN_COPY, 0) < 0, "no such body");
    CHECK(cosim_add_sensor(bench.cosim, heat, bench.mcu, PIN_COPY, 0.0, 1.0, &share, 0) < 0, "no table");
    CHECK(cosim_add_sensor(bench.cosim, heat, bench.mcu, PIN_COPY, 0.0, 1.0, &wrong, 1) < 0, "beyond the range");
    CHECK(cosim_add_sensor(bench.cosim, heat, bench.mcu, PIN_COPY, 0.0, 1.0, &share, 1) == 0, "fine");
    bench_free(&bench);
}

static void test_a_normal_noise_is_cut_and_as_wide_as_it_is_to_be(void)
{
    int found[200], again[200];
    double sum = 0.0, squares = 0.0;
    approaches_by(25.0, 10.0, 7, found);
    approaches_by(25.0, 10.0, 7, again);
    for (int i = 0; i < 200; i++) {
        CHECK(found[i] == again[i], "another place by the same seed");
        CHECK(found[i] >= 75 && found[i] <= 126, "beyond the cut: %d", found[i]);
        sum += found[i];
        squares += (found[i] - 100.5) * (found[i] - 100.5);
    }
    CHECK(fabs(sum / 200 - 100.5) < 2.5, "%g in the middle", sum / 200);
    CHECK(fabs(sqrt(squares / 200) - 9.7) < 1.5, "deviation %g", sqrt(squares / 200));
}

static void test_a_law_that_draws_in_vain_is_refused(void)
{
    struct bench bench = bench_new();
    int rail = add_rail(bench.cosim, add_carriage(&bench), -HUGE_VAL, HUGE_VAL);
    struct cosim_switch law = {.deviation = 1.0, .sign = 1, .mcu = bench.mcu, .pin = PIN_INPUT};
    CHECK(cosim_add_contact(bench.cosim, rail, &law) == -EINVAL, "a deviation without a bound");
    law.noise = 0.001;
    CHECK(cosim_add_contact(bench.cosim, rail, &law) == -EINVAL, "a thousand deviations in the bound");
    law.noise = 4.0;
    CHECK(cosim_add_contact(bench.cosim, rail, &law) >= 0, "a usual one");
    bench_free(&bench);
}

/* The fake makes steps of equal intervals: a speed above the limit loses each whole cycle but the first step from rest. */
static void test_a_motor_beyond_its_speed_loses_whole_cycles(void)
{
    struct bench bench = bench_new();
    int carriage = add_carriage(&bench);
    CHECK(cosim_carriage_limit(bench.cosim, carriage, 16, 0.0, 1.0) == -EINVAL, "a motor without speed");
    bench_step(&bench, 1, 161);
    CHECK(seen(&bench, carriage).position == 161, "a motor that nothing is known of");
    CHECK(cosim_carriage_limit(bench.cosim, carriage, 16, 1.0, 1e12) == 0, "limit");
    bench_step(&bench, 1, 161);
    struct cosim_carriage now = seen(&bench, carriage);
    CHECK(now.cycles > 0 && now.commanded == 322, "%d cycles", (int)now.cycles);
    CHECK(now.position == 322 - 16 * (int64_t)now.cycles, "behind by whole cycles: %d", (int)now.position);
    bench_step(&bench, 0, 161);
    struct cosim_carriage back = seen(&bench, carriage);
    CHECK(back.position == now.position - 161 + 16 * (int64_t)(back.cycles - now.cycles), "the other way it lacks as much");
    bench_free(&bench);
}

static void test_a_motor_at_the_end_of_its_rail_loses_whole_cycles(void)
{
    for (int beyond = 1; beyond < 60; beyond++) {
        struct bench bench = bench_new();
        int carriage = add_carriage(&bench);
        add_rail(bench.cosim, carriage, -HUGE_VAL, 100.0);
        CHECK(cosim_carriage_limit(bench.cosim, carriage, 16, 1e12, 1e12) == 0, "limit");
        bench_step(&bench, 1, 100 + beyond);
        CHECK(seen(&bench, carriage).position <= 100, "beyond the end");
        bench_step(&bench, 0, 80);
        struct cosim_carriage now = seen(&bench, carriage);
        CHECK((now.commanded - now.position) % 16 == 0, "%d beyond: behind by %d", beyond, (int)(now.commanded - now.position));
        CHECK(llabs(now.commanded - now.position - beyond) <= 16, "behind by %d", (int)(now.commanded - now.position));
        bench_free(&bench);
    }
}

int main(void)
{
    test_a_normal_noise_is_cut_and_as_wide_as_it_is_to_be();
    test_a_law_that_draws_in_vain_is_refused();
    test_a_motor_beyond_its_speed_loses_whole_cycles();
    test_a_motor_at_the_end_of_its_rail_loses_whole_cycles();
    a_switch_closes_at_its_very_step_and_opens_its_hysteresis_later();
    a_rail_is_the_sum_of_what_its_carriages_do();
    a_motor_stalls_at_the_end_of_its_rail_and_its_steps_are_lost();
    a_record_has_a_point_for_each_so_many_steps();
    a_switch_is_as_noisy_as_told_the_same_way_for_the_same_seed();
    a_stuck_switch_says_the_same_wherever_the_rail_is();
    a_body_warms_by_its_law();
    pulses_heat_as_much_as_they_last();
    a_fan_cools_and_a_stuck_heater_does_not_care();
    equal_time_constants_of_body_and_sensor_are_no_trouble();
    a_reset_lets_go_of_the_heater();
    a_fan_turns_by_its_law_and_each_edge_of_its_tachometer_comes_at_its_turn();
    a_fan_that_is_blocked_comes_to_rest();
    wrong_numbers_are_refused();
    return 0;
}
