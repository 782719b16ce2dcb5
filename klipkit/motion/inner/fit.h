/* The longest run that keeps each of the next steps within its window, its cost being that of some ten steps.
 *
 * Nodes, a few of a run's steps, are fitted; then the steps between two nodes are proven to be within their windows from
 * the second derivative of the error, which is monotone inside a segment. A step that is not becomes a node. Where segments
 * hold fewer than about ten steps, and where runs are short, each step is looked at instead. Derivation and figures:
 * fit_nodes.c, proof.c, fit_each.c.
 */
#ifndef KLIPKIT_MOTION_INNER_FIT_H
#define KLIPKIT_MOTION_INNER_FIT_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "klipkit/motion/inner/bars.h"
#include "klipkit/motion/inner/order.h"
#include "klipkit/motion/inner/segment.h"

/* No window is less: a whole tick is always within it. */
#define FIT_WINDOW_LEAST 0.52

enum { FIT_NODES_MOST = 160, FIT_COUNT_MOST = 65535, AHEAD_MOST = 2 * BARS_MOST };

/* One step, by its number n in the run, with its time as a function of n. */
struct node {
    int64_t n, step;    /* in the run (from 1), in the segment (from 0) */
    size_t segment;
    double time, slope, bend;   /* and its first and second derivative by n: 1 / v, -a / v^3 */
    double window;      /* how far from `time` it may be given */
};

/* Steps timed ahead of the run, in order; entry `at` is the step before it. */
struct ahead {
    int at, ready, timed;       /* entries at + 1 .. ready have a window, .. timed a time; at < 0: nothing is known */
    size_t segment;             /* the step after the last one timed */
    int64_t step;
    double time[AHEAD_MOST + 2], low[AHEAD_MOST + 2], high[AHEAD_MOST + 2];
};

struct fit {
    const struct segment *segments; /* those of one direction: [0, end) */
    size_t end;
    double before;      /* time of the step before the run: a whole number */
    double error;       /* ticks, max_stepper_error */
    double margin, margin_between;  /* ticks of a window that are kept back: at nodes, and at the steps between (see fit_allow) */
    double gap_most;    /* ticks: longest interval inside a run */
    struct bars_run run;
    struct node nodes[FIT_NODES_MOST];
    int count;
    struct ahead ahead;
    struct bars bars, node_bars;    /* bars.x: 0, 1/2, 1 .. */
    double parts[BARS_MOST];    /* 1 / n */
    int last;                   /* the length of the last run */
};

/* A step may be `error` off; of that is kept back what its time may be off, `flat` in a stretch that is taken for a quadratic, else less,
 * and the interval to its neighbour, and rounding. */
static inline void fit_allow(struct fit *fit, double error, double flat)
{
    fit->error = error;
    fit->margin = 2 * flat + 0.02;
    fit->margin_between = flat + 0.01;
}

/* What is known of the steps ahead holds no longer. */
void fit_forget(struct fit *fit);

/* The run found is given, or `count` steps of it. */
static inline void fit_pass(struct fit *fit, int64_t count)
{
    struct ahead *ahead = &fit->ahead;
    if (ahead->at >= 0 && count < ahead->ready - ahead->at)
        ahead->at += (int)count;
    else
        fit_forget(fit);
}

/* A run found: its steps are the next `count` ones. `open`: it ended only because no more steps are known. */
struct fitted {
    struct bars_run run;
    int64_t count;
    int open;
};

/* The run that begins with step `step` of segment `segment`. Never fails: a step that has no free tick in its window gets the
 * next tick. */
void fit_run(struct fit *fit, size_t segment, int64_t step, struct fitted *out);

/* The two ways, of which fit_run chooses. */
void fit_nodes(struct fit *fit, size_t segment, int64_t step, struct fitted *out);
void fit_each(struct fit *fit, size_t segment, int64_t step, struct fitted *out);

/* A run of one step. */
void fit_single(const struct fit *fit, double time, struct fitted *out);

/* Fills in a node that stands at node->segment, node->step. */
void fit_look(const struct fit *fit, struct node *node);

/* Are all steps strictly between nodes a and b of one segment within their windows? If not, *outside is one that is not. */
int fit_proven(const struct fit *fit, const struct node *a, const struct node *b, struct node *outside);

/* How much later than the run the node's step is. */
static inline double fit_error(const struct fit *fit, const struct node *node)
{
    double n = (double)node->n;
    return node->time - fit->before - n * (fit->run.interval + fit->run.add * 0.5 * (n - 1));
}

/* What a run's start in the middle of its window is worth, against one at the edge: part of its steps. */
#define FIT_START_WORTH 0.11

/* By how many steps a run ends sooner, so that the next one begins nearer to its true time and gets the longer for it: a run that
 * begins at the edge of its window is about a tenth shorter than one that begins in the middle. `error` is that of the last step,
 * `gradient` its change from step to step. */
static inline int64_t fit_shorten(const struct fit *fit, int64_t count, double error, double gradient)
{
    if (error < 0) {
        error = -error;
        gradient = -gradient;
    }
    if (gradient * (double)count * FIT_START_WORTH <= fit->error)
        return 0;
    int64_t back = (int64_t)(error / gradient), most = (int64_t)((double)count * 0.125);
    return back < most ? back : most;
}

/* How far a step between nodes may be off, given what it may as a node. */
static inline double fit_window_between(const struct fit *fit, const struct node *node)
{
    return node->window > FIT_WINDOW_LEAST ? node->window + (fit->margin - fit->margin_between) : FIT_WINDOW_LEAST;
}

/* A step's window, from the interval to its nearer neighbour. */
static inline double fit_window(const struct fit *fit, double interval)
{
    return order_greater(order_lesser(fit->error, 0.5 * interval) - fit->margin, FIT_WINDOW_LEAST);
}
#endif
