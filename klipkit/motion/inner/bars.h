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

enum { BARS_MOST = 1024 };

/* Ends of bars are kept half a tick within, so that the nearest whole number to them is one that the line may have. */
struct bars {
    int count;
    double x[BARS_MOST], low[BARS_MOST], high[BARS_MOST];
};

/* A run: whole ticks. */
struct bars_run {
    double interval, add;
};

/* The run of whole ticks, each interval at least 1 and at most `gap_most`, int16 the add, that meets the most bars from the
 * first on, or few less; gives their number. `guess`: an add near which the search begins. */
int bars_longest(const struct bars *bars, double guess, double gap_most, struct bars_run *run);
#endif
