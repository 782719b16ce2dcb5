/* The blend: a toolhead's phases become a weighed sum of themselves at several times, the taps of input shapers.
 *
 *      phases   |-----A-----|--B--|----C----|          between two borders, of any phase under any tap, the sum is a
 *      shifted     |-----A-----|--B--|----C----|       quadratic again: a new phase
 *               ^  ^        ^  ^  ^  ^      ^
 *
 * Times are ticks from the base of the segments. All zero at first.
 */
#ifndef KLIPKIT_MOTION_INNER_BLEND_H
#define KLIPKIT_MOTION_INNER_BLEND_H
#include <stddef.h>

#include "klipkit/motion/inner/kinematics.h"

enum { BLEND_TAPS_MOST = 11 };  /* five of x, five of y, one of what is not shaped */

/* sum += weight[axis] * axis(t - shift) */
struct tap {
    double shift, weight[3];
    size_t phase;           /* the one that it stands in */
};

struct blend {
    struct phase *phases;   /* without gaps: phases[front .. end) */
    size_t front, end, room;
    struct tap taps[BLEND_TAPS_MOST];
    int count;
    double now;             /* what is before was given */
};

static inline double phase_end(const struct phase *phase)
{
    return phase->time + phase->to;
}

/* Taps may be set while it is empty: nothing moves under any tap. */
static inline int blend_is_empty(const struct blend *blend)
{
    return blend->front == blend->end;
}

/* Take a phase in, with the rest since the one before it; -ENOMEM. */
int blend_push(struct blend *blend, const struct phase *phase);

/* It rests from the last phase until then; -ENOMEM. */
int blend_rest(struct blend *blend, double until);

/* The next piece, its taps standing in their phases at blend->now = piece->from; 0: what was pushed does not reach that far. */
int blend_next(struct blend *blend, double *from, double *to);

/* The sum over a piece. */
void blend_sum(const struct blend *blend, double from, double to, struct phase *sum);

void blend_clear(struct blend *blend);
void blend_rebase(struct blend *blend, double ticks);
#endif
