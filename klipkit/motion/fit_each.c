/* The longest run by looking at each step: for segments that hold few of them (see inner/fit.h). */
#include "klipkit/motion/inner/fit.h"

enum { AT_ONCE = 64 };  /* steps of a segment timed before they are known to be needed */

/* Where the timing of steps has come to. */
struct cursor {
    size_t segment;
    int64_t step, timed;    /* times[1 .. timed] are filled in */
};

/* Times more steps; 0 when there are none or no room. times[0] stays the time of the step before the run. */
static int time_more(struct fit *fit, struct cursor *cursor)
{
    int64_t room = STABBING_MOST - cursor->timed;
    if (cursor->segment == fit->end || room == 0)
        return 0;
    const struct segment *segment = &fit->segments[cursor->segment];
    int64_t count = segment->count - cursor->step;
    count = count < AT_ONCE ? count : AT_ONCE;
    count = count < room ? count : room;
    double *times = fit->times + cursor->timed + 1;
    for (int64_t i = 0; i < count; i++)
        times[i] = segment_time(segment, cursor->step + i);
    cursor->timed += count;
    cursor->step += count;
    if (cursor->step == segment->count) {
        cursor->segment++;
        cursor->step = 0;
    }
    return 1;
}

/* From step n to the next one: after the last step known of this direction, what its segment's follower says. */
static double interval_after(struct fit *fit, struct cursor *cursor, int64_t n)
{
    if (n < cursor->timed || time_more(fit, cursor))
        return fit->times[n + 1] - fit->times[n];
    if (cursor->segment == fit->end)
        return fit->segments[fit->end].before;
    return segment_time(&fit->segments[cursor->segment], cursor->step) - fit->times[n];
}

/* The mean second difference of the times up to step n. */
static double bend_guess(const struct fit *fit, int64_t n)
{
    const double *times = fit->times;
    return n > 2 ? (times[n] - times[n - 1] - times[2] + times[1]) / (double)(n - 2) : 0;
}

/* Takes the bar of step n into the set and finds a run that meets it; 0 when there is none. */
static int take(struct fit *fit, const struct stabbing_bar *bar, int64_t n)
{
    struct stabbing_change change;
    if (n == 1)
        stabbing_begin(&fit->set, bar);
    else if (stabbing_test(&fit->set, bar, &change))
        stabbing_commit(&fit->set, bar, &change);
    else
        return 0;
    if (n > 1 && stabbing_holds(&fit->run, bar, fit->gap_most))
        return 1;
    return stabbing_run(&fit->set, fit->set.flattest, fit->set.steepest, bar, bend_guess(fit, n), fit->gap_most, &fit->run);
}

void fit_each(struct fit *fit, size_t segment, int64_t step, struct fitted *out)
{
    struct cursor cursor = {segment, step, 0};
    const struct segment *first = &fit->segments[segment];
    time_more(fit, &cursor);
    double interval = step ? fit->times[1] - segment_time(first, step - 1) : first->before;
    int64_t n = 0;
    while (n < cursor.timed) {
        double after = interval_after(fit, &cursor, n + 1);
        double window = fit_window(fit, order_lesser(interval, after));
        interval = after;
        struct stabbing_bar bar = fit_bar(fit, n + 1, fit->times[n + 1], window);
        if (!take(fit, &bar, n + 1))
            break;
        n++;
    }
    out->run = fit->run;
    out->count = n;
    out->open = n == cursor.timed && cursor.segment == fit->end;
    if (n == 0)
        fit_single(fit, fit->times[1], out);
}
