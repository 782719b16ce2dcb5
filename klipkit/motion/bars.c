/* The search for the add whose run meets the most bars (see inner/bars.h). */
#include "klipkit/motion/inner/bars.h"

#include <stdint.h>

#include "klipkit/motion/inner/order.h"

/* Added and taken away again this leaves the nearest whole number, for |x| < 2^51. */
static const double WHOLE = 6755399441055744.0;

/* Adds tried. */
enum { TRIES = 12 };

/* What one add reaches. */
struct trial {
    double add, low, high;  /* the intervals that go with it */
    int held;               /* bars */
    int wants;              /* +1: a greater add reaches further, -1: a lesser one; 0: all bars are met */
    double move;            /* by at least so much, to meet one bar more */
};

static void try_add(const struct bars *bars, double gap_most, struct trial *trial)
{
    double add = trial->add, low = 1, high = gap_most, low_x = 0, high_x = 0, lower = 0, upper = 0;
    int i = 0;
    trial->wants = 0;
    for (; i < bars->count; i++) {
        double x = bars->x[i], y = add * x;
        lower = (bars->low[i] - y + WHOLE) - WHOLE;
        upper = (bars->high[i] - y + WHOLE) - WHOLE;
        double most = order_lesser(high, upper), least = order_greater(low, lower);
        if (least > most)
            break;
        low_x = lower > low ? x : low_x;
        high_x = upper < high ? x : high_x;
        low = least;
        high = most;
    }
    trial->low = low;
    trial->high = high;
    trial->held = i;
    if (i == bars->count)
        return;
    double above = lower - high, below = low - upper;
    trial->wants = above > below ? 1 : -1;
    trial->move = (above > below ? (above - 1) / (bars->x[i] - high_x) : (below - 1) / (bars->x[i] - low_x));
    trial->move = order_greater(1, order_ceil(trial->move));
}

/* The add of the parabola through the step before the run, the bar that is not met and the one half-way. */
static double estimate(const struct bars *bars, int i)
{
    int half = i / 2;
    double near = bars->low[half] + bars->high[half], far = bars->low[i] + bars->high[i];
    return order_floor(0.5 * (far - near) / (bars->x[i] - bars->x[half]) + 0.5);
}

/* The next add: by the length that the first one reached; between those that enclose the best one; as long as one of them is not
 * known, further and further off, at first by about a quarter of what moves the bar not met by its height. */
static double next_add(const struct bars *bars, const struct trial *last, double up, double down, int tries)
{
    int i = last->held;
    if (tries == 0 && i > 1) {
        double add = estimate(bars, i);
        if (add > up && add < down)
            return add;
    }
    if (up >= INT16_MIN && down <= INT16_MAX)
        return order_floor(0.5 * (up + down));
    double far = (bars->high[i] - bars->low[i] + 1) / (bars->x[i] + 0.5) * (double)(1 << tries) * 0.25;
    double add = last->add + last->wants * (last->move - 1 + order_greater(1, order_floor(far)));
    return order_greater(INT16_MIN, order_lesser(INT16_MAX, add));
}

/* The bars whose intervals are within bounds: intervals change evenly, so the last one counts. */
static int held_within(const struct bars *bars, int held, double gap_most, const struct bars_run *run)
{
    while (held > 0) {
        double last = run->interval + run->add * 2 * bars->x[held - 1];
        if (last >= 1 && last <= gap_most)
            break;
        held--;
    }
    return held;
}

int bars_longest(const struct bars *bars, double guess, double gap_most, struct bars_run *run)
{
    double up = INT16_MIN - 1, down = INT16_MAX + 1;
    struct trial best = {.held = -1}, trial;
    trial.add = order_greater(INT16_MIN, order_lesser(INT16_MAX, order_floor(guess + 0.5)));
    for (int tries = 0; tries < TRIES; tries++) {
        try_add(bars, gap_most, &trial);
        if (trial.held > best.held)
            best = trial;
        if (trial.wants == 0)
            break;
        if (trial.wants > 0)
            up = trial.add + trial.move - 1;
        else
            down = trial.add - trial.move + 1;
        if (down - up < 2)
            break;
        trial.add = next_add(bars, &trial, up, down, tries);
    }
    *run = (struct bars_run){order_floor(0.5 * (best.low + best.high)), best.add};
    return held_within(bars, best.held, gap_most, run);
}
