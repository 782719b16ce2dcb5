/* The longest run by looking at a few of its steps (see inner/fit.h).
 *
 *      error |  +E  _____________________     1. nodes a sixth of the expected length apart, until one does not fit
 *            |    o      .-o-.       o  x     2. close in on the last that fits: secant on the slack
 *            |     `o.-'      `o._.-'         3. prove the gaps; a step that is outside becomes a node, and 2. again
 *            |  -E  ---------------------
 *            +--------------------------- n
 *
 * The nodes are a subset of the steps, so the length that fits them is at least the greatest possible until the proof.
 * On both sides of a border of segments there is a node. A run with constant speed that ends inside its segment has a
 * closed form.
 */
#include "klipkit/motion/inner/fit.h"

#include <string.h>

enum { SPACING = 6, SPARE = 24, ROUNDS = 12, LINE_LEAST = 8 };

/* A run may be this part of itself shorter than the longest: 0.3 % more runs in a print, an eighth less work. */
enum { CLOSE_ENOUGH = 8 };

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

/* Takes a node right of all others in, if a run meets it too; nothing is changed otherwise. */
static int take(struct fit *fit, const struct node *node)
{
    struct stabbing_bar bar = fit_bar(fit, node->n, node->time, node->window);
    if (node->n == 1) {
        stabbing_begin(&fit->set, &bar);
        return stabbing_run(&fit->set, fit->set.flattest, fit->set.steepest, &bar, node->bend, fit->gap_most, &fit->run);
    }
    struct stabbing_change change;
    if (!stabbing_test(&fit->set, &bar, &change))
        return 0;
    if (!stabbing_holds(&fit->run, &bar, fit->gap_most)) {
        double guess = (node->slope - fit->nodes[0].slope) / (double)(node->n - 1);
        if (!stabbing_run(&fit->set, change.flattest, change.steepest, &bar, guess, fit->gap_most, &fit->run))
            return 0;
    }
    stabbing_commit(&fit->set, &bar, &change);
    return 1;
}

/* By how many ticks a node could move before no real line fits; less than 0: none does. */
static double slack(const struct fit *fit, const struct node *node)
{
    const struct stabbing *set = &fit->set;
    struct stabbing_bar bar = fit_bar(fit, node->n, node->time, node->window);
    double most = set->steep_y + set->steepest * (bar.x - set->steep_x) - bar.low;
    double least = set->flat_y + set->flattest * (bar.x - set->flat_x) - bar.high;
    return bar.n * order_lesser(most, -least);
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

/* Nodes from left to right until one does not fit. */
static void spread(struct fit *fit)
{
    double spacing = order_greater(1, expected_length(&fit->nodes[0]) / SPACING);
    struct node node;
    while (fit->count < FIT_NODES_MOST - SPARE && next_node(fit, spacing, &node)) {
        if (node.segment != fit->nodes[fit->count - 1].segment)
            spacing = order_greater(1, expected_length(&node) / SPACING);
        if (!take(fit, &node)) {
            fit->beyond = node.n;
            fit->beyond_slack = slack(fit, &node);
            return;
        }
        fit->nodes[fit->count++] = node;
    }
}

/* How far from the last node to look, `gap` steps before the least that is known not to fit: where the slack would be used
 * up, off both ends; half of the gap when the last look took off little. */
static int64_t look_at(const struct fit *fit, int64_t gap, double left, int halve)
{
    if (halve || left <= 0 || fit->beyond_slack >= 0 || fit->count < 2)
        return gap / 2;
    int64_t at = (int64_t)((double)gap * (left / (left - fit->beyond_slack)) + 0.5), least = 1 + gap / 8;
    at = at < least ? least : at > gap - least ? gap - least : at;
    return at < 1 ? 1 : at > gap - 1 ? gap - 1 : at;
}

/* Closes in on the longest run between the last node and the least step that is known not to fit, of the same segment. */
static void close_in(struct fit *fit)
{
    int halve = 0;
    double left = fit->count > 1 ? slack(fit, &fit->nodes[fit->count - 1]) : 0;
    while (fit->beyond && fit->count < FIT_NODES_MOST - 2) {
        const struct node *last = &fit->nodes[fit->count - 1];
        int64_t gap = fit->beyond - last->n;
        if (gap < 2 || gap * CLOSE_ENOUGH <= last->n)
            return;
        int64_t at = look_at(fit, gap, left, halve);
        struct node node = {.n = last->n + at, .step = last->step + at, .segment = last->segment};
        fit_look(fit, &node);
        double here = slack(fit, &node);
        if (take(fit, &node)) {
            fit->nodes[fit->count++] = node;
            left = slack(fit, &node);
            halve = at < gap / 3;
        } else {
            fit->beyond = node.n;
            fit->beyond_slack = here;
            halve = at > 2 * gap / 3;
        }
    }
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

/* A step outside its window becomes the node after `place`, and the set is made anew: nodes that no longer fit are dropped. */
static void exchange(struct fit *fit, int place, const struct node *outside)
{
    memmove(&fit->nodes[place + 2], &fit->nodes[place + 1], (size_t)(fit->count - place - 1) * sizeof(struct node));
    fit->nodes[place + 1] = *outside;
    fit->count++;
    int fits = 0;
    while (fits < fit->count && take(fit, &fit->nodes[fits]))
        fits++;
    if (fits < fit->count) {
        fit->beyond = fit->nodes[fits].n;
        fit->beyond_slack = slack(fit, &fit->nodes[fits]);
        fit->count = fits;
    }
}

/* At constant speed the error is linear in n: the longer of the runs with the whole intervals next to the slope, if it ends
 * before the segment's last step; else 0. */
static int64_t line_length(const struct fit *fit, const struct node *node, struct stabbing_run *run)
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
            *run = (struct stabbing_run){interval, 0};
        }
    }
    double most = order_lesser(best, FIT_COUNT_MOST);
    return segment->a2 == 0 && most < (double)(segment->count - node->step) ? (int64_t)most : 0;
}

void fit_nodes(struct fit *fit, size_t segment, int64_t step, struct fitted *out)
{
    struct node *first = &fit->nodes[0], outside;
    *first = (struct node){.n = 1, .step = step, .segment = segment};
    fit_look(fit, first);
    out->open = 0;
    out->count = line_length(fit, first, &out->run);
    if (out->count > LINE_LEAST)
        return;
    fit->count = 1;
    fit->beyond = 0;
    if (!take(fit, first)) {
        fit_single(fit, first->time, out);
        return;
    }
    spread(fit);
    for (int round = 0;; round++) {
        close_in(fit);
        int proven = first_unproven(fit, &outside);
        if (proven + 1 == fit->count)
            break;
        if (round == ROUNDS || fit->count >= FIT_NODES_MOST - 2) {
            fit->count = proven + 1;
            break;
        }
        exchange(fit, proven, &outside);
    }
    const struct node *last = &fit->nodes[fit->count - 1];
    out->run = fit->run;
    out->count = last->n;
    out->open = last->segment + 1 == fit->end && last->step + 1 == fit->segments[last->segment].count;
}
