/* The longest run by looking at each step: for segments that hold few of them, and for short runs (see inner/fit.h). */
#include "klipkit/motion/inner/fit.h"

#include <string.h>

/* Steps timed at once, and looked at for one run at first; how often the shape is made better. */
enum { AT_ONCE = 32, LOOK_LEAST = 24, SHAPES = 2 };

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
    time_steps(segment, ahead->step, count, times);
    ahead->timed += count;
    ahead->step += count;
    if (ahead->step == segment->count) {
        ahead->segment++;
        ahead->step = 0;
    }
    return 1;
}

/* The windows of the steps whose neighbours are timed; of the last of the stretch too. */
static void open_windows(struct fit *fit)
{
    struct ahead *ahead = &fit->ahead;
    double *time = ahead->time, error = fit->error;
    int last = ahead->timed - 1;
    if (ahead->segment == fit->end) {
        last = ahead->timed;
        time[last + 1] = time[last] + fit->segments[fit->end].before;
    }
    for (int i = ahead->ready + 1; i <= last; i++) {
        double interval = order_lesser(time[i] - time[i - 1], time[i + 1] - time[i]);
        double window = order_greater(order_lesser(error, 0.5 * interval) - FIT_MARGIN, FIT_WINDOW_LEAST);
        ahead->low[i] = time[i] - window;
        ahead->high[i] = time[i] + window;
    }
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
        open_windows(fit);
    }
    int ready = ahead->ready - ahead->at;
    return ready < count ? ready : count;
}

static void set_bars(struct fit *fit, int count)
{
    struct bars *bars = &fit->bars;
    const double *low = fit->ahead.low + fit->ahead.at + 1, *high = fit->ahead.high + fit->ahead.at + 1;
    double before = fit->before;
    for (int i = 0; i < count; i++) {
        double part = fit->parts[i];
        bars->x[i] = 0.5 * i;
        bars->low[i] = (low[i] - before) * part + 0.5;
        bars->high[i] = (high[i] - before) * part - 0.5;
    }
    bars->count = count;
}

/* A run's shape: the error of the longest one is about a polynomial of the third degree between -E and +E that touches both once
 * and ends at +E or -E: 4 y^3 - 3 y with y up to 1, the step before the run being where it has that one's error, at -1 <= y <= -1/2.
 * The add is the second derivative of the times at y = 0; over four places h / 2 apart, h being the steps to a y of 1, the third
 * difference of the times is 3 E. What follows from the places -1/2, 0, 1/2 alone holds for more than polynomials. */
struct shape {
    int first, apart;   /* the step at y = -1/2; h / 2 */
};

/* By how many steps / (h / 2) the step before the run, which has the error `off` windows, is before y = -1/2. */
static double before_first(double off)
{
    double spare = 0.5 * order_greater(0, order_lesser(2, 1 - off));
    return sqrt(spare) * (1.1547 - 0.1547 * spare);
}

/* The shape that has its places h / 2 = `apart` steps from each other, or as far as the times known go: `count` steps. */
static struct shape shape_of(double before, double apart, int count)
{
    apart = order_greater(1, order_lesser(apart, (count - 1) / (3 + before)));
    struct shape shape = {.apart = (int)(apart + 0.5)};
    int most = count - 3 * shape.apart;
    shape.first = (int)(shape.apart * before + 0.5);
    shape.first = shape.first < most ? shape.first : most;
    return shape;
}

/* An add to begin with, when times of at least BARS_FEW steps are known: of the shape whose third difference is 3 E. */
static double guess_from(const struct fit *fit, int count)
{
    const struct ahead *ahead = &fit->ahead;
    const double *time = ahead->time + ahead->at;
    double window = 0.5 * (ahead->high[ahead->at + 1] - ahead->low[ahead->at + 1]);
    double before = before_first((time[0] - fit->before) / window);
    struct shape shape = shape_of(before, fit->last * 0.3, count);
    for (int round = 0; round < SHAPES; round++) {
        const double *t = time + shape.first;
        int k = shape.apart;
        double third = fabs(t[3 * k] - t[0] + 3 * (t[k] - t[2 * k]));
        double change = order_greater(1.0 / 27, order_lesser(27, 3 * window / (third + 1e-9)));
        shape = shape_of(before, k * fit_cube_root((float)change), count);
    }
    const double *t = time + shape.first;
    int k = shape.apart;
    return ((t[2 * k] - t[k]) - (t[k] - t[0])) / (k * k);
}

/* By how many steps the run ends sooner. */
static int64_t shorten(const struct fit *fit, int held, const struct bars_run *run)
{
    const double *last = fit->ahead.time + fit->ahead.at + held;
    double n = held, error = last[0] - fit->before - n * (run->interval + run->add * 0.5 * (n - 1));
    return fit_shorten(fit, held, error, last[0] - last[-1] - run->interval - run->add * (n - 1));
}

/* The longest run, of which the steps are looked at as far as it goes; how many were looked at and asked for. */
static int fit_many(struct fit *fit, const double range[2], int *count, int *want, struct bars_run *run)
{
    *want = 2 * fit->last < LOOK_LEAST ? LOOK_LEAST : 2 * fit->last;
    for (;; *want *= 2) {
        *want = *want < BARS_MOST ? *want : BARS_MOST;
        *count = look(fit, *want);
        set_bars(fit, *count);
        double guess = *count < BARS_FEW ? 0 : guess_from(fit, *count);
        int held = bars_longest(&fit->bars, guess, range, fit->gap_most, run);
        if (held < *count || *count < *want || *want == BARS_MOST)
            return held;
    }
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
