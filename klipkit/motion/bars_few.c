/* The longest run over few bars, exactly (see inner/bars.h).
 *
 * A line meets some bars just when its slope suits each two of them: from the lower end of one to the upper end of the other. So
 * the slopes that are possible are a range, which only shrinks from bar to bar; for few bars that is cheaper than to try adds.
 */
#include <stdint.h>

#include "klipkit/motion/inner/bars.h"
#include "klipkit/motion/inner/order.h"

/* One over the way between two bars. */
typedef double (*way)(const struct bars *bars, int i, int j);

static inline double even_way(const struct bars *bars, int i, int j)
{
    static const double PARTS[BARS_FEW] = {0, 2, 1, 2.0 / 3, 0.5, 0.4, 1.0 / 3, 2.0 / 7};
    (void)bars;
    return PARTS[i - j];
}

/* How many of the first `most` bars, of each `stride` the last one, lines of whole slopes meet; in `range` their slopes, in `beyond`
 * what two by two suit the bar after them. */
static inline int meet(const struct bars *bars, int stride, int most, way part, double range[2], double beyond[2])
{
    double low = range[0], high = range[1], each = 1.0 / stride;
    int i = 0;
#pragma GCC unroll 8
    for (; i < most; i++) {
        int at = (i + 1) * stride - 1;
#pragma GCC unroll 8
        for (int j = 0; j < i; j++) {
            int before = (j + 1) * stride - 1;
            double r = part(bars, i, j) * each;
            low = order_greater(low, (bars->low[at] - bars->high[before] - 1) * r);
            high = order_lesser(high, (bars->high[at] - bars->low[before] + 1) * r);
        }
        if (order_floor(high) < low)
            break;
        range[0] = low;
        range[1] = high;
    }
    beyond[0] = low;
    beyond[1] = high;
    return i;
}

/* The run in the middle of what meets the first bars; their number, or 0: that one is none. */
static int choose(const struct bars *bars, int held, double gap_most, const double range[2], struct bars_run *run)
{
    double add = order_floor(0.5 * (range[0] + range[1]) + 0.5), low = 1, high = gap_most;
    for (int i = 0; i < held; i++) {
        double y = add * bars->x[i];
        low = order_greater(low, bars->low[i] - 0.5 - y);
        high = order_lesser(high, bars->high[i] + 0.5 - y);
    }
    low = order_ceil(low);
    high = order_floor(high);
    *run = (struct bars_run){order_floor(0.5 * (low + high)), add};
    double last = run->interval + add * 2 * bars->x[held - 1];
    return add >= range[0] && add <= range[1] && low <= high && last >= 1 && last <= gap_most ? held : 0;
}

int bars_few(const struct bars *bars, double gap_most, double range[2], struct bars_run *run)
{
    double beyond[2];
    range[0] = INT16_MIN;
    range[1] = INT16_MAX;
    int held = meet(bars, 1, BARS_FEW, even_way, range, beyond);
    return held < BARS_FEW ? choose(bars, held, gap_most, range, run) : 0;
}

int bars_choose(const struct bars *bars, double gap_most, const double range[2], struct bars_run *run)
{
    return choose(bars, bars->count, gap_most, range, run);
}

int bars_narrow(const struct bars *bars, int bar, int most, double range[2])
{
    double x = bars->x[bar], bottom = bars->low[bar] - 1, top = bars->high[bar] + 1, low = range[0], high = range[1];
    for (int i = 0; i < bar; i++) {
        double r = 1 / (x - bars->x[i]);
        low = order_greater(low, (bottom - bars->high[i]) * r);
        high = order_lesser(high, (top - bars->low[i]) * r);
    }
    for (int i = bar + 1; i < most; i++) {
        double r = 1 / (bars->x[i] - x);
        low = order_greater(low, (bars->low[i] - top) * r);
        high = order_lesser(high, (bars->high[i] - bottom) * r);
    }
    if (order_floor(high) < low)
        return 0;
    range[0] = low;
    range[1] = high;
    return 1;
}

int bars_sampled(const struct bars *bars, int stride, double range[2], struct bars_hint *hint)
{
    double beyond[2];
    int most = bars->count / stride < BARS_FEW ? bars->count / stride : BARS_FEW;
    int met = meet(bars, stride, most, even_way, range, beyond);
    hint->add = 0.5 * (range[0] + range[1]);
    hint->enough = bars->count;
    if (met == most)
        return met;
    double gap = range[1] - range[0], lack = beyond[0] - beyond[1], part = gap / (gap + order_greater(0, lack) + 1e-9);
    hint->add = range[0] + part * (beyond[0] - range[0]);
    hint->enough = (int)((met + part) * stride) + 1;
    return met;
}
