/* The proof that the steps between two nodes are within their windows, without looking at them.
 *
 * Let e(n) be the error of a run, e'' = time'' - add. Inside a segment time'' = -a / v^3 is monotone, so e'' lies between its
 * values lo and hi at the nodes. The window has a linear bound B(n) from below, so for f = e - B, f'' = e'' too, and f <= 0
 * between a and b, w steps apart, when any of these holds:
 *
 *      e |  . B         lo >= 0           f is convex: below its chord
 *        |.__--         max - lo w^2/8    chord and greatest bulge
 *        |/    \        hi < 0            the parabola with curvature hi from either node: its top
 *        +--------- n
 *
 * and so for -e. What is not shown is split at a step near the top, which is looked at; two neighbours need no proof.
 *
 * In a bent segment e'' need not be monotone: lo and hi are its values at the nodes, widened by w / 2 times a bound of |time'''|.
 */
#include "klipkit/motion/inner/fit.h"

/* f at either node, and its derivative by n. */
struct ends {
    double fa, fb, ga, gb;
};

/* Is f <= 0 in between, with lo <= f'' <= hi? */
static int is_below(const struct ends *f, double lo, double hi, double w)
{
    double most = order_greater(f->fa, f->fb);
    if (most > 0)
        return 0;
    if (lo >= 0 || most - 0.125 * w * w * lo <= 0)
        return 1;
    if (hi >= 0)
        return 0;
    double from_a = f->ga > 0 ? f->fa - f->ga * f->ga / (2 * hi) : f->fa;
    double from_b = f->gb < 0 ? f->fb - f->gb * f->gb / (2 * hi) : f->fb;
    return from_a <= 0 || from_b <= 0;
}

/* The windows' linear bound at a and b. The interval to a neighbour is at least slope - |bend| / 2, and the slope no further
 * below its chord than w (hi - lo) / 4. Where a constant bound begins inside, the lesser of all is taken. */
static void window_bound(const struct fit *fit, const struct node *a, const struct node *b, double *at_a, double *at_b)
{
    double drop = 0.25 * (double)(b->n - a->n) * fabs(b->bend - a->bend) +
                  0.5 * order_greater(fabs(a->bend), fabs(b->bend));
    *at_a = 0.5 * (a->slope - drop);
    *at_b = 0.5 * (b->slope - drop);
    double least = order_lesser(*at_a, *at_b);
    if (order_greater(*at_a, *at_b) > fit->error || least - fit->margin_between < FIT_WINDOW_LEAST)
        *at_a = *at_b = order_greater(order_lesser(fit->error, least), FIT_WINDOW_LEAST + fit->margin_between);
    *at_a -= fit->margin_between;
    *at_b -= fit->margin_between;
}

/* Where to split: near the zero of the error's derivative, never close to an end. */
static int64_t split_at(int64_t w, double ga, double gb)
{
    if (w <= 4 || ga * gb >= 0)
        return w / 2;
    int64_t at = (int64_t)rint((double)w * (ga / (ga - gb))), least = 1 + w / 8;
    return at < least ? least : at > w - least ? w - least : at;
}

/* In a bent segment: the widening of e'', and the windows' constant bound from the least slope. time''' is
 * P''' / w^3 - 3 a P'' / w^4 + 3 a^2 P' / w^5, and P' is within 1 +- tilt; 0 where that is sure not to change its sign. */
static double bent_bounds(const struct fit *fit, const struct node *a, const struct node *b, double *window)
{
    const struct segment *segment = &fit->segments[a->segment];
    const double *tilt = segment->tilt;
    double least = order_lesser(a->slope, b->slope), most = order_greater(a->slope, b->slope), accel = 0.5 * segment->a2;
    *window = order_lesser(fit->error, 0.5 * (1 - 2 * tilt[0]) * least) - fit->margin_between;
    *window = order_greater(*window, FIT_WINDOW_LEAST);
    double w = (1 + tilt[0]) / least; /* no less than the greatest */
    if (3 * accel * accel * (1 - tilt[0]) > w * (3 * accel * tilt[1] + w * tilt[2]))
        return 0;
    double r = most / (1 - tilt[0]), ar = accel * r; /* r: no less than the greatest 1 / w */
    return 0.5 * (double)(b->n - a->n) * r * r * r * (tilt[2] + 3 * ar * (tilt[1] + ar * (1 + tilt[0])));
}

/* Bounds of the windows at a and b, and of e'' + add in between. */
static void bounds(const struct fit *fit, const struct node *a, const struct node *b, double window[2], double bend[2])
{
    bend[0] = order_lesser(a->bend, b->bend);
    bend[1] = order_greater(a->bend, b->bend);
    if (!fit->segments[a->segment].is_bent) {
        window_bound(fit, a, b, &window[0], &window[1]);
        return;
    }
    double widen = bent_bounds(fit, a, b, &window[0]);
    window[1] = window[0];
    bend[0] -= widen;
    bend[1] += widen;
}

/* Does the error stay in the windows between the nodes, by what the bounds say? */
static int is_within(const struct fit *fit, const struct node *a, const struct node *b, double ga, double gb)
{
    double window[2], bend[2], w = (double)(b->n - a->n), add = fit->run.add;
    bounds(fit, a, b, window, bend);
    double ea = fit_error(fit, a), eb = fit_error(fit, b), tilt = (window[1] - window[0]) / w;
    struct ends above = {ea - window[0], eb - window[1], ga - tilt, gb - tilt};
    struct ends below = {-ea - window[0], -eb - window[1], -ga - tilt, -gb - tilt};
    return is_below(&above, bend[0] - add, bend[1] - add, w) && is_below(&below, add - bend[1], add - bend[0], w);
}

int fit_proven(const struct fit *fit, const struct node *a, const struct node *b, struct node *outside)
{
    int64_t w = b->n - a->n;
    if (w < 2)
        return 1;
    double add = fit->run.add, start = fit->run.interval - 0.5 * add;
    double ga = a->slope - start - add * (double)a->n, gb = b->slope - start - add * (double)b->n;
    if (is_within(fit, a, b, ga, gb))
        return 1;
    int64_t at = split_at(w, ga, gb);
    struct node middle = {.n = a->n + at, .step = a->step + at, .segment = a->segment};
    fit_look(fit, &middle);
    if (fabs(fit_error(fit, &middle)) > fit_window_between(fit, &middle)) {
        *outside = middle;
        return 0;
    }
    return fit_proven(fit, a, &middle, outside) && fit_proven(fit, &middle, b, outside);
}
