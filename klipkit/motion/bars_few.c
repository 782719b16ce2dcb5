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

static inline double any_way(const struct bars *bars, int i, int j)
{
    return 1 / (bars->x[i] - bars->x[j]);
}

/* How many of the first `most` bars lines of whole slopes meet; in `range` their slopes. */
static inline int meet(const struct bars *bars, int most, way part, double range[2])
{
    double low = INT16_MIN, high = INT16_MAX;
    int i = 1;
    range[0] = low;
    range[1] = high;
    for (; i < most; i++) {
        for (int j = 0; j < i; j++) {
            double r = part(bars, i, j);
            low = order_greater(low, (bars->low[i] - bars->high[j] - 1) * r);
            high = order_lesser(high, (bars->high[i] - bars->low[j] + 1) * r);
        }
        if (order_floor(high) < low)
            break;
        range[0] = low;
        range[1] = high;
    }
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
    int held = meet(bars, BARS_FEW, even_way, range);
    return held < BARS_FEW ? choose(bars, held, gap_most, range, run) : 0;
}

int bars_some(const struct bars *bars, double gap_most, double range[2], struct bars_run *run)
{
    int held = meet(bars, bars->count < BARS_FEW ? bars->count : BARS_FEW, any_way, range);
    return held < BARS_FEW || held == bars->count ? choose(bars, held, gap_most, range, run) : 0;
}
