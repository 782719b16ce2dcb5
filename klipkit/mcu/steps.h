/* Motion's runs into the wire's queues: merges the steppers of one MCU by clock and keeps account of its move queue.
 *
 * A queue_step must not reach the MCU before a slot of its move queue is free (min clock) and must be there before the step
 * before its first (required clock). Direction changes and clock resets are written in between. Message ids come from
 * the data dictionary. Not thread-safe; the session it sends to is.
 */
#ifndef KLIPKIT_MCU_STEPS_H
#define KLIPKIT_MCU_STEPS_H
#include <stddef.h>
#include <stdint.h>

struct session;
struct step_run;
struct stepper;
struct steps;

/* Message ids of the data dictionary, as the VLQ numbers they travel as. */
struct steps_ids {
    int32_t queue_step, set_next_step_dir, reset_step_clock;
};

/* `move_count`: slots of the MCU's move queue that are for steps (at least 1); `history`: ticks for which sent runs are
 * remembered. NULL when there is no memory or move_count is 0. */
struct steps *steps_new(struct session *session, int queue, const struct steps_ids *ids, uint32_t move_count,
                        uint64_t history);
void steps_free(struct steps *steps);

/* A stepper with this oid; `dir_inverted`: direction +1 is level 0. Gives its number, or a negative errno. */
int steps_add_stepper(struct steps *steps, uint8_t oid, int dir_inverted);

/* Append runs of a stepper (copied). -ERANGE: one is not later than the one before it; -EINVAL: a run of several steps whose
 * interval does not count from the step before it (or the clock that was set). Nothing is appended then. */
int steps_append(struct steps *steps, int stepper, const struct step_run *runs, size_t count);

/* The stepper's runs come from `motion` (borrowed; NULL: no longer), which steps_generate makes go on. */
void steps_set_motion(struct steps *steps, int stepper, struct stepper *motion);

/* stepper_generate(until, due) of each such stepper, and its runs appended. The first error (of motion/stepper.h, or as
 * steps_append) ends it: *failed is the stepper. */
int steps_generate(struct steps *steps, double until, double due, int *failed);

/* Send all runs that are due before `clock`, those of all steppers merged in the order in which they are due. Gives the
 * number of messages queued, or the negative errno of session_send; what was not sent stays. */
int64_t steps_flush(struct steps *steps, uint64_t clock);

/* Queued messages leave no sooner than 2^30 ticks before they are due: the MCU compares clocks in 32 bits. */

/* What a stepper was given so far: steps, whatever their direction, and runs. */
struct steps_sum {
    uint64_t steps, runs;
};
void steps_sum(const struct steps *steps, int stepper, struct steps_sum *sum);

/* The stepper's clock is set anew: its next interval counts from `clock`. -EBUSY when runs are pending for it. */
int steps_reset_clock(struct steps *steps, int stepper, uint64_t clock);

/* Homing was stopped: runs that are pending are never sent, and the MCU says that it stands at `position` (in the direction of the
 * position). The history stays as it was sent; the clock must be set anew (steps_reset_clock) before the next run. */
void steps_discard(struct steps *steps, int stepper, int64_t position);

/* The stepper's position (sum of steps sent, in the direction of the position) at a clock; -ERANGE when that is older than
 * the history. */
int steps_position_at(const struct steps *steps, int stepper, uint64_t clock, int64_t *position);

/* The stepper's runs in the history that were sent and end after `clock`, the oldest first, `room` of them at most; before[i]: the
 * position before the first step of runs[i]. Gives their number. */
size_t steps_history(const struct steps *steps, int stepper, uint64_t clock, struct step_run *runs, int64_t *before,
                     size_t room);
#endif
