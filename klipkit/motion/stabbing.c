/* The search for a run of whole ticks among the lines through all windows (see inner/stabbing.h). */
#include "klipkit/motion/inner/stabbing.h"

#include <stdint.h>

#include "klipkit/motion/inner/order.h"

/* Add values tried: from the mean second difference outwards few are needed; after these the run is shorter, not wrong. */
enum { TRIES = 24 };

/* Slopes this close to a whole number count as it, ticks; each run found is checked by its intervals. */
static const double SLOPE_NEAR = 1e-9;

/* A range of adds narrower than this is searched from within, not from its ends. */
static const double NARROW = 64;

/* The point of a hull where y - add x is least (side +1) or greatest (side -1): on a hull it falls and then rises. */
static double extreme(const struct stabbing_hull *hull, double add, double side)
{
    int low = hull->from, high = hull->end - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        double here = hull->y[middle] - add * hull->x[middle];
        double next = hull->y[middle + 1] - add * hull->x[middle + 1];
        if (side * (here - next) <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return hull->y[low] - add * hull->x[low];
}

/* The middle interval of those that go with `add`; 0 for none. */
static double interval_for(const struct stabbing *set, const struct stabbing_bar *bar, double add, double gap_most)
{
    double change = add * (bar->n - 1);
    double most = order_lesser(extreme(&set->upper, add, 1), bar->high - add * bar->x);
    double least = order_greater(extreme(&set->lower, add, -1), bar->low - add * bar->x);
    least = order_greater(least, 1 - order_lesser(change, 0));
    most = order_floor(order_lesser(most, gap_most - order_greater(change, 0)));
    if (least > most)
        return 0;
    least = order_ceil(least);
    return least > most ? 0 : order_floor((least + most) / 2);
}

int stabbing_run(const struct stabbing *set, double flattest, double steepest, const struct stabbing_bar *bar, double guess,
                 double gap_most, struct stabbing_run *run)
{
    double least = order_ceil(order_greater(flattest - SLOPE_NEAR, INT16_MIN));
    double most = order_floor(order_lesser(steepest + SLOPE_NEAR, INT16_MAX));
    if (least > most)
        return 0;
    double inset = most - least < NARROW ? (most - least) / 4 : 0;
    double first = order_greater(order_lesser(guess, most), least);
    double up = order_lesser(order_greater(order_floor(first + 0.5), order_ceil(least + inset)), order_floor(most - inset));
    double down = up - 1;
    for (int try = 0; try < TRIES && (up <= most || down >= least); try++) {
        int falls = up > most || (try % 2 && down >= least);
        double add = falls ? down-- : up++;
        double interval = interval_for(set, bar, add, gap_most);
        if (interval > 0) {
            *run = (struct stabbing_run){interval, add};
            return 1;
        }
    }
    return 0;
}
