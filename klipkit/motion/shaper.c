/* The impulses of each input shaper (see shaper.h), by name. */
#include "klipkit/motion/shaper.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

static const double PI = 3.14159265358979323846;

/* What is left of the vibration, the tolerance of the ei shapers. */
static const double TOLERANCE = 0.05;

/* A damped resonance: damping ratio, and sqrt(1 - ratio^2). */
struct damping {
    double ratio, root;
};

/* Fills in amplitudes, and times in damped periods. */
typedef void (*filling)(struct shaper *shaper, const struct damping *damping);

/* By what part a vibration dies down over so many periods. */
static double decay(const struct damping *damping, double periods)
{
    return exp(-2 * PI * periods * damping->ratio / damping->root);
}

static void add(struct shaper *shaper, double time, double amplitude)
{
    shaper->time[shaper->count] = time;
    shaper->amplitude[shaper->count++] = amplitude;
}

static void zv(struct shaper *shaper, const struct damping *damping)
{
    add(shaper, 0, 1);
    add(shaper, 0.5, decay(damping, 0.5));
}

static void zvd(struct shaper *shaper, const struct damping *damping)
{
    double k = decay(damping, 0.5);
    add(shaper, 0, 1);
    add(shaper, 0.5, 2 * k);
    add(shaper, 1, k * k);
}

static void mzv(struct shaper *shaper, const struct damping *damping)
{
    double k = decay(damping, 0.375), outer = 1 - sqrt(0.5);
    add(shaper, 0, outer);
    add(shaper, 0.375, (sqrt(2) - 1) * k);
    add(shaper, 0.75, outer * k * k);
}

static void ei(struct shaper *shaper, const struct damping *damping)
{
    double w = TOLERANCE, z = damping->ratio;
    double first = 0.24968 + 0.24961 * w + ((0.80008 + 1.23328 * w) + (0.49599 + 3.17316 * w) * z) * z;
    double last = 0.25149 + 0.21474 * w + ((-0.83249 + 1.41498 * w) + (0.85181 - 4.90094 * w) * z) * z;
    double inner = (4.26169 - 108.644 * w) * w + (1.75601 + 336.989 * w) * w * z;
    add(shaper, 0, first);
    add(shaper, 0.4999 + (0.46159 + 8.57843 * w) * w * z + inner * z * z, 1 - first - last);
    add(shaper, 1, last);
}

/* Polynomials in the damping ratio, lowest power first: time in undamped periods, amplitude. */
struct fitted_impulse {
    double time[4], amplitude[4];
};

static double polynomial(const double of[4], double z)
{
    return of[0] + z * (of[1] + z * (of[2] + z * of[3]));
}

static void add_fitted(struct shaper *shaper, const struct fitted_impulse *impulses, int count, const struct damping *damping)
{
    double z = damping->ratio;
    for (int i = 0; i < count; i++)
        add(shaper, polynomial(impulses[i].time, z) * damping->root, polynomial(impulses[i].amplitude, z));
}

static void two_humps(struct shaper *shaper, const struct damping *damping)
{
    static const struct fitted_impulse impulses[] = {
        {{0, 0, 0, 0}, {0.16054, 0.76699, 2.26560, -1.22750}},
        {{0.49890, 0.16270, -0.54262, 6.16180}, {0.33911, 0.45081, -2.58080, 1.73650}},
        {{0.99748, 0.18382, -1.58270, 8.17120}, {0.34089, -0.61533, -0.68765, 0.42261}},
        {{1.49920, -0.09297, -0.28338, 1.85710}, {0.15997, -0.60246, 1.00280, -0.93145}},
    };
    add_fitted(shaper, impulses, 4, damping);
}

static void three_humps(struct shaper *shaper, const struct damping *damping)
{
    static const struct fitted_impulse impulses[] = {
        {{0, 0, 0, 0}, {0.11275, 0.76632, 3.29160, -1.44380}},
        {{0.49974, 0.23834, 0.44559, 12.4720}, {0.23698, 0.61164, -2.57850, 4.85220}},
        {{0.99849, 0.29808, -2.36460, 23.3990}, {0.30008, -0.19062, -2.14560, 0.13744}},
        {{1.49870, 0.10306, -2.01390, 17.0320}, {0.23775, -0.73297, 0.46885, -2.08650}},
        {{1.99960, -0.28231, 0.61536, 5.40450}, {0.11244, -0.45439, 0.96382, -1.46000}},
    };
    add_fitted(shaper, impulses, 5, damping);
}

static const struct {
    const char *name;
    filling fill;
} LIST[] = {{"zv", zv}, {"mzv", mzv}, {"zvd", zvd}, {"ei", ei}, {"2hump_ei", two_humps}, {"3hump_ei", three_humps}};

const char *shaper_name(int number)
{
    int count = (int)(sizeof(LIST) / sizeof(LIST[0]));
    return number < 0 || number >= count ? NULL : LIST[number].name;
}

/* Amplitudes of sum 1, times in seconds around their weighed mean. */
static void settle(struct shaper *shaper, double period)
{
    double sum = 0, mean = 0;
    for (int i = 0; i < shaper->count; i++)
        sum += shaper->amplitude[i];
    for (int i = 0; i < shaper->count; i++) {
        shaper->amplitude[i] /= sum;
        shaper->time[i] *= period;
        mean += shaper->amplitude[i] * shaper->time[i];
    }
    for (int i = 0; i < shaper->count; i++)
        shaper->time[i] -= mean;
}

int shaper_set(struct shaper *shaper, const char *name, double frequency, double damping_ratio)
{
    int number = 0;
    while (shaper_name(number) && strcmp(shaper_name(number), name) != 0)
        number++;
    if (!shaper_name(number) || !isfinite(frequency) || frequency <= 0 || !(damping_ratio >= 0 && damping_ratio < 1))
        return -EINVAL;
    struct damping damping = {damping_ratio, sqrt(1 - damping_ratio * damping_ratio)};
    shaper->count = 0;
    LIST[number].fill(shaper, &damping);
    settle(shaper, 1 / (frequency * damping.root));
    return 0;
}
