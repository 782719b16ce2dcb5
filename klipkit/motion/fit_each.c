/* The longest run by looking at each step: for segments that hold few of them, and for short runs (see inner/fit.h). */
#include "klipkit/motion/inner/fit.h"

#include <string.h>

/* Steps timed at once; samples over the length of the last run, and how many must be met. */
enum { AT_ONCE = 32, LENGTH_SAMPLES = 6, MET_LEAST = 3 };

void fit_forget(struct fit *fit)
{
    fit->ahead.timed = fit->ahead.ready = fit->ahead.at = -1;
}

/* Times of steps of a segment, as segment_time gives them. */
static void time_steps(const struct segment *segment, int64_t step, int count, double *times)
{
    double reach = segment->reach + segment->side * (double)step, side = segment->side;
    double v = segment->v, v2 = segment->v2, a2 = segment->a2, anchor = segment->anchor;
    for (int i = 0; i < count; i++) {
        double d = order_greater(reach + side * (double)i, SEGMENT_DISTANCE_LEAST);
        times[i] = 2 * d / (v + sqrt(v2 + a2 * d));
    }
    if (segment->is_bent)
        for (int i = 0; i < count; i++)
            times[i] = segment_bend(segment, times[i]);
    for (int i = 0; i < count; i++)
        times[i] = anchor + side * times[i];
}

/* Times the next steps of one segment; 0 when there are none or no room. */
static int time_more(struct fit *fit)
{
    struct ahead *ahead = &fit->ahead;
    int room = AHEAD_MOST - ahead->timed;
    if (ahead->segment == fit->end || room == 0)
        return 0;
    const struct segment *segment = &fit->segments[ahead->segment];
    int64_t left = segment->count - ahead->step;
    int count = left < AT_ONCE ? (int)left : AT_ONCE;
    count = count < room ? count : room;
    double *times = ahead->time + ahead->timed + 1;
    times[0] = segment->first;
    times[1] = segment->last;
    if (segment->count > 2)
        time_steps(segment, ahead->step, count, times);
    else if (ahead->step)
        times[0] = segment->last;
    ahead->timed += count;
    ahead->step += count;
    if (ahead->step == segment->count) {
        ahead->segment++;
        ahead->step = 0;
    }
    return 1;
}

/* Steps' windows from their times and their neighbours'. */
static void open_windows(const double *restrict time, int count, const struct fit *fit, double *restrict low, double *restrict high)
{
    double error = fit->error, margin = fit->margin;
    for (int i = 0; i < count; i++) {
        double interval = order_lesser(time[i] - time[i - 1], time[i + 1] - time[i]);
        double window = order_greater(order_lesser(error, 0.5 * interval) - margin, FIT_WINDOW_LEAST);
        low[i] = time[i] - window;
        high[i] = time[i] + window;
    }
}

/* The windows of the steps whose neighbours are timed; of the last of the stretch too. */
static void open_more(struct fit *fit)
{
    struct ahead *ahead = &fit->ahead;
    int last = ahead->timed - 1, next = ahead->ready + 1;
    if (ahead->segment == fit->end) {
        last = ahead->timed;
        ahead->time[last + 1] = ahead->time[last] + fit->segments[fit->end].before;
    }
    open_windows(ahead->time + next, last + 1 - next, fit, ahead->low + next, ahead->high + next);
    ahead->ready = last;
}

/* Begins anew with step `step` of segment `segment`. */
static void begin(struct fit *fit, size_t segment, int64_t step)
{
    struct ahead *ahead = &fit->ahead;
    const struct segment *first = &fit->segments[segment];
    ahead->segment = segment;
    ahead->step = step;
    ahead->timed = ahead->ready = ahead->at = 0;
    ahead->time[0] = step ? segment_time(first, step - 1) : first->first - first->before;
}

/* Moves what is ahead to the beginning, when the room for `count` steps is not there. */
static void make_room(struct ahead *ahead, int count)
{
    int at = ahead->at;
    if (at == 0 || at + count <= AHEAD_MOST)
        return;
    size_t bytes = (size_t)(ahead->timed - at + 1) * sizeof(double);
    memmove(ahead->time, ahead->time + at, bytes);
    memmove(ahead->low, ahead->low + at, bytes);
    memmove(ahead->high, ahead->high + at, bytes);
    ahead->timed -= at;
    ahead->ready -= at;
    ahead->at = 0;
}

