/* Input shapers: a motion is replaced by a weighed sum of itself at several times, so that a resonance is not excited.
 *
 *      shaped(t) = sum of amplitude[i] x(t - time[i]),   the amplitudes' sum is 1, constant speed passes unchanged
 *
 * Sources: Singer and Seering, "Preshaping command inputs to reduce system vibration" (1990), for zv, zvd; Singhose et al. for
 * ei and the hump shapers; Klipper's Resonance_Compensation.md for mzv and for what the names mean.
 */
#ifndef KLIPKIT_MOTION_SHAPER_H
#define KLIPKIT_MOTION_SHAPER_H

/* count 0: none */
struct shaper {
    int count;
    double amplitude[5], time[5];   /* time: s, rising */
};

/* The names of the shapers: "zv" ...; NULL after the last. */
const char *shaper_name(int number);

/* A shaper for a resonance at `frequency`, Hz, with a damping ratio of 0 .. below 1. -EINVAL: a number that is not in its range,
 * or no such shaper. */
int shaper_set(struct shaper *shaper, const char *name, double frequency, double damping_ratio);
#endif
