/* Steps of random moves: each within its window of the true crossing, counts and ends exact, whatever the flushes. */
#include <errno.h>

#include "klipkit/motion/lookahead.h"
#include "klipkit/motion/run.h"
#include "klipkit/motion/stepper.h"
#include "tests/c/motion_check.h"

/* One stepper of the bench, its true crossings and how far its steps have been compared with them. */
struct watched {
    struct stepper *stepper;
    struct crossings truth;
    size_t seen, runs;
    uint64_t last;
    double distance, worst;
};

struct bench {
    struct chance chance;
    struct trapq *trapq;
    struct lookahead *lookahead;
    struct watched steppers[3];
    double frequency, max_error, begin;
    uint64_t number;    /* next move for the truth */
};

static const char *const NAMES[3] = {"cartesian_x", "cartesian_y", "cartesian_z"};

static void bench_open(struct bench *bench, uint64_t seed, double frequency, double begin, double max_error,
                       const double distances[3])
{
    *bench = (struct bench){.chance = {seed}, .frequency = frequency, .max_error = max_error, .begin = begin};
    bench->trapq = trapq_new();
    bench->lookahead = lookahead_new(bench->trapq);
    lookahead_set_start(bench->lookahead, begin + 0.25);
    for (int i = 0; i < 3; i++) {
        struct watched *watched = &bench->steppers[i];
        watched->distance = distances[i];
        watched->stepper = stepper_new(bench->trapq, NAMES[i], distances[i]);
        CHECK(watched->stepper, "stepper %s", NAMES[i]);
        stepper_set_clock(watched->stepper, 0, 0, frequency);
        stepper_set_max_error(watched->stepper, max_error);
        watched->last = (uint64_t)(begin * frequency);
        stepper_set_last_clock(watched->stepper, watched->last);
    }
}

static void bench_close(struct bench *bench)
{
    for (int i = 0; i < 3; i++) {
        stepper_free(bench->steppers[i].stepper);
        free(bench->steppers[i].truth.items);
    }
    lookahead_free(bench->lookahead);
    trapq_free(bench->trapq);
}

/* True crossings of the moves that were committed since the last time. */
static void bench_learn(struct bench *bench)
{
    for (; bench->number < trapq_end(bench->trapq); bench->number++)
        for (int i = 0; i < 3; i++)
            crossings_move(&bench->steppers[i].truth, trapq_get(bench->trapq, bench->number), i, 0,
                           bench->steppers[i].distance);
}

static double window_of(const struct bench *bench, const struct watched *watched, size_t i)
{
    const struct crossing *items = watched->truth.items;
    long double window = bench->max_error;
    if (i > 0)
        window = fminl(window, (items[i].time - items[i - 1].time) / 2);
    if (i + 1 < watched->truth.count)
        window = fminl(window, (items[i + 1].time - items[i].time) / 2);
    return (double)(window * bench->frequency);
}

static void check_step(struct bench *bench, struct watched *watched, uint64_t clock, int direction)
{
    CHECK(watched->seen < watched->truth.count, "a step too many at %llu", (unsigned long long)clock);
    const struct crossing *crossing = &watched->truth.items[watched->seen];
    double window = window_of(bench, watched, watched->seen);
    double error = (double)((long double)clock - crossing->time * bench->frequency);
    CHECK(crossing->direction == direction, "direction of step %zu", watched->seen);
    CHECK(clock > watched->last, "step %zu is not after the one before it", watched->seen);
    CHECK(fabs(error) <= fmax(window, 0.56), "step %zu at %Lf is %f ticks off, window %f", watched->seen, crossing->time, error,
          window);
    if (fabs(error) > watched->worst * window)
        watched->worst = fabs(error) / window;
    watched->last = clock;
    watched->seen++;
}

static void check_run(struct bench *bench, struct watched *watched, const struct step_run *run)
{
    uint64_t before = watched->last;
    CHECK(run->count >= 1 && (run->direction == 1 || run->direction == -1), "run of %d", run->count);
    CHECK(run->interval == (uint32_t)(run->first - before), "interval %u", run->interval);
    CHECK(run->count == 1 || run->first - before <= 3ull << 28, "gap within a run");
    for (int64_t n = 1; n <= run->count; n++) {
        int64_t clock = n * run->interval + run->add * (n * (n - 1) / 2);
        check_step(bench, watched, run->count == 1 ? run->first : before + (uint64_t)clock, run->direction);
    }
    CHECK(watched->last == step_run_last(run), "end of a run");
    watched->runs++;
}

static void bench_generate(struct bench *bench, double until, double due)
{
    bench_learn(bench);
    for (int i = 0; i < 3; i++) {
        struct watched *watched = &bench->steppers[i];
        int64_t count = stepper_generate(watched->stepper, until, due);
        CHECK(count >= 0, "generate gives %d", (int)count);
        for (int64_t k = 0; k < count; k++)
            check_run(bench, watched, &stepper_runs(watched->stepper)[k]);
        if (watched->seen < watched->truth.count)
            CHECK(watched->truth.items[watched->seen].time > due - 751e-6L - 4 * bench->max_error, "a step due is missing");
    }
    trapq_expire(bench->trapq, until);
}

