/* The longest run by looking at a few of its steps (see inner/fit.h).
 *
 *      error |  +E  _____________________     1. nodes a fifth of the expected length apart, until one does not fit
 *            |    o      .-o-.       o  x     2. halve the gap before it when it is wide
 *            |     `o.-'      `o._.-'         3. prove the gaps; a step that is outside becomes a node, and again
 *            |  -E  ---------------------
 *            +--------------------------- n
 *
 * The nodes are a subset of the steps, so the length that fits them is at least the greatest possible until the proof.
 * On both sides of a border of segments there is a node. A run with constant speed that ends inside its segment has a
 * closed form.
 */
#include "klipkit/motion/inner/fit.h"

#include <string.h>

enum { SPACING = 5, SPARE = 24, ROUNDS = 12, LINE_LEAST = 8 };

/* A run may end this part of itself before the step that does not fit. */
enum { CLOSE_ENOUGH = 6, NEAR = 8 };

/* The cube root of x > 0 to about 5 %: a third of its exponent, in its bits. */
static double rough_cube_root(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    bits = bits / 3 + 709921077;
    memcpy(&x, &bits, sizeof(bits));
    return (double)x;
}

/* How long a run from this node may become; it only spaces the nodes. The cubic term of the time bounds it to about
 * (110 E / time''')^(1/3) steps, whole adds to 4 sqrt(E / 0.3). */
static double expected_length(const struct node *node)
{
    double third = 3 * node->bend * node->bend / node->slope, rounded = order_lesser(fabs(node->bend), 0.3);
    double cubic = rough_cube_root((float)(110 * node->window / (third + 1e-12)));
    return order_lesser(cubic, 4 * sqrt(node->window / (rounded + 1e-12)));
}

/* The node after the last one: at most `spacing` steps on, but not over the last step of a segment or the first of the
 * next. 0: there is none. */
static int next_node(const struct fit *fit, double spacing, struct node *node)
{
    const struct node *last = &fit->nodes[fit->count - 1];
    const struct segment *segment = &fit->segments[last->segment];
    int64_t left = segment->count - 1 - last->step;
    *node = (struct node){.n = last->n + 1, .segment = last->segment + 1};
    if (left > 0) {
        int64_t steps = segment->a2 == 0 ? left : (int64_t)order_greater(spacing, (double)(last->n / SPACING));
        steps = steps < left ? steps : left;
        steps = steps < FIT_COUNT_MOST - last->n ? steps : FIT_COUNT_MOST - last->n;
        *node = (struct node){.n = last->n + steps, .step = last->step + steps, .segment = last->segment};
    }
    if (node->segment >= fit->end || node->n > FIT_COUNT_MOST || node->n == last->n)
        return 0;
    fit_look(fit, node);
    return 1;
}

/* The bar of a node. */
static void set_bar(struct fit *fit, int i, const struct node *node)
{
    struct bars *bars = &fit->node_bars;
    double n = (double)node->n, part = 1 / n, wait = node->time - fit->before;
    bars->x[i] = 0.5 * (n - 1);
    bars->low[i] = (wait - node->window) * part + 0.5;
    bars->high[i] = (wait + node->window) * part - 0.5;
}

/* Takes in fit->nodes[fit->count], when there is still a slope that suits all. */
static int take(struct fit *fit, double range[2])
{
    set_bar(fit, fit->count, &fit->nodes[fit->count]);
    if (!bars_narrow(&fit->node_bars, fit->count, fit->count, range))
        return 0;
    fit->node_bars.count = ++fit->count;
    return 1;
}

/* Takes in nodes from left to right until one does not suit, which then stands after them: 1; 0: there are none more. */
static int spread(struct fit *fit, double spacing, double range[2])
{
    while (fit->count < FIT_NODES_MOST - SPARE && next_node(fit, spacing, &fit->nodes[fit->count]))
        if (!take(fit, range))
            return 1;
    return 0;
}

/* Between the last node and the one after it that did not suit: the step in the middle becomes a node as long as the gap is wide. */
static void close_in(struct fit *fit, double range[2])
{
    for (;;) {
        const struct node *last = &fit->nodes[fit->count - 1];
        struct node *beyond = &fit->nodes[fit->count];
        int64_t gap = beyond->n - last->n;
        if (gap < 2 || gap * CLOSE_ENOUGH <= last->n)
            return;
        struct node *after = beyond + 1;
        *after = *beyond;
        *beyond = (struct node){.n = last->n + gap / 2, .step = last->step + gap / 2, .segment = last->segment};
        fit_look(fit, beyond);
        take(fit, range);
    }
}

/* The run found meets `held` nodes: the last step before the next node that it is seen to meet becomes one too. */
static int reach_on(struct fit *fit, int held)
{
    const struct node last = fit->nodes[held - 1], next = fit->nodes[held];
    int64_t low = 0, high = last.segment == next.segment ? next.n - last.n : 0;
    while (high - low > 1 && (high - low) * NEAR > last.n) {
        int64_t middle = (low + high) / 2;
        struct node node = {.n = last.n + middle, .step = last.step + middle, .segment = last.segment};
        fit_look(fit, &node);
        if (fabs(fit_error(fit, &node)) > node.window) {
            high = middle;
            continue;
        }
        low = middle;
        fit->nodes[held] = node;
        set_bar(fit, held, &node);
    }
    return low > 0 ? held + 1 : held;
}