/* Sees to it that `count` steps after the one before the run have windows, if there are so many. */
static int look(struct fit *fit, int count)
{
    struct ahead *ahead = &fit->ahead;
    make_room(ahead, count + AT_ONCE);
    if (ahead->ready - ahead->at < count) {
        while (ahead->timed - ahead->at <= count && time_more(fit))
            ;
        open_more(fit);
    }
    int ready = ahead->ready - ahead->at;
    return ready < count ? ready : count;
}

/* The bars of steps after the one before the run, whose places and 1 / n are filled in. */
static void fill(const double *restrict lows, const double *restrict highs, const double *restrict parts, int count, double before,
                 double *restrict low, double *restrict high)
{
    for (int i = 0; i < count; i++) {
        low[i] = (lows[i] - before) * parts[i] + 0.5;
        high[i] = (highs[i] - before) * parts[i] - 0.5;
    }
}

static void set_bars(struct fit *fit, int count)
{
    const struct ahead *ahead = &fit->ahead;
    fill(ahead->low + ahead->at + 1, ahead->high + ahead->at + 1, fit->parts, count, fit->before, fit->bars.low, fit->bars.high);
    fit->bars.count = count;
}

/* Only the last bar of each `stride`. */
static void set_some_bars(struct fit *fit, int stride, int count)
{
    const double *low = fit->ahead.low + fit->ahead.at + 1, *high = fit->ahead.high + fit->ahead.at + 1;
    for (int i = stride - 1; i < count; i += stride) {
        fit->bars.low[i] = (low[i] - fit->before) * fit->parts[i] + 0.5;
        fit->bars.high[i] = (high[i] - fit->before) * fit->parts[i] - 0.5;
    }
    fit->bars.count = count;
}

/* By how many steps the run ends sooner. */
static int64_t shorten(const struct fit *fit, int held, const struct bars_run *run)
{
    const double *last = fit->ahead.time + fit->ahead.at + held;
    double n = held, error = last[0] - fit->before - n * (run->interval + run->add * 0.5 * (n - 1));
    return fit_shorten(fit, held, error, last[0] - last[-1] - run->interval - run->add * (n - 1));
}

/* Samples of the steps, apart enough that not all of them are met and near enough that some are; how many there are and were asked
 * for. Gives how many steps at most a run can have. */
static int sample(struct fit *fit, int *count, int *want, double range[2], struct bars_hint *hint, int *least)
{
    const double all[2] = {range[0], range[1]};
    for (int stride = fit->last / LENGTH_SAMPLES + 1;;) {
        *want = stride * BARS_FEW;
        *count = look(fit, *want);
        set_some_bars(fit, stride, *count);
        range[0] = all[0];
        range[1] = all[1];
        int met = bars_sampled(&fit->bars, stride, range, hint);
        int is_long = met == BARS_FEW && 2 * *want <= BARS_MOST;
        int is_short = met < MET_LEAST && stride > 1 && *count >= stride * MET_LEAST;
        *least = met * stride;
        if (!is_long && !is_short)
            return met == BARS_FEW || *count < *least + stride ? *count : *least + stride - 1;
        stride = is_long ? 2 * stride : (stride + 1) / 2;
    }
}

/* The longest run. When it meets less than the samples said, of which those between are not, other adds may meet more. */
static int fit_many(struct fit *fit, const double range[2], int *count, int *want, struct bars_run *run)
{
    struct bars_hint hint;
    double narrow[2] = {range[0], range[1]};
    int least, most = sample(fit, count, want, narrow, &hint, &least);
    set_bars(fit, most);
    int held = bars_longest(&fit->bars, &hint, narrow, fit->gap_most, run);
    if (held >= least)
        return held;
    hint = (struct bars_hint){run->add, least};
    return bars_longest(&fit->bars, &hint, range, fit->gap_most, run);
}

void fit_each(struct fit *fit, size_t segment, int64_t step, struct fitted *out)
{
    if (fit->ahead.at < 0)
        begin(fit, segment, step);
    double range[2] = {INT16_MIN, INT16_MAX};
    int count = look(fit, BARS_FEW), want = BARS_FEW, held = 0;
    set_bars(fit, count);
    if (count == BARS_FEW)
        held = bars_few(&fit->bars, fit->gap_most, range, &out->run);
    if (held == 0)
        held = fit_many(fit, range, &count, &want, &out->run);
    out->count = held;
    out->open = held == count && count < want;
    fit->last = held;
    if (held > 1 && held < count)
        out->count -= shorten(fit, held, &out->run);
    if (held == 0)
        fit_single(fit, fit->ahead.time[fit->ahead.at + 1], out);
}