/* All that waits, to standstill, and that the steppers are where the toolhead is. */
static void bench_finish(struct bench *bench)
{
    CHECK(lookahead_flush(bench->lookahead) >= 0, "flush");
    double end = lookahead_print_time(bench->lookahead) + 0.01, position[3];
    bench_generate(bench, end, end);
    lookahead_position(bench->lookahead, position);
    for (int i = 0; i < 3; i++) {
        struct watched *watched = &bench->steppers[i];
        CHECK(watched->seen == watched->truth.count, "%zu of %zu steps", watched->seen, watched->truth.count);
        CHECK(stepper_position(watched->stepper) == watched->truth.position, "position %d", i);
        CHECK(fabs((double)watched->truth.position * watched->distance - position[i]) <= 0.5001 * watched->distance,
              "end of axis %d", i);
    }
}

/* Random limits, moves long and tiny, dwells, flushes of any cadence. */
static void random_print(uint64_t seed, double frequency, double begin, int moves)
{
    struct chance chance = {seed * 77 + 1};
    double fine = chance_unit(&chance) < 0.5 ? 0.0125 : 1.0 / 1280, distances[3] = {fine, 0.01, 0.0025};
    struct bench bench;
    bench_open(&bench, seed, frequency, begin, chance_unit(&chance) < 0.7 ? 25e-6 : 5e-6, distances);
    double position[3] = {0}, until = begin;
    const double sizes[] = {30, 0.5, 0.5, 0.02};
    double size = sizes[(int)(4 * chance_unit(&chance))], cadence = chance_unit(&chance) < 0.5 ? 0.05 : 0.5;
    struct lookahead_limits limits = {chance_between(&chance, 20, 400), chance_between(&chance, 300, 20000),
                                      chance_between(&chance, 0, 10), chance_between(&chance, 0, 0.9)};
    CHECK(lookahead_set_limits(bench.lookahead, &limits) == 0, "limits");
    for (int i = 0; i < moves; i++) {
        double length = size * pow(chance_unit(&chance), 3);
        for (int axis = 0; axis < (chance_unit(&chance) < 0.1 ? 3 : 2); axis++)
            position[axis] += chance_between(&chance, -length, length);
        if (chance_unit(&chance) < 0.05)
            position[0] = rint(position[0] * 100) / 100;
        CHECK(lookahead_append(bench.lookahead, position, chance_between(&chance, 1, 500), 1e9) >= 0, "append");
        if (chance_unit(&chance) < 0.02) {
            lookahead_flush(bench.lookahead);
            lookahead_set_start(bench.lookahead, lookahead_print_time(bench.lookahead) + chance_between(&chance, 0, 3));
        }
        double end = lookahead_print_time(bench.lookahead);
        while (until + cadence < end) {
            until += cadence * chance_unit(&chance);
            bench_generate(&bench, until, until - (chance_unit(&chance) < 0.5 ? 0 : 0.1));
        }
    }
    bench_finish(&bench);
    size_t steps = 0, runs = 0;
    for (int i = 0; i < 3; i++) {
        steps += bench.steppers[i].seen;
        runs += bench.steppers[i].runs;
    }
    if (getenv("MOTION_VERBOSE"))
        printf("seed %d: %zu steps, %.1f a run, worst %.5f\n", (int)seed, steps, (double)steps / (double)runs,
               bench.steppers[0].worst);
    bench_close(&bench);
}

/* A stepper x of 0.01 mm at 16 MHz on an empty queue. */
static struct stepper *one_stepper(struct trapq *trapq)
{
    struct stepper *stepper = stepper_new(trapq, "cartesian_x", 0.01);
    CHECK(stepper && stepper_set_clock(stepper, 0, 0, 16e6) == 0, "stepper");
    return stepper;
}

/* A move along x at constant speed. */
static struct trapq_move line(double print_time, double x, double speed, double time)
{
    return (struct trapq_move){.print_time = print_time, .cruise_t = time, .cruise_v = fabs(speed), .start = {x},
                               .direction = {speed < 0 ? -1 : 1}};
}

static void append_line(struct trapq *trapq, double print_time, double x, double speed, double time)
{
    struct trapq_move move = line(print_time, x, speed, time);
    CHECK(trapq_append(trapq, &move) == 0, "append");
}

static void gap_makes_a_run_of_one_step(void)
{
    struct trapq *trapq = trapq_new();
    struct stepper *stepper = one_stepper(trapq);
    append_line(trapq, 1, 0, 10, 0.01);
    append_line(trapq, 300, 0.1, 10, 0.01);
    CHECK(stepper_generate(stepper, 400, 400) >= 3, "runs");
    const struct step_run *runs = stepper_runs(stepper);
    int64_t alone = 0;
    while (runs[alone].first < 4800000000u)
        alone++;
    CHECK(runs[alone].first == 4800008000u && runs[alone].count == 1, "first after the gap: %d steps", runs[alone].count);
    CHECK(runs[alone].interval == (uint32_t)(4800008000u - step_run_last(&runs[alone - 1])), "interval modulo 2^32");
    CHECK(stepper_position(stepper) == 20, "position");
    stepper_free(stepper);
    trapq_free(trapq);
}

