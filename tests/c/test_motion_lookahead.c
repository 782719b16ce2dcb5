/* The look-ahead's moves: no limit passed, speed and place without jumps, corners as the formulas say, whenever committed. */
#include <errno.h>

#include "klipkit/motion/lookahead.h"
#include "tests/c/motion_check.h"

static const struct lookahead_limits LIMITS = {300, 3000, 5, 0.5};

struct bench {
    struct trapq *trapq;
    struct lookahead *lookahead;
};

static void bench_open(struct bench *bench, const struct lookahead_limits *limits)
{
    bench->trapq = trapq_new();
    bench->lookahead = lookahead_new(bench->trapq);
    CHECK(lookahead_set_limits(bench->lookahead, limits) == 0, "limits");
}

static void bench_close(struct bench *bench)
{
    lookahead_free(bench->lookahead);
    trapq_free(bench->trapq);
}

static int go(struct bench *bench, double x, double y, double velocity)
{
    return lookahead_append(bench->lookahead, (const double[3]){x, y, 0}, velocity, 1e9);
}

static double end_speed(const struct trapq_move *move)
{
    double peak = move->cruise_t > 0 || move->decel_t > 0 ? move->cruise_v : move->start_v + move->accel * move->accel_t;
    return peak - move->accel * move->decel_t;
}

static double length_of(const struct trapq_move *move)
{
    return move->accel_t * (move->start_v + 0.5 * move->accel * move->accel_t) + move->cruise_t * move->cruise_v +
           move->decel_t * (move->cruise_v - 0.5 * move->accel * move->decel_t);
}

static double start_speed(const struct bench *bench, uint64_t number)
{
    return trapq_get(bench->trapq, number)->start_v;
}

static void corner_is_taken_at_the_speed_of(double degrees, double speed)
{
    struct bench bench;
    bench_open(&bench, &LIMITS);
    double angle = degrees * acos(-1) / 180;
    go(&bench, 50, 0, 100);
    go(&bench, 50 + 50 * cos(angle), 50 * sin(angle), 80);
    CHECK(lookahead_flush(bench.lookahead) == 2, "two moves");
    CHECK(fabs(start_speed(&bench, 1) - speed) < 1e-6, "%g degrees: %.9f, not %g mm/s", degrees, start_speed(&bench, 1), speed);
    bench_close(&bench);
}

/* A short move's corner is bound by what fits into half of it: v2 = 2 d a s / (4 k). */
static void corner_of_a_short_move(void)
{
    struct bench bench;
    bench_open(&bench, &(struct lookahead_limits){300, 3000, 40, 0.5});
    go(&bench, 50, 0, 100);
    go(&bench, 50, 0.01, 100);
    go(&bench, 0, 0.01, 100);
    lookahead_flush(bench.lookahead);
    CHECK(fabs(start_speed(&bench, 1) - sqrt(2 * 0.01 * 3000 / 4)) < 1e-9, "%.9f", start_speed(&bench, 1));
    bench_close(&bench);
}

/* A move of 2 mm from rest to rest reaches v2 = d a, with a cruise ratio r only d a (1 - r). */
static void minimum_cruise_ratio_bounds_the_peak(void)
{
    struct bench bench;
    bench_open(&bench, &(struct lookahead_limits){300, 3000, 5, 0.25});
    go(&bench, 2, 0, 300);
    lookahead_flush(bench.lookahead);
    CHECK(fabs(trapq_get(bench.trapq, 0)->cruise_v - sqrt(2 * 3000 * 0.75)) < 1e-9, "peak");
    bench_close(&bench);
}

static void junction_can_be_limited(void)
{
    struct bench bench;
    bench_open(&bench, &LIMITS);
    go(&bench, 50, 0, 100);
    lookahead_limit_junction(bench.lookahead, 12);
    go(&bench, 100, 0, 100);
    lookahead_flush(bench.lookahead);
    CHECK(fabs(start_speed(&bench, 1) - 12) < 1e-9, "%f", start_speed(&bench, 1));
    bench_close(&bench);
}

static void standstill_waits_for_its_start(void)
{
    struct bench bench;
    bench_open(&bench, &LIMITS);
    lookahead_set_start(bench.lookahead, 2.5);
    go(&bench, 50, 0, 100);
    lookahead_flush(bench.lookahead);
    double end = lookahead_print_time(bench.lookahead);
    CHECK(trapq_get(bench.trapq, 0)->print_time == 2.5, "first");
    go(&bench, 0, 0, 100);
    lookahead_flush(bench.lookahead);
    CHECK(trapq_get(bench.trapq, 1)->print_time == end, "no gap when the start has passed");
    lookahead_set_start(bench.lookahead, 9);
    go(&bench, 10, 0, 100);
    lookahead_flush(bench.lookahead);
    CHECK(trapq_get(bench.trapq, 2)->print_time == 9, "dwell");
    bench_close(&bench);
}

