/* Runs of steps as a record: single steps, sums, and the shortest interval.
 *
 * A step in a trace is one signed number: +-(its clock + 1), the sign being the direction.
 */
#ifndef KLIPKIT_MOTION_TRACE_H
#define KLIPKIT_MOTION_TRACE_H
#include <stddef.h>
#include <stdint.h>

struct step_run;

/* What runs of one stepper come to; all zero at first. */
struct trace_sum {
    uint64_t steps, runs, turns;        /* turns: changes of direction, the first one too */
    int64_t position;                   /* steps forwards less steps backwards */
    uint64_t first, last;               /* clocks of the first and the last step */
    uint64_t interval, interval_clock;  /* the least one between two steps, ticks, and the clock at its end; 0: none yet */
    int direction;
};

/* Add runs, which follow on those added before. */
void trace_add(struct trace_sum *sum, const struct step_run *runs, size_t count);

/* Each step of the runs; `out` has room for the sum of their counts. Gives that number. */
size_t trace_steps(const struct step_run *runs, size_t count, int64_t *out);

/* The runs as rows of five numbers: first, interval, count, add, direction. */
void trace_rows(const struct step_run *runs, size_t count, int64_t *out);

/* Steps of a trace counted from the clock `first`, in ticks of `scale` of the old ones, rounded. */
void trace_shift(int64_t *steps, size_t count, uint64_t first, double scale);
#endif
