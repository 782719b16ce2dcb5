/* The trapezoid queue: numbers stay as moves expire, positions are those of the trapezoids, mistakes are told. */
#include <errno.h>

#include "klipkit/motion/run.h"
#include "tests/c/motion_check.h"

/* 0 to 10 mm/s in 1 s, 2 s at 10 mm/s, to rest in 1 s: 30 mm along y. */
static struct trapq_move trapezoid(double print_time, double y)
{
    return (struct trapq_move){print_time, 1, 2, 1, 0, 10, 10, {7, y, 0}, {0, 1, 0}, 0, 0};
}

static void position_is(const struct trapq *trapq, double print_time, double y, double velocity)
{
    double position[3], speed;
    CHECK(trapq_position(trapq, print_time, position, &speed) == 0, "no position at %f", print_time);
    CHECK(position[0] == 7 && fabs(position[1] - y) < 1e-12, "y is %f at %f, not %f", position[1], print_time, y);
    CHECK(fabs(speed - velocity) < 1e-12, "%f mm/s at %f, not %f", speed, print_time, velocity);
}

static void positions_are_those_of_the_trapezoids(void)
{
    struct trapq *trapq = trapq_new();
    struct trapq_move first = trapezoid(5, 0), second = trapezoid(20, 30);
    CHECK(trapq_append(trapq, &first) == 0 && trapq_append(trapq, &second) == 0, "append");
    CHECK(trapq_set_position(trapq, 30, (const double[3]){7, -1, 0}) == 0, "set");
    double position[3], speed;
    CHECK(trapq_position(trapq, 4.9, position, &speed) == -ENOENT, "before the first");
    const double cases[][3] = {{5, 0, 0}, {5.5, 1.25, 5}, {6, 5, 10}, {7, 15, 10}, {8.5, 28.75, 5}, {9, 30, 0}, {15, 30, 0},
                               {20.5, 31.25, 5}, {29, 60, 0}, {30, -1, 0}, {99, -1, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        position_is(trapq, cases[i][0], cases[i][1], cases[i][2]);
    trapq_free(trapq);
}

static void numbers_stay_as_moves_expire(void)
{
    struct trapq *trapq = trapq_new();
    for (int i = 0; i < 1000; i++) {
        struct trapq_move move = trapezoid(i * 10, i);
        CHECK(trapq_append(trapq, &move) == 0, "append %d", i);
        trapq_expire(trapq, i * 10 - 95);
        uint64_t begin = trapq_begin(trapq), oldest = i < 10 ? 0 : (uint64_t)i - 9;
        CHECK(trapq_end(trapq) == (uint64_t)i + 1 && begin == oldest, "%d: from %d", i, (int)begin);
        CHECK(begin == 0 || !trapq_get(trapq, begin - 1), "expired move held");
        for (uint64_t number = begin; number < trapq_end(trapq); number++)
            CHECK(trapq_get(trapq, number)->start[1] == (double)number, "move %d", (int)number);
    }
    trapq_expire(trapq, 1e9);
    CHECK(trapq_end(trapq) - trapq_begin(trapq) == 1, "the newest stays");
    trapq_free(trapq);
}

static void mistakes_are_told(void)
{
    struct trapq *trapq = trapq_new();
    struct trapq_move move = trapezoid(5, 0);
    CHECK(trapq_append(trapq, &move) == 0, "append");
    CHECK(trapq_append(trapq, &move) == -EINVAL, "overlap");
    move.print_time = NAN;
    CHECK(trapq_append(trapq, &move) == -EINVAL, "no number");
    move.print_time = 50;
    move.cruise_t = -1;
    CHECK(trapq_append(trapq, &move) == -EINVAL, "negative time");
    CHECK(trapq_end(trapq) == 1, "kept nothing of it");
    trapq_free(trapq);
}

static void last_step_follows_the_formula(void)
{
    struct step_run run = {.first = 1ull << 40, .interval = 4000000000u, .count = 1, .add = 0, .direction = 1};
    CHECK(step_run_last(&run) == 1ull << 40, "one step");
    run = (struct step_run){.first = (1ull << 40) + 100, .interval = 100, .count = 4, .add = -20, .direction = -1};
    CHECK(step_run_last(&run) == (1ull << 40) + 100 + 80 + 60 + 40, "four steps");
    run = (struct step_run){.first = 1, .interval = 800000000, .count = 65535, .add = 32767, .direction = 1};
    CHECK(step_run_last(&run) == 1 + 65534ull * 800000000 + 32767ull * (65535ull * 65534 / 2), "the longest");
}

int main(void)
{
    positions_are_those_of_the_trapezoids();
    numbers_stay_as_moves_expire();
    mistakes_are_told();
    last_step_follows_the_formula();
    return 0;
}
