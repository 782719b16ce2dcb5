/* Which runs pass through the windows of all steps: a line stabbing problem.
 *
 * A run puts step n at T0 + I n + A n (n - 1) / 2. With x = (n - 1) / 2 and y = (time - T0) / n that is the line
 * y = I + A x, and step n's window, divided by n, a vertical bar at x that the line must meet:
 *
 *      y |        |        the lines through all bars lie between the steepest and the flattest; each touches an upper
 *        |  |   __|__/     end and a lower end. Bars come from left to right; two hulls (of the upper ends from below, of
 *        |  |__/  |        the lower ends from above) make each new bar O(1), amortised: J. O'Rourke, "An on-line
 *        |--|--/           algorithm for fitting straight lines between data ranges", CACM 24 (1981).
 *        +--------- x
 *
 * A bar can be tested first and committed later, so a search needs no undoing.
 */
#ifndef KLIPKIT_MOTION_INNER_STABBING_H
#define KLIPKIT_MOTION_INNER_STABBING_H

enum { STABBING_MOST = 1024 };  /* bars in a set */

struct stabbing_hull {
    double x[STABBING_MOST], y[STABBING_MOST];
    int from, end;              /* points that a line may still touch */
};

struct stabbing {
    struct stabbing_hull upper, lower;  /* of the upper ends, of the lower ends */
    double steepest, steep_x, steep_y;  /* slope of the steepest line, and a point of it */
    double flattest, flat_x, flat_y;
};

struct stabbing_bar {
    double n, x, low, high;     /* x = (n - 1) / 2 */
};

/* What a bar would do: the new slopes, and the hull points they touch. */
struct stabbing_change {
    double steepest, flattest;
    int lower_from, upper_from, cuts_steepest, cuts_flattest;
};

/* A run: whole ticks. */
struct stabbing_run {
    double interval, add;
};

/* A line steeper than any run can be, ticks: int16 is demanded of the run that is chosen, not of the real lines, whose
 * extremes must keep touching both hulls. */
#define STABBING_SLOPE_MOST 1e15

static inline void stabbing_begin(struct stabbing *set, const struct stabbing_bar *bar)
{
    set->upper.from = set->lower.from = 0;
    set->upper.end = set->lower.end = 1;
    set->upper.x[0] = set->lower.x[0] = set->steep_x = set->flat_x = bar->x;
    set->upper.y[0] = set->flat_y = bar->high;
    set->lower.y[0] = set->steep_y = bar->low;
    set->steepest = STABBING_SLOPE_MOST;
    set->flattest = -STABBING_SLOPE_MOST;
}

/* The slope of the least steep line from (x, y) to a point of the hull of lower ends; *from: that point. */
static inline double stabbing_steepest(const struct stabbing_hull *lower, double x, double y, int *from)
{
    int i = lower->from;
    double best = (y - lower->y[i]) / (x - lower->x[i]);
    for (; i + 1 < lower->end; i++) {
        double slope = (y - lower->y[i + 1]) / (x - lower->x[i + 1]);
        if (slope > best)
            break;
        best = slope;
    }
    *from = i;
    return best;
}

static inline double stabbing_flattest(const struct stabbing_hull *upper, double x, double y, int *from)
{
    int i = upper->from;
    double best = (y - upper->y[i]) / (x - upper->x[i]);
    for (; i + 1 < upper->end; i++) {
        double slope = (y - upper->y[i + 1]) / (x - upper->x[i + 1]);
        if (slope < best)
            break;
        best = slope;
    }
    *from = i;
    return best;
}

/* Is there a line through all bars and this one, which is right of them? Nothing is changed but *change. */
static inline int stabbing_test(const struct stabbing *set, const struct stabbing_bar *bar,
                                struct stabbing_change *change)
{
    double most = set->steep_y + set->steepest * (bar->x - set->steep_x);
    double least = set->flat_y + set->flattest * (bar->x - set->flat_x);
    if (bar->low > most || bar->high < least)
        return 0;
    change->steepest = set->steepest;
    change->flattest = set->flattest;
    change->lower_from = set->lower.from;
    change->upper_from = set->upper.from;
    change->cuts_steepest = bar->high < most;
    change->cuts_flattest = bar->low > least;
    if (change->cuts_steepest)
        change->steepest = stabbing_steepest(&set->lower, bar->x, bar->high, &change->lower_from);
    if (change->cuts_flattest)
        change->flattest = stabbing_flattest(&set->upper, bar->x, bar->low, &change->upper_from);
    return 1;
}

/* Add a point at the right of a hull; `side` +1: the hull of the upper ends, seen from below; -1: the other. */
static inline void stabbing_push(struct stabbing_hull *hull, double x, double y, double side)
{
    int end = hull->end;
    while (end - hull->from >= 2 &&
           side * ((hull->y[end - 1] - hull->y[end - 2]) * (x - hull->x[end - 2]) -
                   (y - hull->y[end - 2]) * (hull->x[end - 1] - hull->x[end - 2])) >= 0)
        end--;
    hull->x[end] = x;
    hull->y[end] = y;
    hull->end = end + 1;
}

/* Add a bar that was tested. */
static inline void stabbing_commit(struct stabbing *set, const struct stabbing_bar *bar,
                                   const struct stabbing_change *change)
{
    set->lower.from = change->lower_from;
    set->upper.from = change->upper_from;
    if (change->cuts_steepest) {
        set->steepest = change->steepest;
        set->steep_x = bar->x;
        set->steep_y = bar->high;
        stabbing_push(&set->upper, bar->x, bar->high, 1);
    }
    if (change->cuts_flattest) {
        set->flattest = change->flattest;
        set->flat_x = bar->x;
        set->flat_y = bar->low;
        stabbing_push(&set->lower, bar->x, bar->low, -1);
    }
}

/* Does the run meet the bar, and is its interval there at least a tick and not an idle gap? */
static inline int stabbing_holds(const struct stabbing_run *run, const struct stabbing_bar *bar, double gap_most)
{
    double y = run->interval + run->add * bar->x, last = run->interval + run->add * (bar->n - 1);
    return y >= bar->low && y <= bar->high && last >= 1 && last <= gap_most;
}

/* A run of whole ticks with 1 <= each interval <= gap_most that meets all bars of the set and `bar`, which may not yet be in
 * it; the slopes are those with `bar`. Tries add values from `guess` outwards. 0: none found. */
int stabbing_run(const struct stabbing *set, double flattest, double steepest, const struct stabbing_bar *bar, double guess,
                 double gap_most, struct stabbing_run *run);
#endif