static void slow_steps_are_runs_of_one_step(void)
{
    struct trapq *trapq = trapq_new();
    struct stepper *stepper = one_stepper(trapq);
    append_line(trapq, 1, 0, 0.01 / 60, 600);
    int64_t runs = stepper_generate(stepper, 700, 700);
    CHECK(runs == 10 && stepper_position(stepper) == 10, "%d runs for ten steps, a minute apart", (int)runs);
    stepper_free(stepper);
    trapq_free(trapq);
}

static int64_t steps_of_runs(const struct stepper *stepper, int64_t runs)
{
    int64_t steps = 0;
    for (int64_t i = 0; i < runs; i++)
        steps += stepper_runs(stepper)[i].count;
    return steps;
}

/* There by `reach` steps and back at once; a call in between at the turn. */
static int64_t steps_there_and_back(double reach, double speed)
{
    struct trapq *trapq = trapq_new();
    struct stepper *stepper = one_stepper(trapq);
    double time = reach * 0.01 / speed;
    append_line(trapq, 1, 0, speed, time);
    append_line(trapq, 1 + time, reach * 0.01, -speed, time);
    int64_t steps = steps_of_runs(stepper, stepper_generate(stepper, 1 + time, 1 + time));
    steps += steps_of_runs(stepper, stepper_generate(stepper, 2, 2));
    CHECK(stepper_position(stepper) == 0, "not back");
    stepper_free(stepper);
    trapq_free(trapq);
    return steps;
}

static void graze_makes_no_steps(void)
{
    CHECK(steps_there_and_back(0.7, 10) == 0, "0.4 ms beyond half a step");
    CHECK(steps_there_and_back(3.7, 10) == 6, "the last pair only");
    CHECK(steps_there_and_back(1.0, 20) == 2, "the full step was reached");
    CHECK(steps_there_and_back(0.9, 10) == 2, "0.8 ms beyond half a step");
    CHECK(steps_there_and_back(0.4, 10) == 0, "never at half a step");
}

/* What ends with a change of direction cannot grow: it is not kept back, what goes on is. */
static void run_before_a_turn_is_final(void)
{
    struct trapq *trapq = trapq_new();
    struct stepper *stepper = one_stepper(trapq);
    append_line(trapq, 1, 0, 10, 0.1);
    append_line(trapq, 1.1, 1, -10, 0.1);
    int64_t steps = steps_of_runs(stepper, stepper_generate(stepper, 1.15, 0));
    CHECK(steps == 100, "%d steps of the way there", (int)steps);
    steps = steps_of_runs(stepper, stepper_generate(stepper, 1.15, 1.15));
    CHECK(steps == 49, "%d steps of the way back", (int)steps);
    stepper_free(stepper);
    trapq_free(trapq);
}

static void mistakes_are_told(void)
{
    struct trapq *trapq = trapq_new();
    CHECK(!stepper_new(trapq, "cartesian_w", 0.01) && !stepper_new(trapq, "cartesian_x", 0), "bad stepper");
    struct stepper *stepper = stepper_new(trapq, "cartesian_x", 0.01);
    CHECK(stepper_generate(stepper, 1, 1) == -EINVAL, "no clock");
    CHECK(stepper_set_clock(stepper, 0, 0, 0) == -EINVAL && stepper_set_clock(stepper, NAN, 0, 1) == -EINVAL, "clock");
    CHECK(stepper_set_max_error(stepper, 0) == -EINVAL && stepper_set_position(stepper, NAN, 0) == -EINVAL, "numbers");
    CHECK(stepper_set_clock(stepper, 0, 0, 16e6) == 0, "clock");
    append_line(trapq, 1, 5, 10, 0.01);
    CHECK(stepper_generate(stepper, 2, 2) == -ERANGE, "a jump of 500 steps");
    CHECK(stepper_set_position(stepper, 5.1, -7) == 0, "position");
    append_line(trapq, 3, 5.1, 10, 0.01);
    CHECK(stepper_generate(stepper, 3.005, 3.004) >= 1 && stepper_set_position(stepper, 0, 0) == -EBUSY, "busy");
    CHECK(stepper_generate(stepper, 4, 4) >= 1 && stepper_position(stepper) == 3, "ten steps from -7");
    stepper_free(stepper);
    trapq_free(trapq);
}

int main(int count, char **arguments)
{
    int seeds = count > 1 ? atoi(arguments[1]) : 12;
    gap_makes_a_run_of_one_step();
    slow_steps_are_runs_of_one_step();
    graze_makes_no_steps();
    run_before_a_turn_is_final();
    mistakes_are_told();
    for (int seed = 1; seed <= seeds; seed++)
        random_print((uint64_t)seed, seed % 2 ? 16e6 : 520e6, seed % 3 ? 0 : 36000, 150);
    return 0;
}
