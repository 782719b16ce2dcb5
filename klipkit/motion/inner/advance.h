/* Pressure advance: the filament's position plus advance times its speed, averaged under a triangle. */
#ifndef KLIPKIT_MOTION_INNER_ADVANCE_H
#define KLIPKIT_MOTION_INNER_ADVANCE_H
#include "klipkit/motion/inner/blend.h"
#include "klipkit/motion/inner/curve.h"

/* The three taps of a triangle of half width `half`, ticks. */
void advance_set_taps(struct blend *blend, double half);

/* A piece of blend_next under those taps, as a polynomial: mm, t = 0 at `from`. `frequency`: ticks a second. */
void advance_curve(const struct blend *blend, double from, double to, double frequency, struct curve *curve);
#endif
