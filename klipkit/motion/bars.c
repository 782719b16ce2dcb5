/* The search for the add whose run meets the most bars (see inner/bars.h). */
#include "klipkit/motion/inner/bars.h"

#include <stdint.h>

#include "klipkit/motion/inner/order.h"

/* Added and taken away again this leaves the nearest whole number, for |x| < 2^51. */
static const double WHOLE = 6755399441055744.0;

/* Adds tried. */
enum { TRIES = 12 };

/* The number of a bar, in this part of a tick, is added to what its ends demand: it says which bar bounds the intervals. */
static const double TAG = 1.0 / 2048;

/* What one add reaches. */
struct trial {
    double add, low, high;  /* the intervals that go with it */
    int held;               /* bars */
    double up, down;        /* the best add is between these: the one reached, or one beyond all */
};

/* The bar that demands this. */
static int bar_of(double bound)
{
    return (int)((bound - order_floor(bound)) * (1 / TAG));
}

/* By how much the add must change at least so that bar i is met, which is missed by `gap`, when the bar `other` bounds the
 * intervals. A tick of the gap may come from rounding. */
static double least_move(const struct bars *bars, int i, int other, double gap)
{
    return order_greater(1, order_ceil((gap - 1) / (bars->x[i] - bars->x[other])));
}

/* The bars are taken in until one is not met. That one says from where on the add may be better; and on the other side the two
 * bars that bound the intervals from below and above, as far as a line through both, a tick beyond either, can be turned. */
static void try_add(const struct bars *bars, double gap_most, struct trial *trial)
{
    double add = trial->add, low = 1, high = gap_most, lower = 0, upper = 0, tag = 0;
    int i = 0;
    for (; i < bars->count; i++) {
        double y = add * bars->x[i];
        lower = (bars->low[i] - y + WHOLE) - WHOLE + tag;
        upper = (bars->high[i] - y + WHOLE) - WHOLE + tag;
        double most = order_lesser(high, upper), least = order_greater(low, lower);
        if (least > most + 0.5)
            break;
        low = least;
        high = most;
        tag += TAG;
    }
    trial->low = order_floor(low);
    trial->high = order_floor(high);
    trial->held = i;
    trial->up = trial->down = add;
    if (i == bars->count || i == 0)
        return;
    double above = lower - trial->high, below = trial->low - upper, bound = above > below ? high : low;
    double move = least_move(bars, i, bar_of(bound), order_greater(above, below));
    trial->up = above > below ? add + move - 1 : INT16_MIN - 1;
    trial->down = above > below ? INT16_MAX + 1 : add - move + 1;
    double way = bars->x[bar_of(high)] - bars->x[bar_of(low)], room = trial->high - trial->low + 1;
    if (way > 0)
        trial->down = order_lesser(trial->down, add + order_floor(room / way) + 1);
    else if (way < 0)
        trial->up = order_greater(trial->up, add + order_ceil(room / way) - 1);
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
    far = order_greater(1, order_floor(far));
    return down > INT16_MAX ? order_lesser(up + far, INT16_MAX) : order_greater(down - far, INT16_MIN);
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

int bars_longest(const struct bars *bars, const struct bars_hint *hint, const double range[2], double gap_most,
                 struct bars_run *run)
{
    double least = order_ceil(range[0]), most = order_floor(range[1]);
    double up = INT16_MIN - 1, down = INT16_MAX + 1;
    struct trial best = {.held = -1}, trial;
    trial.add = order_greater(least, order_lesser(most, order_floor(hint->add + 0.5)));
    for (int tries = 0; tries < TRIES; tries++) {
        try_add(bars, gap_most, &trial);
        if (trial.held > best.held)
            best = trial;
        up = order_greater(up, trial.up);
        down = order_lesser(down, trial.down);
        if (trial.held >= hint->enough || order_lesser(down, most + 1) - order_greater(up, least - 1) < 2)
            break;
        trial.add = order_greater(least, order_lesser(most, next_add(bars, &trial, up, down, tries)));
    }
    *run = (struct bars_run){order_floor(0.5 * (best.low + best.high)), best.add};
    return held_within(bars, best.held, gap_most, run);
}