/* The run of the nodes, or of the first of them when whole numbers suit no more; keeps these. */
static void choose(struct fit *fit, const double range[2])
{
    int held = bars_choose(&fit->node_bars, fit->gap_most, range, &fit->run);
    if (!held) {
        const struct bars_hint hint = {0.5 * (range[0] + range[1]), fit->count};
        held = bars_longest(&fit->node_bars, &hint, range, fit->gap_most, &fit->run);
    }
    if (held > 0 && held < fit->count)
        held = reach_on(fit, held);
    fit->node_bars.count = fit->count = held;
}

/* A step between nodes `place` and the next becomes a node. When no slope suits all any more, the last ones go. */
static void insert(struct fit *fit, int place, const struct node *node, double range[2])
{
    struct bars *bars = &fit->node_bars;
    size_t after = (size_t)(fit->count - place - 1);
    memmove(&fit->nodes[place + 2], &fit->nodes[place + 1], after * sizeof(struct node));
    fit->nodes[place + 1] = *node;
    fit->count++;
    for (int i = place + 1; i < fit->count; i++)
        set_bar(fit, i, &fit->nodes[i]);
    bars->count = fit->count;
    if (bars_narrow(bars, place + 1, fit->count, range))
        return;
    range[0] = INT16_MIN;
    range[1] = INT16_MAX;
    int held = 0;
    while (held < fit->count && bars_narrow(bars, held, held, range))
        held++;
    bars->count = fit->count = held;
}

/* The first node after which a step is not proven to be in its window; the last node when all are. */
static int first_unproven(struct fit *fit, struct node *outside)
{
    int i = 0;
    while (i + 1 < fit->count) {
        const struct node *node = &fit->nodes[i];
        if (node[0].segment == node[1].segment && !fit_proven(fit, &node[0], &node[1], outside))
            break;
        i++;
    }
    return i;
}

/* At constant speed the error is linear in n: the longer of the runs with the whole intervals next to the slope, if it ends
 * before the segment's last step; else 0. */
static int64_t line_length(const struct fit *fit, const struct node *node, struct bars_run *run)
{
    const struct segment *segment = &fit->segments[node->segment];
    double offset = node->time - node->slope - fit->before, best = 0;
    double window = fit_window(fit, node->slope);
    for (int i = 0; i < 2; i++) {
        double interval = floor(node->slope) + i, drift = node->slope - interval, length = HUGE_VAL;
        if (drift != 0)
            length = floor(((drift > 0 ? window : -window) - offset) / drift);
        if (fabs(offset + drift) > node->window || interval < 1 || interval > fit->gap_most)
            length = 0;
        if (length > best) {
            best = length;
            *run = (struct bars_run){interval, 0};
        }
    }
    double most = order_lesser(best, FIT_COUNT_MOST);
    return segment->a2 == 0 && most < (double)(segment->count - node->step) ? (int64_t)most : 0;
}

/* Steps that are found outside become nodes, until all between the nodes are within. */
static void prove(struct fit *fit, double range[2])
{
    struct node outside;
    for (int round = 0;; round++) {
        int proven = first_unproven(fit, &outside);
        if (proven + 1 == fit->count)
            return;
        if (round == ROUNDS || fit->count >= FIT_NODES_MOST - 2) {
            fit->count = proven + 1;
            return;
        }
        insert(fit, proven, &outside, range);
        choose(fit, range);
    }
}

void fit_nodes(struct fit *fit, size_t segment, int64_t step, struct fitted *out)
{
    struct node *first = &fit->nodes[0];
    *first = (struct node){.n = 1, .step = step, .segment = segment};
    fit_look(fit, first);
    out->open = 0;
    out->count = line_length(fit, first, &out->run);
    if (out->count > LINE_LEAST)
        return;
    double length = order_greater(4, order_lesser(2 * fit->last + 8, expected_length(first)));
    double range[2] = {INT16_MIN, INT16_MAX};
    fit->count = 0;
    take(fit, range);
    if (spread(fit, order_greater(1, length / SPACING), range))
        close_in(fit, range);
    choose(fit, range);
    if (fit->count == 0) {
        fit_single(fit, first->time, out);
        return;
    }
    prove(fit, range);
    const struct node *last = &fit->nodes[fit->count - 1];
    out->run = fit->run;
    out->count = last->n;
    out->open = last->segment + 1 == fit->end && last->step + 1 == fit->segments[last->segment].count;
    fit->last = (int)last->n;
    if (!out->open && fit->count > 1 && last[-1].segment == last->segment) {
        double gradient = last->slope - fit->run.interval - fit->run.add * ((double)last->n - 0.5);
        int64_t back = fit_shorten(fit, last->n, fit_error(fit, last), gradient), gap = last->n - last[-1].n;
        out->count -= back < gap ? back : gap;
    }
}
