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
struct steps;

/* Message ids of the data dictionary, as the VLQ numbers they travel as. */
struct steps_ids {
    int32_t queue_step, set_next_step_dir, reset_step_clock;
};

/* `move_count`: slots of the MCU's move queue that are for steps. */
struct steps *steps_new(struct session *session, int queue, const struct steps_ids *ids, uint32_t move_count);
void steps_free(struct steps *steps);

/* A stepper with this oid; `dir_inverted`: direction +1 is level 0. Gives its number, or a negative errno. */
int steps_add_stepper(struct steps *steps, uint8_t oid, int dir_inverted);

/* Append runs of a stepper (copied). -ERANGE: not in order of time. */
int steps_append(struct steps *steps, int stepper, const struct step_run *runs, size_t count);

/* Send all that begins before `clock`, in order of clocks over all steppers. Gives the number of messages queued. */
int64_t steps_flush(struct steps *steps, uint64_t clock);

/* The stepper's clock is set anew: its next interval counts from `clock`. Nothing may be pending for it. */
int steps_reset_clock(struct steps *steps, int stepper, uint64_t clock);

/* The stepper's position (sum of steps) at a clock, from 30 s of history; -ERANGE when that is forgotten. */
int steps_position_at(const struct steps *steps, int stepper, uint64_t clock, int64_t *position);
#endif
