/* The segments of random curves, a delta's and an extruder's: each step is where the curve passes its level, and they are few. */
#include "klipkit/motion/inner/kinematics.h"
#include "tests/c/motion_check.h"

/* Ticks that a step's time may be off; and what rounding leaves of a position, steps. */
static const long double OFF_MOST = 0.02L, ROUNDING = 2e-9L;

enum { LOOKS = 400 };   /* steps of a segment that are looked at */

struct exact {
    long double p, v;
};

/* The curve in long double. */
static struct exact exact_at(const struct curve *curve, long double t)
{
    const double *c = curve->polynomial, *x = curve->x, *y = curve->y;
    struct exact at = {c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (long double)c[4]))),
                       c[1] + t * (2 * c[2] + t * (3 * c[3] + t * 4 * (long double)c[4]))};
    if (curve->arm2 > 0) {
        long double px = x[0] + t * (x[1] + 0.5L * x[2] * t), vx = x[1] + x[2] * t;
        long double py = y[0] + t * (y[1] + 0.5L * y[2] * t), vy = y[1] + y[2] * t;
        long double height = sqrtl(curve->arm2 - px * px - py * py);
        at.p += height;
        at.v -= (px * vx + py * vy) / height;
    }
    return at;
}

/* Every step (of many in one segment, some) against the curve; how far off the worst is, ticks. */
static long double check_steps(const struct segments *segments, const struct curve *curve, double time)
{
    long double worst = 0, last = -HUGE_VALL;
    int64_t position = 0;
    for (size_t i = segments->front; i < segments->end; i++) {
        const struct segment *segment = &segments->items[i];
        int64_t stride = segment->count / LOOKS + 1;
        for (int64_t step = 0; step < segment->count; step = step + stride < segment->count || step == segment->count - 1
                                                                  ? step + stride : segment->count - 1) {
            long double at = segment_time(segment, step), level = (long double)(position + segment->direction * step);
            struct exact exact = exact_at(curve, at - time);
            long double miss = fabsl(exact.p - level - 0.5L * segment->direction), v = exact.v * segment->direction;
            CHECK(at >= last, "step %ld of segment %zu is %Lg ticks before the one before it", (long)step, i, last - at);
            CHECK(miss <= OFF_MOST * fabsl(v) + ROUNDING, "step %ld of %ld, segment %zu: %Lg steps, %Lg ticks off", (long)step,
                  (long)segment->count, i, miss, miss / v);
            if (miss > ROUNDING)
                worst = fmaxl(worst, (miss - ROUNDING) / fabsl(v));
            last = at;
        }
        position += segment->direction * segment->count;
    }
    CHECK(fabsl(exact_at(curve, curve->to).p - (long double)position) <= 0.5L + 2e-7L, "the end is %Lg, the steps' %ld",
          exact_at(curve, curve->to).p, (long)position);
    CHECK(position == segments->position, "position");
    return worst;
}

static void clear(struct segments *segments)
{
    free(segments->items);
    *segments = (struct segments){.last = -HUGE_VAL, .flat = 0.03};
}

/* What stands in a phase of a delta's move that begins at `x`, `y`. */
struct draft {
    double seconds, speed, accel, angle, x, y, climb;
};

static void add_delta(const struct draft *draft, double frequency, int microsteps, struct segments *segments, struct curve *curve,
                      double *time)
{
    struct kinematics delta = kinematics_delta;
    delta.tower[0] = 151.3;
    delta.tower[1] = -87.4;
    delta.arm = 333;
    double per_tick = 1 / frequency, direction[3] = {cos(draft->angle), sin(draft->angle), draft->climb};
    struct phase phase = {.time = 1000.25, .from = 0, .to = draft->seconds * frequency, .position = {draft->x, draft->y, 20}};
    for (int axis = 0; axis < 3; axis++) {
        phase.velocity[axis] = direction[axis] * draft->speed * per_tick;
        phase.accel[axis] = direction[axis] * draft->accel * per_tick * per_tick;
    }
    struct step_scale scale = {delta.coordinate(&delta, phase.position), 5.0 * microsteps};
    int error = delta.append(&delta, &phase, &scale, segments);
    CHECK(error == 0, "error %d", error);
    double arm = delta.arm * scale.per_mm;
    *curve = (struct curve){.from = 0, .to = phase.to, .arm2 = arm * arm};
    for (int i = 0; i < 3; i++) {
        const double *of = i == 0 ? phase.position : i == 1 ? phase.velocity : phase.accel;
        double tower = i == 0 ? 1 : 0;
        curve->x[i] = (of[0] - tower * delta.tower[0]) * scale.per_mm;
        curve->y[i] = (of[1] - tower * delta.tower[1]) * scale.per_mm;
        curve->polynomial[i] = (of[2] - tower * scale.mm) * scale.per_mm * (i == 2 ? 0.5 : 1);
    }
    *time = phase.time;
}

