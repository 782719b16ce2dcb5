/* Which runs pass through the windows of the most steps: a line through vertical bars.
 *
 * A run puts step n at T0 + I n + A n (n - 1) / 2. With x = (n - 1) / 2 and y = (time - T0) / n that is the line
 * y = I + A x, and step n's window, divided by n, a vertical bar at x that the line must meet:
 *
 *      y |        |        For one add A the line's height I lies between the greatest of low - A x and the least of
 *        |  |   __|__/     high - A x. Bars are taken from left to right until these cross: when it was the new bar's lower
 *        |  |__/  |        end that is above, no lesser A reaches as far as this bar; when it was its upper end, no greater one.
 *        |--|--/           So the A that reaches furthest is enclosed.
 *        +--------- x
 */
#ifndef KLIPKIT_MOTION_INNER_BARS_H
#define KLIPKIT_MOTION_INNER_BARS_H

enum { BARS_MOST = 1024, BARS_FEW = 8 };

/* Ends of bars are kept half a tick within, so that the nearest whole number to them is one that the line may have. */
struct bars {
    int count;
    double x[BARS_MOST], low[BARS_MOST], high[BARS_MOST];
};

/* A run: whole ticks. */
struct bars_run {
    double interval, add;
};

/* Of bars at x = 0, 1/2, 1 .., BARS_FEW at least: the longest run, as below, if it meets less than BARS_FEW; the bars it meets.
 * 0: that is not known. Then only adds in `range` can meet as many as are known to be met. */
int bars_few(const struct bars *bars, double gap_most, double range[2], struct bars_run *run);

/* Of any bars: the run with the add in the middle of `range`, when that meets all of them, and their number; else 0. */
int bars_choose(const struct bars *bars, double gap_most, const double range[2], struct bars_run *run);

/* Narrows the range of slopes by what two by two a bar and the first `most` others demand. 0: no whole one is left; it is as before. */
int bars_narrow(const struct bars *bars, int bar, int most, double range[2]);

/* Where the search for the longest run begins, and how many bars end it. */
struct bars_hint {
    double add;
    int enough;
};

/* Of bars at x = 0, 1/2, 1 .., only each last one of `stride` looked at and filled in: how many of these, of BARS_FEW at most, a line
 * meets, with a slope in `range`, which becomes the lesser; hint->enough is about where that ends. */
int bars_sampled(const struct bars *bars, int stride, double range[2], struct bars_hint *hint);

/* The run of whole ticks, each interval at least 1 and at most `gap_most`, the add in `range`, that meets the most bars from the
 * first on, or few less; gives their number. */
int bars_longest(const struct bars *bars, const struct bars_hint *hint, const double range[2], double gap_most,
                 struct bars_run *run);
#endif
