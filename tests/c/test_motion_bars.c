/* Bars: a run meets every bar that it is said to meet, and hardly fewer than the best of all whole adds. */
#include <math.h>
#include <stdint.h>

#include "klipkit/motion/inner/bars.h"
#include "tests/c/check.h"

enum { CASES = 4000, STEPS = 60, ADDS = 3000 };
static const double GAP_MOST = 1e6, ALL[2] = {INT16_MIN, INT16_MAX};

/* Times of steps from the step before the run, and how far off each may be given. */
struct steps {
    int count;
    double time[STEPS + 1], window[STEPS + 1];
};

static uint64_t chance = 1;

static double between(double low, double high)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(chance >> 11) / 9007199254740992.0;
}

/* An interval that changes evenly, and at times by a jump; the step before was given off its time. */
static void make_steps(struct steps *steps)
{
    double error = between(5, 500), interval = between(60, 20000), change = between(-0.02, 0.05) * interval;
    double time = between(-0.9, 0.9) * fmin(error, interval / 2);
    steps->count = 1 + (int)between(0, STEPS);
    for (int n = 1; n <= steps->count; n++) {
        interval = fmax(60, interval + change);
        if (between(0, 10) < 1)
            interval *= between(0.9, 1.1);
        time += interval;
        steps->time[n] = time;
        steps->window[n] = fmin(error, interval / 2.3);
    }
}

static void make_bars(const struct steps *steps, struct bars *bars)
{
    bars->count = steps->count;
    for (int n = 1; n <= steps->count; n++) {
        bars->x[n - 1] = 0.5 * (n - 1);
        bars->low[n - 1] = (steps->time[n] - steps->window[n]) / n + 0.5;
        bars->high[n - 1] = (steps->time[n] + steps->window[n]) / n - 0.5;
    }
}

/* The steps that the runs with one add meet at most, by all their intervals. */
static int reach(const struct steps *steps, double add)
{
    double low = 1, high = GAP_MOST;
    for (int n = 1; n <= steps->count; n++) {
        double rise = add * 0.5 * (n - 1);
        low = fmax(low, fmax(ceil((steps->time[n] - steps->window[n]) / n - rise), 1 - add * (n - 1)));
        high = fmin(high, floor((steps->time[n] + steps->window[n]) / n - rise));
        if (low > high)
            return n - 1;
    }
    return steps->count;
}

static void run_meets(const struct steps *steps, const struct bars_run *run, int held)
{
    for (int n = 1; n <= held; n++) {
        double off = run->interval * n + run->add * 0.5 * n * (n - 1) - steps->time[n];
        CHECK(fabs(off) <= steps->window[n], "step %d of %d is %f off, allowed are %f", n, held, off, steps->window[n]);
        double interval = run->interval + run->add * (n - 1);
        CHECK(interval >= 1 && interval <= GAP_MOST, "interval %d is %f", n, interval);
    }
    CHECK(run->add == rint(run->add) && fabs(run->add) <= INT16_MAX, "add %f", run->add);
    CHECK(run->interval == rint(run->interval), "interval %f", run->interval);
}

static void runs_are_the_longest(void)
{
    int64_t all = 0, best = 0;
    for (int i = 0; i < CASES; i++) {
        struct steps steps;
        struct bars bars;
        struct bars_run run;
        make_steps(&steps);
        make_bars(&steps, &bars);
        double mean = steps.time[steps.count] / steps.count, guess = i % 2 ? between(-2000, 2000) : mean / steps.count;
        int held = bars_longest(&bars, &(struct bars_hint){guess, bars.count}, ALL, GAP_MOST, &run), most = 0;
        run_meets(&steps, &run, held);
        for (int add = -ADDS; add <= ADDS; add++) {
            int reached = reach(&steps, add);
            most = reached > most ? reached : most;
        }
        CHECK(held * 8 >= most * 7 - 8, "case %d: %d steps of %d", i, held, most);
        all += held;
        best += most;
    }
    CHECK(all * 1000 >= best * 995, "%lld steps of %lld", (long long)all, (long long)best);
}

