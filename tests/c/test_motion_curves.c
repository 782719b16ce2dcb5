/* Delta, shaped axes and an extruder on random moves: runs in strict order, and the ends where the coordinates end. */
#include "klipkit/motion/lookahead.h"
#include "klipkit/motion/run.h"
#include "klipkit/motion/shaper.h"
#include "klipkit/motion/stepper.h"
#include "tests/c/motion_check.h"

enum { MOTORS = 4 };

static const double DISTANCE = 0.0125, FREQUENCY = 16e6;

struct bench {
    struct chance chance;
    struct trapq *moves, *filament;
    struct lookahead *lookahead;
    struct stepper *steppers[MOTORS];
    uint64_t last[MOTORS];
    double zero[MOTORS];
};

static void bench_open(struct bench *bench, uint64_t seed)
{
    static const char *const NAMES[MOTORS] = {"delta", "delta", "corexy_x", "extruder"};
    *bench = (struct bench){.chance = {seed}, .moves = trapq_new(), .filament = trapq_new()};
    bench->lookahead = lookahead_new(bench->moves);
    lookahead_set_limits(bench->lookahead, &(struct lookahead_limits){200, 4000, 5, 0.5});
    lookahead_set_extruder(bench->lookahead, bench->filament, 0, 1);
    lookahead_set_pressure_advance(bench->lookahead, 0.05);
    lookahead_set_start(bench->lookahead, 0.25);
    for (int i = 0; i < MOTORS; i++) {
        struct stepper *stepper = stepper_new(i == 3 ? bench->filament : bench->moves, NAMES[i], DISTANCE);
        CHECK(stepper && stepper_set_clock(stepper, 0, 0, FREQUENCY) == 0, "stepper %d", i);
        bench->steppers[i] = stepper;
    }
    struct shaper shaper;
    CHECK(shaper_set(&shaper, "mzv", 40, 0.1) == 0, "shaper");
    CHECK(stepper_set_shaper(bench->steppers[1], 0, &shaper) == 0, "x");
    CHECK(stepper_set_shaper(bench->steppers[2], 1, &shaper) == 0, "y");
    const double arms[2][3] = {{150, 80, 330}, {0, -90, 180}};
    for (int i = 0; i < 2; i++)
        CHECK(stepper_set_geometry(bench->steppers[i], arms[i], 3) == 0, "arm");
    CHECK(stepper_set_smooth_time(bench->steppers[3], 0.04) == 0, "smooth time");
    const double origin[3] = {0};
    for (int i = 0; i < MOTORS; i++) {
        bench->zero[i] = stepper_coordinate(bench->steppers[i], origin);
        CHECK(stepper_set_position(bench->steppers[i], bench->zero[i], 0) == 0, "position");
    }
}

static void bench_close(struct bench *bench)
{
    for (int i = 0; i < MOTORS; i++)
        stepper_free(bench->steppers[i]);
    lookahead_free(bench->lookahead);
    trapq_free(bench->moves);
    trapq_free(bench->filament);
}

static void generate(struct bench *bench, double until)
{
    for (int i = 0; i < MOTORS; i++) {
        int64_t count = stepper_generate(bench->steppers[i], until, until);
        CHECK(count >= 0, "generate gives %d", (int)count);
        for (int64_t k = 0; k < count; k++) {
            const struct step_run *run = &stepper_runs(bench->steppers[i])[k];
            CHECK(run->first > bench->last[i] && step_run_last(run) >= run->first, "order of motor %d", i);
            CHECK((double)step_run_last(run) <= until * FREQUENCY, "motor %d steps after what is known", i);
            bench->last[i] = step_run_last(run);
        }
    }
    trapq_expire(bench->moves, until);
    trapq_expire(bench->filament, until);
}

static void random_print(uint64_t seed)
{
    struct bench bench;
    bench_open(&bench, seed);
    struct chance *chance = &bench.chance;
    double position[3] = {0}, until = 0;
    for (int i = 0; i < 120; i++) {
        double size = chance_unit(chance) < 0.5 ? 0.5 : 50;
        for (int axis = 0; axis < 2; axis++)
            position[axis] = chance_between(chance, 0, 1) * position[axis] * 0.9 + chance_between(chance, -0.4, 0.4) * size;
        double filament = chance_between(chance, -0.2, 1);
        int alone = chance_unit(chance) < 0.1;
        CHECK(lookahead_extrude(bench.lookahead, position, filament, alone ? 20 : 120, 1e9) >= 0, "append");
        if (alone)
            CHECK(lookahead_extrude(bench.lookahead, position, -1, 30, 2000) >= 0, "filament alone");
        while (until + 0.1 < lookahead_print_time(bench.lookahead))
            generate(&bench, until += chance_between(chance, 0.001, 0.1));
    }
    CHECK(lookahead_flush(bench.lookahead) >= 0, "flush");
    generate(&bench, lookahead_print_time(bench.lookahead) + 0.2);
    for (int i = 0; i < MOTORS; i++) {
        const double filament[3] = {lookahead_filament(bench.lookahead)};
        double end = stepper_coordinate(bench.steppers[i], i == 3 ? filament : position) - bench.zero[i];
        double off = end - (double)stepper_position(bench.steppers[i]) * DISTANCE;
        CHECK(fabs(off) <= 0.5001 * DISTANCE, "motor %d is %g mm off", i, off);
    }
    bench_close(&bench);
}

int main(int count, char **arguments)
{
    int seeds = count > 1 ? atoi(arguments[1]) : 10;
    for (int seed = 1; seed <= seeds; seed++)
        random_print((uint64_t)seed);
    return 0;
}
