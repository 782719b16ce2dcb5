/* The homing face of motion: a dripped move is stopped at a switch and thrown away, and not a step is lost by it. */
#include <math.h>
#include <stdint.h>

#include "klipkit/link/record.h"
#include "klipkit/mcu/steps.h"
#include "klipkit/motion/lookahead.h"
#include "klipkit/motion/stepper.h"
#include "klipkit/motion/trapq.h"
#include "klipkit/wire/session.h"
#include "tests/c/motion_check.h"

enum { HOMINGS = 10000, SLOTS = 64, SWITCH = 12345 };
static const double FREQUENCY = 16e6, STEP = 0.0125, DRIP = 0.075, ENDSTOP = -3.7; /* ticks/s, mm, s, mm */

struct rig {
    struct trapq *trapq;
    struct lookahead *lookahead;
    struct stepper *stepper;
    struct session *session;
    struct steps *steps;
    struct record record;
    struct chance chance;
    double time;    /* print time up to which steps were made */
};

static uint64_t clock_at(double time)
{
    return (uint64_t)llround(time * FREQUENCY);
}

static void generate(struct rig *rig, double until, double due)
{
    int failed;
    CHECK(steps_generate(rig->steps, until, due, &failed) == 0, "at %f", due);
    CHECK(steps_flush(rig->steps, clock_at(due)) >= 0, "at %f", due);
    CHECK(record_take(&rig->record, rig->session, due) == 0, "at %f", due);
}

static int64_t position_at(const struct rig *rig, uint64_t clock)
{
    int64_t position;
    CHECK(steps_position_at(rig->steps, 0, clock, &position) == 0, "no history");
    return position;
}

static double start_move(struct rig *rig, double end, double velocity)
{
    const double place[3] = {end, 0, 0};
    lookahead_set_start(rig->lookahead, rig->time + 0.1);
    CHECK(lookahead_append(rig->lookahead, place, velocity, 1000) >= 0, "to %f", end);
    CHECK(lookahead_flush(rig->lookahead) >= 0, "to %f", end);
    return lookahead_print_time(rig->lookahead);
}

/* The first clock at which the stepper has come down to the switch, between two clocks. */
static uint64_t trigger_clock(const struct rig *rig, uint64_t low, uint64_t high)
{
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (position_at(rig, middle) <= SWITCH)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Drips a move towards the switch; gives the clock of the trigger. */
static uint64_t approach(struct rig *rig)
{
    double begin = rig->time;
    start_move(rig, ENDSTOP - 400, chance_between(&rig->chance, 5, 80));
    while (position_at(rig, clock_at(rig->time)) > SWITCH) {
        rig->time += DRIP;
        generate(rig, rig->time + 0.01, rig->time);
    }
    return trigger_clock(rig, clock_at(begin), clock_at(rig->time));
}

/* All that was planned is thrown away; the trigger's place becomes the endstop's. */
static void stop(struct rig *rig, uint64_t trigger)
{
    const double place[3] = {ENDSTOP, 0, 0};
    int64_t halted = position_at(rig, trigger);
    CHECK(halted == SWITCH, "the switch is met at step %lld", (long long)halted);
    rig->time += 0.1;
    uint64_t clock = clock_at(rig->time);
    lookahead_discard(rig->lookahead, rig->time);
    stepper_discard(rig->stepper, clock);
    steps_discard(rig->steps, 0, halted);
    CHECK(trapq_set_position(rig->trapq, lookahead_print_time(rig->lookahead), place) == 0, "position");
    CHECK(lookahead_set_position(rig->lookahead, place) == 0, "moves wait");
    CHECK(stepper_set_position(rig->stepper, ENDSTOP, halted) == 0, "steps are left");
    stepper_set_last_clock(rig->stepper, clock);
    CHECK(steps_reset_clock(rig->steps, 0, clock) == 0, "runs are pending");
}

/* Moves away by a way of any length; the stepper is then at the nearest whole step. */
static void retract(struct rig *rig)
{
    double way = chance_between(&rig->chance, 0.1, 60), end = start_move(rig, ENDSTOP + way, 60);
    rig->time = end + 0.05;
    generate(rig, rig->time, rig->time);
    int64_t steps = stepper_position(rig->stepper) - SWITCH;
    CHECK(fabs((double)steps - way / STEP) <= 0.5 + 1e-6, "%f mm away are %lld steps", way, (long long)steps);
    CHECK(position_at(rig, clock_at(rig->time)) == stepper_position(rig->stepper), "the two positions differ");
    trapq_expire(rig->trapq, rig->time);
}

static void begin(struct rig *rig)
{
    static const struct steps_ids ids = {20, 21, 22};
    static const struct lookahead_limits limits = {300, 3000, 5, 0.5};
    *rig = (struct rig){.chance = {7}, .record.descriptor = -1};
    rig->trapq = trapq_new();
    rig->lookahead = lookahead_new(rig->trapq);
    rig->stepper = stepper_new(rig->trapq, "cartesian_x", STEP);
    rig->session = session_new();
    session_set_clock(rig->session, FREQUENCY, 0, 0);
    rig->steps = steps_new(rig->session, session_add_queue(rig->session), &ids, SLOTS, (uint64_t)(30 * FREQUENCY));
    CHECK(steps_add_stepper(rig->steps, 0, 0) == 0, "no memory");
    steps_set_motion(rig->steps, 0, rig->stepper);
    CHECK(lookahead_set_limits(rig->lookahead, &limits) == 0, "limits");
    CHECK(stepper_set_clock(rig->stepper, 0, 0, FREQUENCY) == 0, "clock");
    CHECK(stepper_set_position(rig->stepper, 0, SWITCH + 800) == 0, "position");
    steps_discard(rig->steps, 0, SWITCH + 800);
}

int main(void)
{
    struct rig rig;
    begin(&rig);
    for (int i = 0; i < HOMINGS; i++) {
        stop(&rig, approach(&rig));
        retract(&rig);
    }
    steps_free(rig.steps);
    session_free(rig.session);
    stepper_free(rig.stepper);
    lookahead_free(rig.lookahead);
    trapq_free(rig.trapq);
    return 0;
}