/* The closed form knows the longest run of few steps, and no longer run is outside its range of adds. */
static void few_bars_are_met_exactly(void)
{
    int known = 0;
    for (int i = 0; i < CASES; i++) {
        struct steps steps;
        struct bars bars;
        struct bars_run run;
        double range[2];
        make_steps(&steps);
        make_bars(&steps, &bars);
        if (steps.count < BARS_FEW)
            continue;
        int held = bars_few(&bars, GAP_MOST, range, &run);
        for (int add = -ADDS; add <= ADDS; add++) {
            int reached = reach(&steps, add), outside = add < range[0] || add > range[1];
            CHECK(!held || reached <= held, "case %d: add %d meets %d steps of %d", i, add, reached, held);
            CHECK(held || !outside || reached < BARS_FEW, "case %d: add %d is outside, meets %d", i, add, reached);
        }
        if (held)
            run_meets(&steps, &run, held);
        known += held > 0;
    }
    CHECK(known > CASES / 10, "only %d cases are known", known);
}

/* Bars taken in one by one, in whatever order, leave a range of adds out of which none meets them; no add meets one that leaves none. */
static void a_narrowed_range_has_all_adds_that_suit(void)
{
    int chosen = 0;
    for (int i = 0; i < CASES; i++) {
        struct steps steps;
        struct bars bars;
        struct bars_run run;
        double range[2] = {INT16_MIN, INT16_MAX};
        make_steps(&steps);
        make_bars(&steps, &bars);
        int met = 0;
        while (met < bars.count && bars_narrow(&bars, met, met, range))
            met++;
        double turned[2] = {INT16_MIN, INT16_MAX};
        for (int bar = met - 1; bar >= 0; bar--)
            CHECK(bars_narrow(&bars, bar, met, turned), "case %d: bar %d of %d leaves nothing", i, bar, met);
        CHECK(fabs(turned[0] - range[0]) + fabs(turned[1] - range[1]) < 1e-6, "case %d: another range", i);
        for (int add = -ADDS; add <= ADDS; add++) {
            int reached = reach(&steps, add), outside = add < range[0] || add > range[1];
            CHECK(reached <= met - outside, "case %d: add %d meets %d steps of %d", i, add, reached, met);
        }
        bars.count = met;
        if (bars_choose(&bars, GAP_MOST, range, &run)) {
            run_meets(&steps, &run, met);
            chosen++;
        }
    }
    CHECK(chosen > CASES / 4, "only %d runs are chosen", chosen);
}

/* What samples say holds for all bars: no add meets more of them than to the first sample that is not met, and none outside of the
 * range as many as the samples that are. */
static void samples_bound_the_longest_run(void)
{
    int bounded = 0;
    for (int i = 0; i < CASES; i++) {
        struct steps steps;
        struct bars bars;
        struct bars_hint hint;
        make_steps(&steps);
        make_bars(&steps, &bars);
        int stride = 1 + i % 5, most = bars.count / stride < BARS_FEW ? bars.count / stride : BARS_FEW;
        double range[2] = {INT16_MIN, INT16_MAX};
        int met = bars_sampled(&bars, stride, range, &hint);
        for (int add = -ADDS; add <= ADDS; add++) {
            int reached = reach(&steps, add), outside = add < range[0] || add > range[1];
            CHECK(met == most || reached < (met + 1) * stride, "case %d: add %d meets %d bars", i, add, reached);
            CHECK(!outside || reached < met * stride, "case %d: add %d is outside, meets %d bars", i, add, reached);
        }
        CHECK(hint.add >= range[0] - 1 && hint.add <= range[1] + 1, "case %d: hint %f is outside", i, hint.add);
        bounded += met < most;
    }
    CHECK(bounded > CASES / 4, "only %d cases are bounded", bounded);
}

/* The first step is not in reach: an idle gap. */
static void nothing_is_held_beyond_the_longest_interval(void)
{
    struct bars bars = {.count = 2, .x = {0, 0.5}, .low = {GAP_MOST + 2, GAP_MOST}, .high = {GAP_MOST + 4, GAP_MOST}};
    struct bars_run run;
    CHECK(bars_longest(&bars, &(struct bars_hint){0, 2}, ALL, GAP_MOST, &run) == 0, "a run over an idle gap");
}

int main(void)
{
    runs_are_the_longest();
    few_bars_are_met_exactly();
    a_narrowed_range_has_all_adds_that_suit();
    samples_bound_the_longest_run();
    nothing_is_held_beyond_the_longest_interval();
    puts("test_motion_bars: passed");
    return 0;
}
