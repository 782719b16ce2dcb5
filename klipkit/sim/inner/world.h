/* The inside of a co-simulator: what its MCUs, wires and carriages know of each other.
 *
 *     cosim.c     the calls of cosim.h, and the one loop that takes events off the queue
 *     mcu.c       the private copy of a firmware object, its context, start and reset
 *     surround.c  what the firmware calls: clock, timer, interrupts, pins, bytes
 *     pins.c      pins: levels, edges, who looks at them
 *     wire.c      the wire between a session and an MCU
 *     line.c      bytes under way in one direction, and the damage done to them
 *     carriage.c  what steps move
 *
 * One thing runs at a time, at the time `now`: the caller of cosim_run ("the host") or the firmware of one MCU. Firmware takes
 * no time but by its reads of the clock, its polls and its sleep; each of these gives way to all that comes before its
 * end. So nothing runs ahead of anything else, and a pin that one MCU changes is seen by the others at once.
 */
#ifndef KLIPKIT_SIM_INNER_WORLD_H
#define KLIPKIT_SIM_INNER_WORLD_H
#include <stddef.h>
#include <stdint.h>

#include "firmware/ports/sim/abi.h"
#include "klipkit/sim/cosim.h"
#include "klipkit/sim/inner/context.h"
#include "klipkit/sim/inner/events.h"
#include "klipkit/sim/inner/line.h"
#include "klipkit/sim/inner/ticks.h"

struct session;

/* A read of the clock and a poll take this part of a second, rounded up to ticks: about what a read and the comparison that follows
 * cost on a microcontroller. */
enum { SIM_READS_A_SECOND = 8000000 };

struct pin {
    uint8_t mode;      /* sim_pin_mode */
    uint8_t latch;     /* level that the MCU writes */
    int8_t driven;     /* level from outside, -1 for none */
    uint8_t level;     /* as all see it */
    uint8_t watched;   /* its edges are noted */
    uint8_t moving;    /* a carriage hangs on it */
    uint32_t pwm;      /* value of its hardware PWM */
    uint32_t analog;   /* what a conversion gives */
};

struct wire {
    struct session *session;   /* the host's end, not owned; NULL while unplugged */
    struct line down, up;      /* to the MCU, to the host */
    struct event emit, arrive_down, arrive_up;
    size_t arrived;            /* bytes at the head of `down` that the MCU may take */
    uint64_t digest_down, digest_up; /* of all bytes that came to the MCU, to the host (FNV-1a) */
};

struct mcu {
    struct cosim *cosim;
    uint32_t number;
    /* the firmware */
    void *object;              /* of dlopen; NULL while there is none */
    int file;                  /* memfd of the copy, open while loaded: its name must stay unique */
    const struct sim_firmware *firmware;
    struct sim_host host;
    const struct sim_persona *persona; /* not owned */
    const char *path;          /* of the object, owned */
    struct context context;
    int crashed;               /* reset was asked for: to be loaded anew */
    /* its clock */
    uint64_t rate, base, offset; /* clock = offset + ticks since `base` */
    uint64_t read_time;        /* cost of a read of the clock, units */
    /* its interrupts */
    struct event timer, resume;
    int enabled, inside;       /* the firmware's flag; within an interrupt */
    int timer_due, waiting, running;
    uint64_t resets;
    struct wire wire;
    struct pin *pins;
    struct cosim_buses buses;
};

struct carriage {
    struct mcu *mcu;
    uint32_t step_pin, dir_pin;
    int step_inverted, dir_inverted, both_edges;
    int64_t position;
    uint64_t set_up, hold;         /* shortest times of the direction before and after a step, units */
    uint64_t stepped, turned;      /* when the last step and change of direction were, units */
    int has_stepped, has_turned;
    uint64_t violations;
};

/* A switch that a carriage works. */
struct contact {
    size_t carriage;
    int64_t trigger;
    int sign, mcu, level;
    uint32_t pin;
};

struct cosim {
    double start;              /* s */
    uint64_t now;              /* units since start */
    struct events events;
    struct context host;       /* of cosim_run's caller */
    struct mcu *next;          /* who goes on at once: an event was for it */
    int stopped, why;          /* cosim_run is to come back, and with what */
    struct event limit;
    struct mcu **mcus;
    size_t mcu_count;
    struct carriage *carriages;
    size_t carriage_count;
    struct contact *contacts;
    size_t contact_count;
    struct cosim_edge *edges;
    size_t edge_taken, edge_count, edge_room, edge_lost; /* edges[edge_taken .. edge_count] wait */
};

/* cosim.c */
double world_seconds(const struct cosim *cosim);              /* now, s */
void world_stop(struct cosim *cosim, int why);                /* let cosim_run come back */
void world_give_way(struct cosim *cosim, struct mcu *own);    /* let events happen until `own` (NULL: the host) may go on */
_Noreturn void world_leave(struct cosim *cosim, struct mcu *own); /* back to the host for good: `own` is to be begun anew */

/* mcu.c */
int sim_mcu_power_on(struct mcu *mcu, const char *object);   /* 0 or a negative errno */
int sim_mcu_restart(struct mcu *mcu);                         /* after a reset: 0 or a negative errno */
void sim_mcu_free(struct mcu *mcu);
uint64_t sim_mcu_clock(const struct mcu *mcu);

/* surround.c */
void surround_set_up(struct mcu *mcu);                        /* fills in mcu->host and the events */
void surround_interrupt(struct mcu *mcu);                     /* something came: wake the MCU if it may take it */

/* pins.c */
int pins_new(struct mcu *mcu);
void pins_float(struct mcu *mcu);                             /* all are inputs, as after a reset */
void pins_set_up(struct mcu *mcu, uint32_t pin, int mode, int level);
void pins_write(struct mcu *mcu, uint32_t pin, int level);
int pins_read(const struct mcu *mcu, uint32_t pin);
int pins_set_up_analog(const struct mcu *mcu, uint32_t pin);  /* 0 or a negative errno */
uint32_t pins_read_analog(const struct mcu *mcu, uint32_t pin);
int pins_set_up_pwm(struct mcu *mcu, uint32_t pin, uint32_t value); /* 0 or a negative errno */
void pins_write_pwm(struct mcu *mcu, uint32_t pin, uint32_t value);

/* wire.c */
int sim_wire_connect(struct mcu *mcu, struct session *session, uint64_t byte_time, const struct cosim_faults *faults);
void sim_wire_set_up(struct mcu *mcu);
void sim_wire_free(struct wire *wire);
void sim_wire_pump(struct mcu *mcu);                          /* take what the session has to send */
int sim_wire_take(struct mcu *mcu, uint8_t *byte);            /* the MCU takes a byte that has arrived: 1, or 0 for none */
void sim_wire_lose(struct mcu *mcu);                          /* what has arrived is lost: the MCU is not up */
void sim_wire_cut(struct mcu *mcu);                           /* what is on its way to the host is lost too */
void sim_wire_send(struct mcu *mcu, const uint8_t *bytes, size_t count);
size_t sim_wire_room(const struct mcu *mcu);

/* carriage.c */
void carriage_see(struct cosim *cosim, const struct mcu *mcu, uint32_t pin, int level);
#endif