static void mistakes_are_told(void)
{
    struct bench bench = {.trapq = trapq_new()};
    bench.lookahead = lookahead_new(bench.trapq);
    CHECK(go(&bench, 1, 0, 10) == -EINVAL, "no limits");
    struct lookahead_limits bad[5] = {{0, 1, 1, 0}, {1, 0, 1, 0}, {1, 1, -1, 0}, {1, 1, 1, 1}, {NAN, 1, 1, 0}};
    for (int i = 0; i < 5; i++)
        CHECK(lookahead_set_limits(bench.lookahead, &bad[i]) == -EINVAL, "limits %d", i);
    CHECK(lookahead_set_limits(bench.lookahead, &LIMITS) == 0, "limits");
    CHECK(go(&bench, NAN, 0, 10) == -EINVAL && go(&bench, 1, 0, 0) == -EINVAL, "append");
    CHECK(go(&bench, 0, 1e-10, 10) == 0 && lookahead_waiting(bench.lookahead) == 0, "no length");
    CHECK(go(&bench, 30, 0, 10) == 0 && lookahead_waiting_time(bench.lookahead) == 3, "3 s");
    CHECK(lookahead_set_position(bench.lookahead, (const double[3]){0}) == -EBUSY, "waiting");
    bench_close(&bench);
}

/* What holds for each committed move, given the one before it (NULL for the first). */
static void check_move(const struct trapq_move *before, const struct trapq_move *move)
{
    double top = fmax(fmax(move->start_v, move->cruise_v), end_speed(move));
    CHECK(top <= LIMITS.velocity * (1 + 1e-12) && move->accel <= LIMITS.accel, "%f mm/s, %f mm/s2", top, move->accel);
    CHECK(fabs(move->start_v + move->accel * move->accel_t - move->cruise_v) < 1e-6, "speed after accelerating");
    CHECK(end_speed(move) > -1e-6, "ends backwards");
    if (!before) {
        CHECK(move->start_v == 0, "begins moving");
        return;
    }
    CHECK(fabs(move->print_time - trapq_move_end(before)) < 1e-9, "a gap");
    CHECK(fabs(move->start_v - end_speed(before)) < 1e-5, "speed jumps from %f to %f", end_speed(before), move->start_v);
    for (int axis = 0; axis < 3; axis++)
        CHECK(fabs(before->start[axis] + before->direction[axis] * length_of(before) - move->start[axis]) < 1e-9,
              "place jumps");
}

static void random_moves_keep_all_limits(uint64_t seed)
{
    struct chance chance = {seed};
    struct bench bench;
    bench_open(&bench, &LIMITS);
    double x = 0, y = 0, heading = 0, size = chance_unit(&chance) < 0.5 ? 20 : 0.5;
    struct trapq_move before;
    uint64_t seen = 0;
    for (int i = 0; i <= 400; i++) {
        heading += chance_unit(&chance) < 0.7 ? chance_between(&chance, -0.2, 0.2) : chance_between(&chance, -3.2, 3.2);
        double length = size * pow(chance_unit(&chance), 2);
        x += length * cos(heading);
        y += length * sin(heading);
        int done = lookahead_append(bench.lookahead, (const double[3]){x, y, 0}, chance_between(&chance, 5, 400),
                                    chance_unit(&chance) < 0.2 ? 500 : 1e9);
        struct lookahead_limits limits = LIMITS;
        limits.minimum_cruise_ratio = chance_between(&chance, 0, 0.95);
        if (chance_unit(&chance) < 0.1)
            CHECK(lookahead_set_limits(bench.lookahead, &limits) == 0, "limits");
        if (chance_unit(&chance) < 0.1)
            done = lookahead_commit(bench.lookahead);
        if (i == 400)
            done = lookahead_flush(bench.lookahead);
        CHECK(done >= 0, "gives %d", done);
        for (; seen < trapq_end(bench.trapq); seen++) {
            check_move(seen ? &before : NULL, trapq_get(bench.trapq, seen));
            before = *trapq_get(bench.trapq, seen);
        }
        trapq_expire(bench.trapq, lookahead_print_time(bench.lookahead) - 1);
    }
    CHECK(fabs(end_speed(&before)) < 1e-5 && lookahead_waiting(bench.lookahead) == 0, "not at rest");
    bench_close(&bench);
}

