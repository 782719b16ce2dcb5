/* Runs of steps as a record (see trace.h). */
#include "klipkit/motion/trace.h"

#include <math.h>

#include "klipkit/motion/run.h"

static void note_interval(struct trace_sum *sum, uint64_t interval, uint64_t clock)
{
    if (sum->interval && interval >= sum->interval)
        return;
    sum->interval = interval;
    sum->interval_clock = clock;
}

/* Inside a run the intervals change evenly: the least is the first or the last one. */
static void add_run(struct trace_sum *sum, const struct step_run *run)
{
    uint64_t last = step_run_last(run);
    if (sum->steps)
        note_interval(sum, run->first - sum->last, run->first);
    else
        sum->first = run->first;
    if (run->count > 1) {
        note_interval(sum, (uint64_t)((int64_t)run->interval + run->add), run->first + (uint64_t)((int64_t)run->interval + run->add));
        note_interval(sum, (uint64_t)((int64_t)run->interval + (int64_t)run->add * (run->count - 1)), last);
    }
    sum->steps += run->count;
    sum->runs++;
    sum->turns += run->direction != sum->direction;
    sum->position += run->direction * (int64_t)run->count;
    sum->direction = run->direction;
    sum->last = last;
}

void trace_add(struct trace_sum *sum, const struct step_run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_run(sum, &runs[i]);
}

size_t trace_steps(const struct step_run *runs, size_t count, int64_t *out)
{
    int64_t *at = out;
    for (size_t i = 0; i < count; i++) {
        int64_t clock = (int64_t)runs[i].first, interval = runs[i].interval;
        for (int n = 0; n < runs[i].count; n++) {
            *at++ = (clock + 1) * runs[i].direction;
            interval += runs[i].add;
            clock += interval;
        }
    }
    return (size_t)(at - out);
}

void trace_rows(const struct step_run *runs, size_t count, int64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        *out++ = (int64_t)runs[i].first;
        *out++ = runs[i].interval;
        *out++ = runs[i].count;
        *out++ = runs[i].add;
        *out++ = runs[i].direction;
    }
}

void trace_shift(int64_t *steps, size_t count, uint64_t first, double scale)
{
    for (size_t i = 0; i < count; i++) {
        int64_t clock = (steps[i] < 0 ? -steps[i] : steps[i]) - 1 - (int64_t)first;
        int64_t scaled = (scale == 1 ? clock : (int64_t)rint((double)clock * scale)) + 1;
        steps[i] = steps[i] < 0 ? -scaled : scaled;
    }
}
