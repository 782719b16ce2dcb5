/* The triangle's average in closed form (see inner/advance.h).
 *
 *               /\            the triangle's second derivative is three impulses, so with F the second integral of f
 *             /    \          the average is
 *      ------+--+---+-----
 *           -h  0   h             (F(t + h) - 2 F(t) + F(t - h)) / h^2
 *
 * f is a quadratic in each phase, F one of the fourth degree: so is the average between borders. F is integrated from the
 * middle of the window outwards, of f less its value there: what is subtracted is then as small as the way in the window.
 */
#include "klipkit/motion/inner/advance.h"

#include <string.h>


enum { MIDDLE, AFTER, BEFORE, TAPS, DEGREE = 4 };

/* f in a phase, from a time on: mm, ticks. */
struct wanted {
    double f, speed, accel;
};

/* What is wanted of a phase at a time: y holds the advance's part, whose speed is that of the filament times advance. */
static struct wanted wanted_at(const struct phase *phase, double at, double frequency)
{
    double t = at - phase->time;
    double advance = (phase->velocity[1] + phase->accel[1] * t) * frequency;
    return (struct wanted){
        phase->position[0] + t * (phase->velocity[0] + 0.5 * phase->accel[0] * t) + advance,
        phase->velocity[0] + phase->accel[0] * t + phase->accel[1] * frequency,
        phase->accel[0],
    };
}

void advance_set_taps(struct blend *blend, double half)
{
    memset(blend->taps, 0, sizeof(blend->taps));
    blend->taps[AFTER].shift = -half;
    blend->taps[BEFORE].shift = half;
    blend->count = TAPS;
}

/* First and second integral at t after a point where they are `first` and `second`. */
static void integrate(const struct wanted *f, double t, double *first, double *second)
{
    *second += t * (*first + t * (f->f / 2 + t * (f->speed / 6 + t * f->accel / 24)));
    *first += t * (f->f + t * (f->speed / 2 + t * f->accel / 6));
}

/* The second integral around now + shift, as a polynomial added `weight` times; both integrals are 0 at now. */
static void add_tap(const struct blend *blend, int tap, double now, double frequency, double zero, double weight, double sum[])
{
    size_t phase = blend->taps[MIDDLE].phase, last = blend->taps[tap].phase;
    double at = now, end = now - blend->taps[tap].shift, first = 0, second = 0;
    for (;;) {
        const struct phase *here = &blend->phases[phase];
        double to = phase == last ? end : phase < last ? phase_end(here) : here->time + here->from;
        struct wanted f = wanted_at(here, at, frequency);
        f.f -= zero;
        integrate(&f, to - at, &first, &second);
        at = to;
        if (phase == last)
            break;
        phase = phase < last ? phase + 1 : phase - 1;
    }
    struct wanted f = wanted_at(&blend->phases[last], end, frequency);
    const double taylor[DEGREE + 1] = {second, first, (f.f - zero) / 2, f.speed / 6, f.accel / 24};
    for (int i = 0; i <= DEGREE; i++)
        sum[i] += weight * taylor[i];
}

void advance_curve(const struct blend *blend, double from, double to, double frequency, struct curve *curve)
{
    double half = blend->taps[BEFORE].shift, weight = 1 / (half * half);
    double zero = wanted_at(&blend->phases[blend->taps[MIDDLE].phase], from, frequency).f;
    *curve = (struct curve){.from = 0, .to = to - from, .polynomial = {zero}};
    add_tap(blend, MIDDLE, from, frequency, zero, -2 * weight, curve->polynomial);
    add_tap(blend, AFTER, from, frequency, zero, weight, curve->polynomial);
    add_tap(blend, BEFORE, from, frequency, zero, weight, curve->polynomial);
}