/* Two moves in line, 0.1 and 0.3 mm of filament a mm, and a retraction after them. */
static void filament_goes_with_the_moves(void)
{
    struct bench bench;
    bench_open(&bench, &LIMITS);
    struct trapq *filament = trapq_new();
    CHECK(lookahead_extrude(bench.lookahead, (const double[3]){1, 0, 0}, 1, 9, 9) == -EINVAL, "no extruder");
    CHECK(lookahead_set_extruder(bench.lookahead, filament, 7, 0) == -EINVAL, "corner velocity");
    CHECK(lookahead_set_extruder(bench.lookahead, filament, 7, 2) == 0, "extruder");
    CHECK(lookahead_set_pressure_advance(bench.lookahead, -1) == -EINVAL, "advance");
    CHECK(lookahead_set_pressure_advance(bench.lookahead, 0.05) == 0, "advance");
    lookahead_extrude(bench.lookahead, (const double[3]){50, 0, 0}, 5, 100, 1e9);
    CHECK(lookahead_set_extruder(bench.lookahead, NULL, 0, 1) == -EBUSY, "busy");
    lookahead_extrude(bench.lookahead, (const double[3]){100, 0, 0}, 15, 100, 1e9);
    lookahead_extrude(bench.lookahead, (const double[3]){100, 0, 0}, -2, 400, 1000);
    CHECK(lookahead_flush(bench.lookahead) == 3 && trapq_end(bench.trapq) == 2 && trapq_end(filament) == 3, "moves");
    CHECK(fabs(lookahead_filament(bench.lookahead) - 25) < 1e-9, "filament");
    const struct trapq_move *second = trapq_get(filament, 1), *back = trapq_get(filament, 2);
    CHECK(fabs(start_speed(&bench, 1) - 2 / 0.2) < 1e-9, "speed jumps by %g mm/s", start_speed(&bench, 1) * 0.2);
    CHECK(fabs(second->start_v - 3) < 1e-9 && fabs(length_of(second) - 15) < 1e-9 && second->start[0] == 12, "in step");
    CHECK(second->direction[0] == 1 && second->direction[1] == 0.05, "advance goes with the move");
    CHECK(back->direction[0] == -1 && back->direction[1] == 0 && back->start[0] == 27, "retraction");
    CHECK(back->start_v == 0 && fabs(back->cruise_v - sqrt(2 * 1000)) < 1e-9, "limits of its own");
    CHECK(back->print_time == trapq_move_end(trapq_get(bench.trapq, 1)), "after the move");
    trapq_free(filament);
    bench_close(&bench);
}

static void marks_are_told_when_their_moves_end(void)
{
    struct bench bench;
    double times[4];
    bench_open(&bench, &LIMITS);
    CHECK(lookahead_mark(bench.lookahead) == 0, "nothing waits");
    go(&bench, 50, 0, 100);
    CHECK(lookahead_mark(bench.lookahead) == 1 && lookahead_mark(bench.lookahead) == 1, "two marks of one move");
    go(&bench, 100, 0, 100);
    CHECK(lookahead_mark(bench.lookahead) == 1, "a mark of the next one");
    CHECK(lookahead_take_marks(bench.lookahead, times, 4) == 0, "nothing is committed");
    CHECK(lookahead_flush(bench.lookahead) == 2, "two moves");
    double middle = trapq_get(bench.trapq, 1)->print_time, end = lookahead_print_time(bench.lookahead);
    CHECK(lookahead_take_marks(bench.lookahead, times, 1) == 1 && times[0] == middle, "the first at %.9f", times[0]);
    CHECK(lookahead_take_marks(bench.lookahead, times, 4) == 2, "the others");
    CHECK(times[0] == middle && times[1] == end, "at %.9f and %.9f", times[0], times[1]);
    go(&bench, 0, 0, 100);
    CHECK(lookahead_mark(bench.lookahead) == 1, "a mark of a move that is thrown away");
    lookahead_discard(bench.lookahead, end + 2);
    CHECK(lookahead_take_marks(bench.lookahead, times, 4) == 1 && times[0] == end + 2, "at %.9f", times[0]);
    bench_close(&bench);
}

static void marks_are_as_many_as_one_likes(void)
{
    struct bench bench;
    double times[1000];
    bench_open(&bench, &LIMITS);
    for (int i = 0; i < 1000; i++) {
        go(&bench, i % 2 ? 0 : 5, 0, 100);
        CHECK(lookahead_mark(bench.lookahead) == 1, "mark %d", i);
    }
    lookahead_flush(bench.lookahead);
    CHECK(lookahead_take_marks(bench.lookahead, times, 1000) == 1000, "all come");
    for (int i = 1; i < 1000; i++)
        CHECK(times[i] > times[i - 1], "in order");
    bench_close(&bench);
}

int main(void)
{
    marks_are_told_when_their_moves_end();
    marks_are_as_many_as_one_likes();
    filament_goes_with_the_moves();
    corner_is_taken_at_the_speed_of(90, 5);
    corner_is_taken_at_the_speed_of(0, 80);
    corner_is_taken_at_the_speed_of(180, 0);
    /* half the angle's sine is sin 60: v2 = 25 (sqrt 2 - 1) s / (1 - s) */
    corner_is_taken_at_the_speed_of(60, sqrt(25 * (sqrt(2) - 1) * sqrt(0.75) / (1 - sqrt(0.75))));
    corner_of_a_short_move();
    minimum_cruise_ratio_bounds_the_peak();
    junction_can_be_limited();
    standstill_waits_for_its_start();
    mistakes_are_told();
    for (uint64_t seed = 1; seed <= 60; seed++)
        random_moves_keep_all_limits(seed);
    return 0;
}
