/* Runs of steps: see run.h for the formula. */
#include "klipkit/motion/run.h"

uint64_t step_run_last(const struct step_run *run)
{
    int64_t count = run->count;
    return run->first + (uint64_t)((count - 1) * (int64_t)run->interval + run->add * (count * (count - 1) / 2));
}
