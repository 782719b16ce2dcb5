/* Kinematics of any shape on random moves, with shapers: runs in strict order, the ends where the coordinates end; and what they refuse. */
#include <errno.h>
#include <string.h>

#include "klipkit/motion/inner/bent.h"
#include "klipkit/motion/lookahead.h"
#include "klipkit/motion/run.h"
#include "klipkit/motion/shaper.h"
#include "klipkit/motion/stepper.h"
#include "klipkit/motion/trapq.h"
#include "tests/c/motion_check.h"

enum { NUMBERS_MOST = 5 };

static const double FREQUENCY = 16e6, TAU = 6.283185307179586;

static const struct motor {
    const char *kinematics;
    int count;
    double numbers[NUMBERS_MOST], distance;
} MOTORS[] = {
    {"winch", 3, {200, -300, -50}, 0.0125},
    {"polar_bed", 0, {0}, 0.0004},
    {"polar_arm", 0, {0}, 0.0125},
    {"deltesian", 2, {-160, 230}, 0.0125},
    {"rotary_delta", 5, {40, 300, 160, 310, 0.5}, 0.0001},
    {"linear", 3, {1, -0.5, 0.25}, 0.0125},
};
enum { COUNT = sizeof(MOTORS) / sizeof(MOTORS[0]) };

struct bench {
    struct chance chance;
    struct trapq *moves;
    struct lookahead *lookahead;
    struct stepper *steppers[COUNT];
    uint64_t last[COUNT];
    double zero[COUNT];
};

static void bench_open(struct bench *bench, uint64_t seed, const double start[3])
{
    struct shaper shaper;
    *bench = (struct bench){.chance = {seed}, .moves = trapq_new()};
    bench->lookahead = lookahead_new(bench->moves);
    lookahead_set_limits(bench->lookahead, &(struct lookahead_limits){200, 4000, 5, 0.5});
    CHECK(trapq_set_position(bench->moves, 0, start) == 0, "place");
    CHECK(lookahead_set_position(bench->lookahead, start) == 0, "position");
    lookahead_set_start(bench->lookahead, 0.25);
    CHECK(shaper_set(&shaper, "mzv", 40, 0.1) == 0, "shaper");
    for (int i = 0; i < COUNT; i++) {
        struct stepper *stepper = stepper_new(bench->moves, MOTORS[i].kinematics, MOTORS[i].distance);
        CHECK(stepper && stepper_set_clock(stepper, 0, 0, FREQUENCY) == 0, "stepper %d", i);
        bench->steppers[i] = stepper;
        if (MOTORS[i].count)
            CHECK(stepper_set_geometry(stepper, MOTORS[i].numbers, MOTORS[i].count) == 0, "geometry %d", i);
        if (seed % 2)
            CHECK(stepper_set_shaper(stepper, (int)(seed / 2 % 2), &shaper) == 0, "shaper %d", i);
        bench->zero[i] = stepper_coordinate(stepper, start);
        CHECK(stepper_set_position(stepper, bench->zero[i], 0) == 0, "position %d", i);
    }
}

static void bench_close(struct bench *bench)
{
    for (int i = 0; i < COUNT; i++)
        stepper_free(bench->steppers[i]);
    lookahead_free(bench->lookahead);
    trapq_free(bench->moves);
}

static void generate(struct bench *bench, double until)
{
    for (int i = 0; i < COUNT; i++) {
        int64_t count = stepper_generate(bench->steppers[i], until, until);
        CHECK(count >= 0, "motor %d gives %d", i, (int)count);
        for (int64_t k = 0; k < count; k++) {
            const struct step_run *run = &stepper_runs(bench->steppers[i])[k];
            CHECK(run->first > bench->last[i] && step_run_last(run) >= run->first, "order of motor %d", i);
            bench->last[i] = step_run_last(run);
        }
    }
    trapq_expire(bench->moves, until);
}

/* Around the middle, several times. */
static void random_print(uint64_t seed)
{
    const double start[3] = {60, 0, 20};
    struct bench bench;
    bench_open(&bench, seed, start);
    double end[3], until = 0, angle = 0;
    for (int i = 0; i < 150; i++) {
        double size = chance_unit(&bench.chance) < 0.5 ? 0.01 : 0.6;
        double radius = chance_between(&bench.chance, 40, 60);
        angle += chance_between(&bench.chance, -0.5, 1) * size;
        end[0] = radius * cos(angle);
        end[1] = radius * sin(angle);
        end[2] = chance_between(&bench.chance, 20, 21);
        CHECK(lookahead_append(bench.lookahead, end, 150, 1e9) >= 0, "append");
        while (until + 0.1 < lookahead_print_time(bench.lookahead))
            generate(&bench, until += chance_between(&bench.chance, 0.001, 0.1));
    }
    CHECK(lookahead_flush(bench.lookahead) >= 0, "flush");
    generate(&bench, lookahead_print_time(bench.lookahead) + 0.2);
    for (int i = 0; i < COUNT; i++) {
        double turns = i == 1 ? TAU * round((angle - stepper_coordinate(bench.steppers[i], end)) / TAU) : 0;
        double way = stepper_coordinate(bench.steppers[i], end) + turns - bench.zero[i];
        double off = way - (double)stepper_position(bench.steppers[i]) * MOTORS[i].distance;
        CHECK(fabs(off) <= 0.5001 * MOTORS[i].distance, "motor %d is %g off", i, off);
    }
    bench_close(&bench);
}

