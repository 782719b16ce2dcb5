/* One run: which way to fit it, steps alone, and what is known of one step (see inner/fit.h). */
#include "klipkit/motion/inner/fit.h"

/* Segments looked at for the choice, the steps a segment and the steps a run above which nodes pay. */
enum { LOOK_AHEAD = 4, STEPS_FEW = 10, RUN_SHORT = 48 };

/* Where the slope changes by more than this part of itself from step to step the neighbours are looked at. */
static const double BEND_STRONG = 0.2;

static double time_after(const struct fit *fit, const struct node *node)
{
    const struct segment *segment = &fit->segments[node->segment];
    if (node->step + 1 < segment->count)
        return segment_time(segment, node->step + 1) - node->time;
    return segment[1].before;
}

static double time_before(const struct fit *fit, const struct node *node)
{
    const struct segment *segment = &fit->segments[node->segment];
    return node->step ? node->time - segment_time(segment, node->step - 1) : segment->before;
}

/* A bound from below of the intervals to both neighbours. The time is convex or concave over a segment and its slope convex, so
 * inside it neither is less than slope - |bend| / 2. */
static double interval_least(const struct fit *fit, const struct node *node)
{
    const struct segment *segment = &fit->segments[node->segment];
    double interval = node->slope - 0.5 * fabs(node->bend);
    int steep = interval < 2 * fit->error && fabs(node->bend) > BEND_STRONG * node->slope;
    if (steep)
        return order_lesser(time_before(fit, node), time_after(fit, node));
    if (node->step == 0)
        interval = order_lesser(interval, segment->before);
    if (node->step == segment->count - 1)
        interval = order_lesser(interval, segment[1].before);
    return interval;
}

/* Of a bent segment: a time changes with distance by at least (1 - tilt) / w, with w^2 = v^2 + 2 a d; where that is not more than
 * twice the error to the faster neighbour, the neighbours are looked at. */
static double bent_interval_least(const struct fit *fit, const struct node *node, double w2)
{
    const struct segment *segment = &fit->segments[node->segment];
    double dt = 2 * fit->error, least = 1 - segment->tilt[0];
    if (!(dt * dt * (w2 + segment->a2) < least * least))
        return order_lesser(time_before(fit, node), time_after(fit, node));
    if (node->step == 0)
        dt = order_lesser(dt, segment->before);
    return node->step == segment->count - 1 ? order_lesser(dt, segment[1].before) : dt;
}

/* A node of a bent segment, P being the bent u: slope P' / w, bend +-(P'' / w^2 - a P' / w^3). */
static void look_bent(const struct fit *fit, struct node *node)
{
    const struct segment *segment = &fit->segments[node->segment];
    const double *c = segment->bend;
    double d = segment_distance(segment, node->step), w2 = segment->v2 + segment->a2 * d, w = sqrt(w2), r = 1 / w;
    double u = 2 * d / (segment->v + w);
    double first = 1 + u * (2 * c[0] + u * (3 * c[1] + u * (4 * c[2] + u * 5 * c[3])));
    double second = 2 * c[0] + u * (6 * c[1] + u * (12 * c[2] + u * 20 * c[3]));
    node->time = segment->anchor + segment->side * segment_bend(segment, u);
    node->slope = first * r;
    node->bend = segment->side * (second - 0.5 * segment->a2 * node->slope) * r * r;
    node->window = fit_window(fit, bent_interval_least(fit, node, w2));
}

void fit_look(const struct fit *fit, struct node *node)
{
    const struct segment *segment = &fit->segments[node->segment];
    if (segment->is_bent) {
        look_bent(fit, node);
        return;
    }
    double d = segment_distance(segment, node->step), v = sqrt(segment->v2 + segment->a2 * d);
    double slope = 1 / v;
    node->time = segment->anchor + segment->side * 2 * d / (segment->v + v);
    node->slope = slope;
    node->bend = -0.5 * segment->side * segment->a2 * slope * slope * slope;
    node->window = fit_window(fit, interval_least(fit, node));
}

void fit_single(const struct fit *fit, double time, struct fitted *out)
{
    out->run = (struct bars_run){order_greater(1, rint(time - fit->before)), 0};
    out->count = 1;
    out->open = 0;
}

/* Do the next segments hold few steps each? */
static int is_dense(const struct fit *fit, size_t segment, int64_t step)
{
    int64_t steps = -step, segments = 0;
    for (; segments < LOOK_AHEAD && segment < fit->end; segments++)
        steps += fit->segments[segment++].count;
    return steps < STEPS_FEW * segments;
}

/* Is a run short for which timing each step costs less than ten nodes? Not with a long way at constant speed ahead, of which
 * nodes make one run. */
static int is_short(const struct fit *fit, size_t segment, int64_t step)
{
    const struct segment *first = &fit->segments[segment];
    int is_uneven = first->a2 > 0 || first->is_bent;
    return fit->last < RUN_SHORT && (is_uneven || first->count - step < RUN_SHORT);
}

void fit_run(struct fit *fit, size_t segment, int64_t step, struct fitted *out)
{
    if (is_short(fit, segment, step) || is_dense(fit, segment, step))
        fit_each(fit, segment, step, out);
    else
        fit_nodes(fit, segment, step, out);
}
