/* The triangle's average in closed form (see inner/advance.h).
 *
 *               /\            the triangle's second derivative is three impulses, so with F the second integral of f
 *             /    \          the average is
 *      ------+--+---+-----
 *           -h  0   h             (F(t + h) - 2 F(t) + F(t - h)) / h^2
 *
 * f is a quadratic in each phase, F one of the fourth degree: so is the average between borders. F is integrated from the
 * middle of the window outwards, of f less its value there: what is subtracted is then as small as the way in the window.
 * From piece to piece the polynomial is carried on: only where a tap comes to a border does it change, by the jumps of f there.
 */
#include "klipkit/motion/inner/advance.h"

#include <string.h>

enum { MIDDLE, AFTER, BEFORE, TAPS, DEGREE = 4 };

/* f in a phase, from a time on: mm, s. */
struct wanted {
    double f, speed, accel;
};

/* What is wanted of a phase at a time: y is the filament times the advance, its velocity a length. */
static struct wanted wanted_at(const struct phase *phase, double at)
{
    double t = at - phase->time;
    double advance = phase->velocity[1] + phase->accel[1] * t;
    return (struct wanted){
        phase->position[0] + t * (phase->velocity[0] + 0.5 * phase->accel[0] * t) + advance,
        phase->velocity[0] + phase->accel[0] * t + phase->accel[1],
        phase->accel[0],
    };
}

void advance_set_taps(struct blend *blend, double half)
{
    memset(blend->taps, 0, sizeof(blend->taps));
    double weight = 1 / (half * half);
    blend->taps[MIDDLE].weight = -2 * weight;
    blend->taps[AFTER] = (struct tap){.shift = -half, .weight = weight};
    blend->taps[BEFORE] = (struct tap){.shift = half, .weight = weight};
    blend->count = TAPS;
    blend->axes = 0;
}

/* First and second integral at t after a point where they are `first` and `second`. */
static void integrate(const struct wanted *f, double t, double *first, double *second)
{
    *second += t * (*first + t * (f->f / 2 + t * (f->speed / 6 + t * f->accel / 24)));
    *first += t * (f->f + t * (f->speed / 2 + t * f->accel / 6));
}

/* The second integral around now + shift, as a polynomial; both integrals are 0 at now. */
static void add_tap(struct blend *blend, int tap, double now)
{
    size_t phase = blend->taps[MIDDLE].phase, last = blend->taps[tap].phase;
    double zero = blend->zero, weight = blend->taps[tap].weight;
    double at = now, end = now - blend->taps[tap].shift, first = 0, second = 0;
    for (;;) {
        const struct phase *here = &blend->phases[phase];
        double to = phase == last ? end : phase < last ? phase_end(here) : here->time + here->from;
        struct wanted f = wanted_at(here, at);
        f.f -= zero;
        integrate(&f, to - at, &first, &second);
        at = to;
        if (phase == last)
            break;
        phase = phase < last ? phase + 1 : phase - 1;
    }
    struct wanted f = wanted_at(&blend->phases[last], end);
    const double taylor[DEGREE + 1] = {second, first, (f.f - zero) / 2, f.speed / 6, f.accel / 24};
    for (int i = 0; i <= DEGREE; i++)
        blend->average[i] += weight * taylor[i];
}

static void sum_anew(struct blend *blend, double from)
{
    blend->zero = wanted_at(&blend->phases[blend->taps[MIDDLE].phase], from).f;
    memset(blend->average, 0, sizeof(blend->average));
    for (int tap = 0; tap < TAPS; tap++)
        add_tap(blend, tap, from);
    blend->known = BLEND_CARRIED;
    blend->age = 0;
}

/* Counts the polynomial's time from `t` on. */
static void shift(double c[DEGREE + 1], double t)
{
    for (int i = 0; i < DEGREE; i++)
        for (int j = DEGREE - 1; j >= i; j--)
            c[j] += t * c[j + 1];
}

/* From the piece before this one: F and its first derivative go on at a border, the others change by what f does there. */
static void carry_on(struct blend *blend, double from)
{
    double *average = blend->average, fourth = 0;
    shift(average, blend->sum.to);
    blend->age += blend->sum.to;
    for (int i = 0; i < blend->moves; i++) {
        const struct tap *tap = &blend->taps[blend->moved[i]];
        struct wanted left = wanted_at(&blend->phases[tap->left], from - tap->shift);
        struct wanted f = wanted_at(&blend->phases[tap->phase], from - tap->shift);
        average[2] += tap->weight * (f.f - left.f) / 2;
        average[3] += tap->weight * (f.speed - left.speed) / 6;
    }
    for (int i = 0; i < TAPS; i++)
        fourth += blend->taps[i].weight * blend->phases[blend->taps[i].phase].accel[0];
    average[4] = fourth / 24;
}

/* A border whose time is rounded by a little leaves a wrong speed, which counts for as long as the sum is carried on: for half the
 * window it is no more than what sum_anew makes of it. */
void advance_sum(struct blend *blend, double from, double to)
{
    double age = blend->age + blend->sum.to + (to - from);
    if (blend->known-- > 0 && age < blend->taps[BEFORE].shift)
        carry_on(blend, from);
    else
        sum_anew(blend, from);
    blend->sum.to = to - from;
}