/* What a motor gives when the toolhead goes there in a straight line. */
static int64_t given(int motor, const double start[3], const double end[3])
{
    struct bench bench;
    bench_open(&bench, 2, start);
    CHECK(lookahead_append(bench.lookahead, end, 150, 1e9) >= 0 && lookahead_flush(bench.lookahead) >= 0, "move");
    double until = lookahead_print_time(bench.lookahead) + 0.2;
    int64_t count = stepper_generate(bench.steppers[motor], until, until);
    bench_close(&bench);
    return count;
}

static void check_what_cannot_be(void)
{
    const double side[3] = {20, 0, 20}, over[3] = {-30, 0, 20}, near[3] = {-30, 1e-4, 20}, anchor[3] = {200, -300, -50};
    const double beyond[3] = {75, 0, 20}, middle[3] = {0, 0, 0}, up[3] = {0, 0, 5};
    CHECK(given(1, side, over) == -ERANGE, "the bed in the middle");
    CHECK(given(2, side, over) == -ERANGE, "the arm in the middle");
    CHECK(given(1, side, near) > 0 && given(2, side, near) > 0, "beside the middle");
    CHECK(given(0, side, anchor) > 0, "to the anchor");
    CHECK(given(3, side, beyond) == -ERANGE, "beyond the arm");
    CHECK(given(1, middle, up) == 0 && given(2, middle, up) == 0, "up in the middle");
    const double far[3] = {0, 0, -180};
    CHECK(given(4, side, far) == -ERANGE, "below the arms");
    struct bench bench;
    bench_open(&bench, 2, side);
    for (int i = 0; i < COUNT; i++)
        CHECK(stepper_set_geometry(bench.steppers[i], MOTORS[i].numbers, 4) == -EINVAL, "numbers of motor %d", i);
    bench_close(&bench);
}

static struct jet jet_at(const struct kinematics *kinematics, const struct phase *phase, double t)
{
    struct state state;
    struct jet jet;
    bent_state(phase, t, &state);
    kinematics->jet(kinematics, &state, &jet);
    return jet;
}

/* Derivatives against differences of what they are the derivatives of; and no third one beyond its bound. */
static void check_jets(const struct kinematics *kinematics, uint64_t seed)
{
    struct chance chance = {seed};
    struct phase phase = {.from = 0, .to = chance_between(&chance, 0.001, 0.1)};
    double angle = chance_between(&chance, -3, 3), radius = chance_between(&chance, 20, 60), d = 1e-4;
    phase.position[0] = radius * cos(angle);
    phase.position[1] = radius * sin(angle);
    phase.position[2] = chance_between(&chance, 20, 40);
    for (int axis = 0; axis < 3; axis++) {
        phase.velocity[axis] = chance_between(&chance, -100, 100);
        phase.accel[axis] = chance_between(&chance, -500, 500);
    }
    struct state ends[2];
    bent_state(&phase, phase.from, &ends[0]);
    bent_state(&phase, phase.to, &ends[1]);
    double most = kinematics->third(kinematics, ends, phase.to - phase.from);
    for (int i = 0; i <= 20; i++) {
        double t = phase.to * i / 20;
        struct jet before = jet_at(kinematics, &phase, t - d), at = jet_at(kinematics, &phase, t);
        struct jet after = jet_at(kinematics, &phase, t + d);
        double scale = fabs(at.v) + fabs(at.a) + fabs(at.jerk), small = 1e-6 + 1e-4 * scale;
        if (!isfinite(scale) || fabs(after.p - before.p) > 1)
            return; /* out of reach, or over a full turn */
        CHECK(fabs((after.p - before.p) / (2 * d) - at.v) < small, "%s: v", kinematics->name);
        CHECK(fabs((after.v - before.v) / (2 * d) - at.a) < small, "%s: a", kinematics->name);
        CHECK(fabs((after.a - before.a) / (2 * d) - at.jerk) < small, "%s: jerk", kinematics->name);
        CHECK(fabs(at.jerk) <= most * (1 + 1e-9), "%s: %g is beyond %g", kinematics->name, at.jerk, most);
    }
}

static void check_all_jets(void)
{
    for (int number = 0; kinematics_get(number); number++) {
        struct kinematics kinematics = *kinematics_get(number);
        for (int i = 0; kinematics.jet && i < COUNT; i++) {
            if (strcmp(MOTORS[i].kinematics, kinematics.name) != 0)
                continue;
            if (kinematics.set)
                CHECK(kinematics.set(&kinematics, MOTORS[i].numbers, MOTORS[i].count) == 0, "numbers");
            for (uint64_t seed = 1; seed <= 2000; seed++)
                check_jets(&kinematics, seed);
        }
    }
}

/* Under a shaper a way is no straight line: this one goes three fifths of a turn round the middle in one piece. */
static void check_most_of_a_turn(void)
{
    const double ticks = 1e6, distance = 0.0004, begin = atan2(-30, -10), end = atan2(30, -10);
    const struct phase phase = {.from = -ticks, .to = ticks, .position = {5}, .velocity = {0, 30 / ticks},
                                .accel = {-30 / ticks / ticks}};
    struct segments segments = {.last = -HUGE_VAL};
    const struct step_scale scale = {begin, 1 / distance};
    CHECK(kinematics_polar_bed.append(&kinematics_polar_bed, &phase, &scale, &segments) == 0, "append");
    CHECK(llabs(segments.position - llround((end - begin) / distance)) <= 1, "%d steps", (int)segments.position);
    free(segments.items);
}

int main(int count, char **arguments)
{
    int seeds = count > 1 ? atoi(arguments[1]) : 12;
    for (int seed = 1; seed <= seeds; seed++)
        random_print((uint64_t)seed);
    check_what_cannot_be();
    check_all_jets();
    check_most_of_a_turn();
    return 0;
}
