/* The blend: a toolhead's phases become a weighed sum of themselves at several times, the taps of input shapers.
 *
 *      phases   |-----A-----|--B--|----C----|          between two borders, of any phase under any tap, the sum is a
 *      shifted     |-----A-----|--B--|----C----|       quadratic again: a new phase
 *               ^  ^        ^  ^  ^  ^      ^
 *
 * Times are s from the base of the path. All zero at first.
 */
#ifndef KLIPKIT_MOTION_INNER_BLEND_H
#define KLIPKIT_MOTION_INNER_BLEND_H
#include <stddef.h>

#include "klipkit/motion/inner/kinematics.h"

enum { BLEND_TAPS_MOST = 11 };  /* five of x, five of y, one of what is not shaped */

/* sum[axis] += weight * axis(t - shift) */
struct tap {
    double shift, weight;
    int axis;
    size_t phase, left;     /* the one that it stands in; that it stood in before it moved */
    double end;             /* when it leaves its phase, by the time of the sum */
};

struct blend {
    struct phase *phases;   /* without gaps: phases[front .. end) */
    size_t front, end, room;
    struct tap taps[BLEND_TAPS_MOST];
    int count;
    double now;             /* what is before was given */
    int next;               /* the tap that leaves its phase first */
    int moved[BLEND_TAPS_MOST], moves;  /* taps that moved at the beginning of the piece */
    int known;              /* pieces for which the sum may still be carried on; 0: it is made anew */
    int axis, axes;         /* the sum has axes axis .. axes - 1; axes 0: advance_sum */
    struct phase sum;       /* over the piece of blend_sum */
    int changing[3];        /* taps in phases whose speed changes, by axes of the sum */
    double zero, average[5];    /* over the piece of advance_sum: a polynomial, and what to add to it */
    double age;             /* s for which it has been carried on */
    double drift;           /* how wrong a speed of blend_sum may be by now */
};

/* Sums are carried on from piece to piece for so many of them, which leaves a rounding of some 1e-14 of what is summed. */
enum { BLEND_CARRIED = 32 };

static inline double phase_end(const struct phase *phase)
{
    return phase->time + phase->to;
}

/* Taps of an axis, when there are none but of the axes before it. */
void blend_add_taps(struct blend *blend, int axis, int count, const double *times, const double *weights);

/* Taps may be set while it is empty: nothing moves under any tap. */
static inline int blend_is_empty(const struct blend *blend)
{
    return blend->front == blend->end;
}

/* Take a phase in, with the rest since the one before it; -ENOMEM. */
int blend_push(struct blend *blend, const struct phase *phase);

/* It rests from the last phase until then; -ENOMEM. */
int blend_rest(struct blend *blend, double until);

/* The next piece, its taps standing in their phases at blend->now = piece->from; 0: what was pushed does not reach that far.
 * After it blend_sum or advance_sum must be called. */
int blend_next(struct blend *blend, double *from, double *to);

/* The sum over that piece, in blend->sum. */
void blend_sum(struct blend *blend, double from, double to);

void blend_clear(struct blend *blend);
void blend_rebase(struct blend *blend, double seconds);
#endif
