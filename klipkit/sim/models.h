/* The models of the simulated machine: carriages, rails and their switches, heated bodies, fans.
 *
 *     step, dir pins --> carriage (steps) --> rail (mm, with its ends) --> switch --> input pin of any MCU
 *     heater, fan pins --> heat (degrees C) --> sensor --> analog input
 *
 * All are of a co-simulator, numbered by kind from 0, and live as long as it. Functions that add give a number or a negative
 * errno (-EINVAL: no such MCU, pin or model; -ENOMEM), the others 0 or a negative errno. What the host cannot see is counted.
 */
#ifndef KLIPKIT_SIM_MODELS_H
#define KLIPKIT_SIM_MODELS_H
#include <stddef.h>
#include <stdint.h>

struct cosim;

/* --- carriages --- */

/* A carriage moved by a step and a direction pin (with the levels' meaning: +1 is the direction pin's level 1 when it is not
 * inverted). */
int cosim_add_carriage(struct cosim *cosim, int mcu, uint32_t step_pin, int step_inverted, int both_edges,
                       uint32_t dir_pin, int dir_inverted);

/* The truth about a carriage. */
struct cosim_carriage {
    int64_t position;     /* steps that its body has made since it was added, whatever the host thinks */
    int64_t commanded;    /* steps that the pulses would have made */
    uint64_t pulses;      /* step pulses, either way */
    uint64_t stalled;     /* steps that came while a rail's end was in their way */
    uint64_t violations;  /* times that a direction was not set up long enough before a step or not held long enough after one */
    uint64_t cycles;      /* electrical cycles that its motor has lost, either way: cosim_carriage_limit */
};
int cosim_see_carriage(const struct cosim *cosim, int carriage, struct cosim_carriage *out);
int64_t cosim_carriage_position(const struct cosim *cosim, int carriage);

/* The two times of a direction, s (20 ns each until set: TMC2209 data sheet). */
int cosim_carriage_timing(struct cosim *cosim, int carriage, double set_up, double hold);

/* What its motor can do, from now on: an electrical cycle (`cycle` steps) that it is to turn faster than `speed`, steps/s, or with
 * more than `accel`, steps/s^2, it does not turn: it falls out of step, and the body stays behind by that cycle. See motor.c. */
int cosim_carriage_limit(struct cosim *cosim, int carriage, uint32_t cycle, double speed, double accel);

/* Move the body by so many steps without a pulse: what a lost step, a belt that jumps or a hand does. */
int cosim_slip(struct cosim *cosim, int carriage, int64_t steps);

/* A record of where carriages are, from now on: a point now, and whenever one of them has moved `apart` steps since the last
 * point. One record, of eight carriages at most. cosim_recorded takes the oldest points that were not taken yet. */
enum { COSIM_RECORD_MOST = 8 };
struct cosim_point {
    double time;       /* s */
    int32_t steps[8];  /* of each carriage, in the order given; 0 for those that there are not */
};
int cosim_record(struct cosim *cosim, const int *carriages, const uint32_t *apart, size_t count);
size_t cosim_recorded(struct cosim *cosim, struct cosim_point *out, size_t room);

/* --- rails --- */

/* A rail whose body stands at `begin` mm when it is added, between its mechanical ends `low` and `high`. A motor that would take
 * it beyond an end stalls: its carriage does not make that step. */
int cosim_add_rail(struct cosim *cosim, double begin, double low, double high);

/* The carriage moves the rail by `per_step` mm a step, together with what else moves it (CoreXY); the rail stays where it is. Four
 * carriages at most move a rail, and a carriage four rails. */
int cosim_rail_by(struct cosim *cosim, int rail, int carriage, double per_step);

/* Where the body is, mm. */
double cosim_rail_position(const struct cosim *cosim, int rail);

enum cosim_stuck { COSIM_WORKS, COSIM_STUCK_OPEN, COSIM_STUCK_CLOSED };