static void check_deltas(int rounds)
{
    static const double CLOCKS[2] = {16e6, 520e6};
    struct chance chance = {7};
    long double worst = 0;
    for (int i = 0; i < rounds; i++) {
        double size = pow(10, chance_between(&chance, -3.3, 0));
        struct draft draft = {
            .seconds = size,
            .speed = chance_unit(&chance) < 0.2 ? 0 : pow(10, chance_between(&chance, 0, 2)) / fmax(1, size * 2),
            .angle = chance_between(&chance, 0, 6.2832),
            .x = chance_between(&chance, -60, 60),
            .y = chance_between(&chance, -60, 60),
            .climb = chance_unit(&chance) < 0.7 ? 0 : chance_between(&chance, -0.3, 0.3),
        };
        if (chance_unit(&chance) < 0.6)
            draft.accel = chance_between(&chance, -1, 1) * fmin(5000, 40 / (size * size));
        struct segments segments = {.last = -HUGE_VAL, .flat = 0.03};
        struct curve curve;
        double time;
        add_delta(&draft, CLOCKS[i % 2], i % 4 < 2 ? 16 : 256, &segments, &curve, &time);
        worst = fmaxl(worst, check_steps(&segments, &curve, time));
        clear(&segments);
    }
    printf("delta: at most %.4Lf ticks off\n", worst);
}

/* A polynomial as an extruder's stepper gives it. */
static void add_polynomial(const struct curve *curve, double time, struct segments *segments)
{
    struct curve_point ends[2];
    curve_at(curve, 0, &ends[0]);
    curve_at(curve, curve->to, &ends[1]);
    double third = curve_third(curve, 0, curve->to);
    struct stretch stretch = {time, curve->to, {ends[0].p, ends[1].p}, {ends[0].v, ends[1].v}, third};
    int error = segments_append_stretch(segments, &stretch);
    CHECK(error <= 0 || segments_append_curve(segments, time, curve, third, ends) == 0, "append");
    CHECK(error >= 0, "error %d", error);
}

static void check_polynomials(int rounds)
{
    struct chance chance = {11};
    long double worst = 0;
    for (int i = 0; i < rounds; i++) {
        double ticks = pow(10, chance_between(&chance, 3, 7)), way = pow(10, chance_between(&chance, -1, 3)), r = 1;
        struct curve curve = {.from = 0, .to = ticks};
        for (int k = 1; k < 5; k++) {
            r /= ticks;
            curve.polynomial[k] = chance_unit(&chance) < 0.2 ? 0 : r * way * chance_between(&chance, -1, 1);
        }
        struct segments segments = {.last = -HUGE_VAL, .flat = 0.03};
        add_polynomial(&curve, 77.5, &segments);
        worst = fmaxl(worst, check_steps(&segments, &curve, 77.5));
        clear(&segments);
    }
    printf("polynomials: at most %.4Lf ticks off\n", worst);
}

/* The work goes with the segments: a long line has few, short phases have one that is a quadratic. */
static void check_numbers(void)
{
    struct segments segments = {.last = -HUGE_VAL, .flat = 0.03};
    struct curve curve;
    double time;
    add_delta(&(struct draft){1, 100, 0, 0.7, -60, -20, 0}, 16e6, 16, &segments, &curve, &time);
    CHECK(segments.position != 0 && segments.end <= 8, "a line has %zu segments", segments.end);
    clear(&segments);
    add_delta(&(struct draft){0.03, 5, 3000, 0.7, -30, -20, 0}, 16e6, 16, &segments, &curve, &time);
    CHECK(segments.position != 0 && segments.end <= 4, "speeding up has %zu segments", segments.end);
    clear(&segments);
    add_delta(&(struct draft){0.0005, 60, 3000, 0.7, -30, -20, 0}, 16e6, 16, &segments, &curve, &time);
    CHECK(segments.end == 1 && !segments.items[0].is_bent, "a short phase has %zu segments", segments.end);
    clear(&segments);
    add_delta(&(struct draft){0.0001, 10, 0, 0.7, -30, -20, 0}, 16e6, 16, &segments, &curve, &time);
    CHECK(segments.end == 0 && segments.position == 0, "a tick of a move has a step");
    clear(&segments);
}

int main(int count, char **arguments)
{
    int rounds = count > 1 ? atoi(arguments[1]) : 4000;
    check_deltas(rounds);
    check_polynomials(rounds);
    check_numbers();
    printf("%s: ok\n", arguments[0]);
    return 0;
}
