/* The models of the machine from inside: what hangs on the pins of the MCUs.
 *
 *     pin --> follower (told of each change) --> carriage --> rail --> switch --> pin
 *                                            --> heat, fan
 *     pin <-- analog (asked at each conversion) <-- heat
 *
 * A model lives as long as the co-simulator. It takes no time of its own: it changes when what it follows changes, and is
 * computed when it is asked; only a fan that turns sets events.
 */
#ifndef KLIPKIT_SIM_INNER_MODELS_H
#define KLIPKIT_SIM_INNER_MODELS_H
#include <stddef.h>
#include <stdint.h>

#include "klipkit/sim/inner/events.h"
#include "klipkit/sim/models.h"

struct driver;
struct mcu;
struct pin;

/* Somebody who is told of each change of a pin's level, mode or PWM value. */
struct follower {
    void (*see)(struct follower *self, const struct pin *pin);
    struct follower *next;     /* on the same pin */
};

/* Somebody who says what a conversion of an analog input at `time` (units) gives, as a share of the whole range. */
struct analog {
    double (*share)(struct analog *self, uint64_t time);
};

/* Models of one kind, in the order in which they were made. */
struct list {
    void **items;
    size_t count;
};

struct models {
    struct list carriages, rails, contacts, heats, sensors, fans, drives, drivers, chains;
};

enum { CARRIAGE_RAILS = 4 };   /* rails that one carriage can move */

/* What one carriage does to a rail. */
struct part {
    struct rail *rail;
    double per_step;           /* mm */
};

/* What a motor can do, and what it does; the law is in motor.c. */
struct motor {
    uint32_t cycle;            /* steps; 0: it can do all */
    double speed, accel;       /* steps/s, steps/s^2 */
    int way;                   /* of the steps now: 1, -1; 0: none yet */
    uint32_t made;             /* steps of the cycle that it turns */
    uint64_t begun, last;      /* units: when that began, and the last step */
    int from_rest;             /* that cycle is the first */
    int64_t lag;               /* steps by which the rotor is behind the field: at a rail's end, half a cycle at most */
    double mean, time;         /* steps/s and s of the cycle before */
    uint64_t cycles;           /* lost */
    uint64_t falls;            /* cycles lost to an end */
};

struct carriage {
    struct follower step, dir; /* on its pins; `step` first */
    struct cosim *cosim;
    const struct pin *dir_pin;
    int step_level, dir_level; /* as last seen */
    int step_inverted, dir_inverted, both_edges;
    uint32_t mcu;              /* number of the one that moves it */
    int64_t position, commanded; /* steps: the body, and what the pulses say */
    uint64_t pulses, stalled;
    uint64_t set_up, hold;     /* shortest times of the direction before and after a step, units */
    uint64_t stepped, turned;  /* when the last step and change of direction were, units */
    int has_stepped, has_turned;
    uint64_t violations;
    struct motor motor;
    struct part parts[CARRIAGE_RAILS];
    size_t part_count;
    size_t recorded;           /* its place in the record, from 1; 0: none */
    struct driver *driver;     /* the chip that moves it by its own rules; NULL: each pulse is a step */
};

struct recorded {
    uint64_t time;             /* units */
    int32_t steps[COSIM_RECORD_MOST];
};

/* Where carriages were: points[taken .. count] wait. */
struct record {
    struct carriage *carriages[COSIM_RECORD_MOST];
    int64_t last[COSIM_RECORD_MOST], apart[COSIM_RECORD_MOST];
    size_t carriage_count;
    struct recorded *points;   /* owned */
    size_t taken, count, room, lost;
};

struct rail {
    double begin, position;    /* mm: when all carriages are at 0, and now */
    double low, high;          /* its ends, mm */
    struct { const struct carriage *carriage; double per_step; } by[CARRIAGE_RAILS];
    size_t by_count;
    struct contact *contacts;
};

/* A switch that a rail works. */
struct contact {
    struct cosim *cosim;
    const struct rail *rail;
    struct contact *next;      /* of the same rail */
    struct cosim_switch law;
    double at;                 /* where it closes the next time, mm */
    double off;                /* by which the last closing was beyond its trigger, mm */
    uint64_t draw;             /* of its noise */
    int worn;                  /* it has closed there already */
    uint64_t closings;
    int closed;                /* the switch itself, whatever its wire says */
};

/* The share of the time for which a pin drives something: a heater or a fan. */
struct drive {
    struct follower follower;  /* first */
    const struct mcu *mcu;
    uint32_t pin;
    int inverted;
    double share;              /* as of the last change */
    void (*changed)(struct drive *self); /* before `share` is set anew */
    void (*after)(struct drive *self);   /* after that; NULL: nobody */
    void *of;
};

/* A body with a heater; see heat.c for its law. */
struct heat {
    struct cosim *cosim;
    struct cosim_heat law;
    struct drive *heater, *fan; /* NULL: none */
    int stuck;                 /* of enum cosim_heater */
    uint64_t since;            /* units: the state is of then */
    double body, sensed;       /* degrees C */
    double heating;            /* s at full power so far */
};

struct fan {
    struct cosim *cosim;
    struct cosim_fan law;      /* pulses 0 while it has no tachometer */
    double pulses;             /* that it has */
    struct drive *drive;
    int blocked;
    uint64_t since;            /* units: speed and turns are of then */
    double speed, turns;
    struct event edge;         /* of the tachometer */
    uint64_t edges;            /* so far */
    int on;                    /* MCU and pin of the tachometer */
    uint32_t pin;
};

struct sensor {
    struct analog analog;      /* first */
    const struct heat *heat;
    double low, step;          /* degrees C of the first share, and from each to the next */
    double *shares;            /* owned */
    size_t count;
    double fixed;              /* share that it gives whatever it feels; < 0: none */
};

/* models.c */
void *models_add(struct list *list, size_t size);              /* a new one, all zeros; NULL: no memory */
void *models_at(const struct list *list, int number);          /* NULL when there is none such */
int models_last(const struct list *list);                      /* number of the one added last */
void models_free(struct models *models);
void models_follow(struct pin *pin, struct follower *follower); /* tell it of the pin's changes, after those who were told before */
struct drive *models_drive(struct cosim *cosim, int mcu, uint32_t pin, int inverted); /* NULL: no such pin, no memory */

/* carriage.c */
int carriage_move(struct carriage *carriage, int steps);       /* by +1 or -1; 0 when a rail's end is in the way */

/* record.c */
void record_moved(struct cosim *cosim, const struct carriage *carriage); /* that is recorded */

/* motor.c */
int motor_overdone(struct motor *motor, int steps, uint64_t now); /* a step (+1, -1) comes: whether a cycle was not turned */
int64_t motor_pull(struct motor *motor, int steps);              /* the field goes on: steps that it pulls the rotor by */

/* rail.c */
void rail_moved(struct rail *rail);                            /* a carriage of it has moved: its position and switches anew */
int rail_stops(const struct rail *rail, double by);            /* whether its end is in the way of moving by so many mm */

/* heat.c */
void heat_free(struct sensor *sensor);
#endif
