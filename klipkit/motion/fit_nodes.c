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
enum { CLOSE_ENOUGH = 4 };

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

/* Nodes from left to right, as far as step `reach`; 0 when there are none more. */
static int spread(struct fit *fit, int64_t reach, double spacing)
{
    int before = fit->count;
    struct node *node = &fit->nodes[before];
    for (; fit->count < FIT_NODES_MOST - SPARE && node[-1].n < reach && next_node(fit, spacing, node); node++)
        fit->count++;
    return fit->count > before;
}

/* The bars of the nodes, and the run that meets the most of them: their number. */
static int search(struct fit *fit, double guess)
{
    struct bars *bars = &fit->node_bars;
    for (int i = 0; i < fit->count; i++) {
        const struct node *node = &fit->nodes[i];
        double n = (double)node->n, part = 1 / n, wait = node->time - fit->before;
        bars->x[i] = 0.5 * (n - 1);
        bars->low[i] = (wait - node->window) * part + 0.5;
        bars->high[i] = (wait + node->window) * part - 0.5;
    }
    bars->count = fit->count;
    double range[2];
    int held = bars_some(bars, fit->gap_most, range, &fit->run);
    return held ? held : bars_longest(bars, &(struct bars_hint){guess, fit->count}, range, fit->gap_most, &fit->run);
}

/* From the nodes: the mean second difference up to about where the run will end. */
static double guess_from(const struct fit *fit, int64_t length)
{
    int i = 1;
    while (i + 1 < fit->count && fit->nodes[i].n < length)
        i++;
    if (i >= fit->count)
        return fit->nodes[0].bend;
    return (fit->nodes[i].slope - fit->nodes[0].slope) / (double)(fit->nodes[i].n - 1);
}

/* A step between nodes `place` and the next becomes a node. */
static void insert(struct fit *fit, int place, const struct node *node)
{
    size_t after = (size_t)(fit->count - place - 1);
    memmove(&fit->nodes[place + 2], &fit->nodes[place + 1], after * sizeof(struct node));
    fit->nodes[place + 1] = *node;
    fit->count++;
}

/* Where the nodes end that are held: the step in the middle of the gap after them becomes a node when the gap is wide. */
static int is_close(struct fit *fit, int held)
{
    const struct node *last = &fit->nodes[held - 1];
    if (held == fit->count)
        return 1;
    int64_t gap = last[1].n - last->n;
    if (gap < 2 || gap * CLOSE_ENOUGH <= last->n)
        return 1;
    struct node node = {.n = last->n + gap / 2, .step = last->step + gap / 2, .segment = last->segment};
    fit_look(fit, &node);
    fit->count = held + 1;
    insert(fit, held - 1, &node);
    return 0;
}

/* The longest run that meets the windows of the nodes, of which there are as many as it takes. */
static int settle(struct fit *fit, int64_t length, double spacing)
{
    double guess = guess_from(fit, length);
    for (;;) {
        int held = search(fit, guess);
        if (held == 0)
            return 0;
        guess = fit->run.add;
        if (held == fit->count && spread(fit, 2 * fit->nodes[held - 1].n, spacing))
            continue;
        if (is_close(fit, held)) {
            fit->count = held;
            return 1;
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

void fit_nodes(struct fit *fit, size_t segment, int64_t step, struct fitted *out)
{
    struct node *first = &fit->nodes[0], outside;
    *first = (struct node){.n = 1, .step = step, .segment = segment};
    fit_look(fit, first);
    out->open = 0;
    out->count = line_length(fit, first, &out->run);
    if (out->count > LINE_LEAST)
        return;
    double length = order_greater(4, order_lesser(2 * fit->last + 8, expected_length(first)));
    double spacing = order_greater(1, length / SPACING);
    fit->count = 1;
    spread(fit, (int64_t)length, spacing);
    if (!settle(fit, fit->last, spacing)) {
        fit_single(fit, first->time, out);
        return;
    }
    for (int round = 0;; round++) {
        int proven = first_unproven(fit, &outside);
        if (proven + 1 == fit->count)
            break;
        if (round == ROUNDS || fit->count >= FIT_NODES_MOST - 2) {
            fit->count = proven + 1;
            break;
        }
        insert(fit, proven, &outside);
        fit->count = search(fit, fit->run.add);
    }
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