/* A switch that a rail works: closed from `trigger` on, on the side of `sign` (+1: at or above, -1: at or below); it opens again
 * `hysteresis` mm before that. Each closing is up to `noise` mm off, by `seed`: evenly spread, or with a `deviation` above 0 by a
 * normal law that is cut there. The input pin has `level` while it is closed, else the other. */
struct cosim_switch {
    double trigger, hysteresis, noise, deviation;  /* mm */
    uint64_t seed;
    int32_t sign, mcu, level, stuck;    /* stuck: enum cosim_stuck, whatever the rail does */
    uint32_t pin;
};
int cosim_add_contact(struct cosim *cosim, int rail, const struct cosim_switch *law);
int cosim_stick_contact(struct cosim *cosim, int contact, int stuck);

/* From its next opening on it is so noisy: see struct cosim_switch. */
int cosim_noise_contact(struct cosim *cosim, int contact, double noise, double deviation);

/* How often the switch closed, whether anybody saw it or not; and how far beyond its trigger it did the last time, mm. */
uint64_t cosim_contact_closings(const struct cosim *cosim, int contact);
double cosim_contact_off(const struct cosim *cosim, int contact);

/* --- heat --- */

/* A body that a heater heats, with a sensor that follows it; the law is in heat.c. It begins at ambient temperature. */
struct cosim_heat {
    double ambient;    /* degrees C */
    double power;      /* K/s at full power, without loss */
    double loss;       /* 1/s: the rate at which the rest over ambient goes, without a fan */
    double cooling;    /* 1/s, added by the fan at its full speed */
    double lag;        /* s: the sensor's time constant */
};
enum cosim_heater { COSIM_HEATER_WORKS, COSIM_HEATER_ON, COSIM_HEATER_OFF }; /* stuck on, broken */

int cosim_add_heat(struct cosim *cosim, const struct cosim_heat *law);

/* The pin that heats, and the pin of the fan that cools: by its level, or the value of its hardware PWM; off while it floats. */
int cosim_heat_by(struct cosim *cosim, int heat, int mcu, uint32_t pin, int inverted);
int cosim_cool_by(struct cosim *cosim, int heat, int mcu, uint32_t pin, int inverted);
int cosim_stick_heater(struct cosim *cosim, int heat, int stuck);

/* Change the law from now on; the temperatures stay. */
int cosim_change_heat(struct cosim *cosim, int heat, const struct cosim_heat *law);

/* Now: of the body, of the sensor, and for how long the heater has had full power, s. */
struct cosim_heated { double body, sensed, heating; };
int cosim_see_heat(const struct cosim *cosim, int heat, struct cosim_heated *out);

/* A sensor in the body on an analog input: of the whole range of the converter it gives shares[i] at `low` + i * `step` degrees C,
 * between them along a line. The shares are copied. */
int cosim_add_sensor(struct cosim *cosim, int heat, int mcu, uint32_t pin, double low, double step, const double *shares,
                     size_t count);

/* The input gives this share from now on, whatever the sensor feels (1: open, 0: shorted); < 0: what it feels. */
int cosim_fix_sensor(struct cosim *cosim, int sensor, double share);

/* --- fans --- */

/* A fan that a pin drives, by its level or the value of its hardware PWM; the law is in fan.c. It begins at rest. */
struct cosim_fan {
    double full;       /* turns a second at full power */
    double inertia;    /* s: its time constant */
    double pulses;     /* of its tachometer, a turn */
};
int cosim_add_fan(struct cosim *cosim, const struct cosim_fan *law, int mcu, uint32_t pin, int inverted);

/* The input pin that its tachometer pulls low for half of each pulse. */
int cosim_fan_tachometer(struct cosim *cosim, int fan, int mcu, uint32_t pin);

/* Something is in its way, or no longer: it comes to rest as if it were off. */
int cosim_block_fan(struct cosim *cosim, int fan, int blocked);

/* Now: turns a second, and turns so far. */
struct cosim_turning { double speed, turns; };
int cosim_see_fan(const struct cosim *cosim, int fan, struct cosim_turning *out);
#endif
