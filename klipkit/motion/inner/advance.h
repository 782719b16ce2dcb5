/* Pressure advance: the filament's position plus advance times its speed, averaged under a triangle. */
#ifndef KLIPKIT_MOTION_INNER_ADVANCE_H
#define KLIPKIT_MOTION_INNER_ADVANCE_H
#include "klipkit/motion/inner/blend.h"

/* The three taps of a triangle of half width `half`, s. */
void advance_set_taps(struct blend *blend, double half);

/* The average over a piece of blend_next under those taps, in blend->average and blend->zero: mm, t = 0 at `from`. */
void advance_sum(struct blend *blend, double from, double to);
#endif
