/* The inside of a co-simulator: what its MCUs, wires and carriages know of each other.
 *
 *     cosim.c     the calls of cosim.h, and the one loop that takes events off the queue
 *     mcu.c       what all MCUs have: clock, power-on, reset
 *     compiled.c  a kind of MCU: firmware compiled for this computer, in a context of its own, loaded anew at a reset
 *     surround.c  what that firmware calls: clock, timer, interrupts, pins, bytes
 *     emulated.c  a kind of MCU: a chip in an emulator that executes its ELF file
 *     pins.c      pins: levels, edges, who looks at them
 *     wire.c      the wire between a session and an MCU
 *     line.c      bytes under way in one direction, and the damage done to them
 *     models.c    the models of the machine: their lists
 *     carriage.c  what steps move: carriages
 *     rail.c      what carriages move: rails with their ends and switches
 *     record.c    where carriages were
 *     heat.c      bodies that heaters heat and fans cool, and the sensors in them
 *     fan.c       fans and their tachometers
 *     driver*.c   stepper drivers with registers: see driver.h
 *
 * One thing runs at a time, at the time `now`: the caller of cosim_run ("the host") or the firmware of one MCU. Compiled firmware
 * takes no time but by its reads of the clock, its polls and its sleep; each of these gives way to all that comes before its
 * end. So nothing runs ahead of anything else, and a pin that one MCU changes is seen by the others at once.
 *
 * An emulated chip executes instructions up to a horizon, in one go:
 *
 *     now            other chip        byte, timer, message, end of the run
 *      |-----------------R------------------E----------------------------> time
 *      |..........................|         horizon = min(E, R + lookahead)
 *                        |lookahead|
 *
 *   - never past E, the first event that is not a chip's: whatever comes to a chip comes by such an event, or from a chip.
 *   - past R, up to which another chip has come, by `lookahead` at most. A chip reaches the rest by its wire, where the last byte
 *     of a frame takes its time: lookahead is half of the shortest byte time of the wires. Where two chips are joined by a
 *     switch (the carriage of one, the pin of the other) it is 0: they take turns, an instruction at a time, which is exact and
 *     takes twenty times as long. Compiled firmware acts at its events, which are such as E.
 *   - what others can see of a chip (a pin that is watched or moves a carriage, a reset) ends its go, and is made to happen
 *     when all that comes before has happened; only then does the chip go on.
 *
 * The grain is the instruction: an event finds the chip at the end of the one under way, at most that many cycles late.
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
#include "klipkit/sim/inner/models.h"
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
    uint8_t modulated; /* its hardware PWM is in use */
    struct follower *followers; /* models that hang on it, not owned */
    uint32_t pwm;      /* value of its hardware PWM */
    uint32_t analog;   /* what a conversion gives, unless a model says it */
    struct analog *source;      /* that model, not owned */
};

struct wire {
    struct session *session;   /* the host's end, not owned; NULL while unplugged */
    struct line down, up;      /* to the MCU, to the host */
    struct event emit, arrive_down, arrive_up;
    int is_open;               /* bytes go in and out by cosim_put and cosim_take; then there is no session */
    uint8_t *taken;            /* bytes for cosim_take, owned */
    size_t taken_count, taken_room;
    size_t arrived;            /* bytes at the head of `down` that the MCU may take */
    uint64_t digest_down, digest_up; /* of all bytes that came to the MCU, to the host (FNV-1a) */
};

struct mcu;

/* A kind of MCU: what the co-simulator asks of one. Each gets its MCU; `open` and `reopen` give 0 or a negative errno. */
struct mcu_kind {
    int (*open)(struct mcu *mcu);            /* make ready to begin at `base` */
    int (*reopen)(struct mcu *mcu);          /* the same after a reset: `crashed` was set while it ran */
    int (*reset)(struct mcu *mcu);           /* it is reset from outside while it does not run; reopen follows. 0 or a negative errno */
    void (*close)(struct mcu *mcu);          /* give back all but the struct itself, whatever came of open */
    void (*bytes_came)(struct mcu *mcu);     /* wire.arrived bytes wait for sim_wire_take */
    const uint8_t *(*flash)(const struct mcu *mcu, size_t *size); /* the image of its flash; NULL: it has none */
    uint64_t (*overruns)(const struct mcu *mcu); /* bytes that came faster than it took them */
};

/* What all kinds have; the kind's own struct begins with it. */
struct mcu {
    const struct mcu_kind *kind;
    struct cosim *cosim;
    uint32_t number;
    const struct sim_persona *persona; /* not owned */
    const char *path;          /* of the firmware, owned */
    uint64_t rate, base, offset; /* clock = offset + ticks since `base` */
    struct event resume;       /* it is to go on */
    int running;               /* it executes something: not before its boot, nor when it has stopped for good */
    int crashed;               /* it was reset: to be made ready anew */
    uint64_t resets;
    struct wire wire;
    struct pin *pins;
    struct cosim_buses buses;
};

/* Firmware compiled for this computer. */
struct compiled {
    struct mcu mcu;
    void *object;              /* of dlopen; NULL while there is none */
    int file;                  /* memfd of the copy, open while loaded: its name must stay unique */
    const struct sim_firmware *firmware;
    struct sim_host host;
    struct context context;
    uint64_t read_time;        /* cost of a read of the clock, units */
    struct event timer, watchdog;
    uint64_t fed;              /* the main loop fed the watchdog last */
    int enabled, inside;       /* the firmware's flag; within an interrupt */
    int timer_due, waiting;
};

struct cosim {
    double start;              /* s */
    uint64_t now;              /* units since start */
    struct events events;
    struct context host;       /* of cosim_run's caller */
    struct compiled *next;     /* who goes on at once: an event was for it */
    int stalled;               /* the host's computer */
    int stopped, why;          /* cosim_run is to come back, and with what */
    struct event limit;
    uint64_t lookahead;        /* units; see above */
    struct mcu **mcus;
    size_t mcu_count;
    struct models models;
    struct record record;
    struct cosim_edge *edges;
    size_t edge_taken, edge_count, edge_room, edge_lost; /* edges[edge_taken .. edge_count] wait */
};

/* cosim.c */
double world_seconds(const struct cosim *cosim);              /* now, s */
void world_stop(struct cosim *cosim, int why);                /* let cosim_run come back */
void world_give_way(struct cosim *cosim, struct compiled *own); /* let events happen until `own` (NULL: the host) may go on */
_Noreturn void world_leave(struct cosim *cosim, struct compiled *own); /* back to the host for good: `own` is to be begun anew */
void world_find_lookahead(struct cosim *cosim);               /* anew, since wires or switches have changed */
struct mcu *world_mcu(const struct cosim *cosim, int number); /* NULL when there is none such */

/* mcu.c */
enum { MCU_EVENTS = 6 };                             /* of one MCU: resume, timer, watchdog, emit, arrive_down, arrive_up */
int sim_mcu_power_on(struct mcu *mcu);                        /* 0 or a negative errno */
void sim_mcu_crash(struct mcu *mcu);                          /* it was reset: its wire is cut, the run comes back */
int sim_mcu_restart(struct mcu *mcu);                         /* after that, when the run is over: 0 or a negative errno */
void sim_mcu_free(struct mcu *mcu);
uint64_t sim_mcu_clock(const struct mcu *mcu);

/* compiled.c, emulated.c: an MCU of that kind with nothing in it but its kind; NULL: no memory */
struct mcu *compiled_new(void);
struct mcu *emulated_new(const char *emulator);               /* `emulator`: file of its shared object */

int mcu_is_emulated(const struct mcu *mcu);

/* surround.c */
void surround_set_up(struct compiled *own);                   /* fills in its host and the timer */
void surround_crash(struct compiled *own);                    /* it was reset: sim_mcu_crash, and its own events */
void surround_interrupt(struct compiled *own);                /* something came: wake the MCU if it may take it */

/* pins.c */
int pins_new(struct mcu *mcu);
void pins_float(struct mcu *mcu);                             /* all are inputs, as after a reset */
void pins_set_up(struct mcu *mcu, uint32_t pin, int mode, int level);
void pins_write(struct mcu *mcu, uint32_t pin, int level);
int pins_read(const struct mcu *mcu, uint32_t pin);
int pins_set_up_analog(const struct mcu *mcu, uint32_t pin);  /* 0 or a negative errno */
uint32_t pins_read_analog(const struct mcu *mcu, uint32_t pin, uint64_t time); /* units */
int pins_set_up_pwm(struct mcu *mcu, uint32_t pin, uint32_t value); /* 0 or a negative errno */
void pins_write_pwm(struct mcu *mcu, uint32_t pin, uint32_t value);
struct mcu *pins_owner(const struct cosim *cosim, int mcu, uint32_t pin); /* the MCU of a number when it has this pin, else NULL */
double pins_share(const struct mcu *mcu, uint32_t pin);       /* the share of the time that it is driven high; < 0: it is not driven */

/* wire.c */
int sim_wire_connect(struct mcu *mcu, struct session *session, uint64_t byte_time, const struct cosim_faults *faults);
void sim_wire_set_up(struct mcu *mcu);
void sim_wire_free(struct wire *wire);
void sim_wire_damage(struct mcu *mcu, const struct cosim_faults *faults);
void sim_wire_pump(struct mcu *mcu);                          /* take what the session has to send */
int sim_wire_take(struct mcu *mcu, uint8_t *byte);            /* the MCU takes a byte that has arrived: 1, or 0 for none */
void sim_wire_lose(struct mcu *mcu);                          /* what has arrived is lost: the MCU is not up */
void sim_wire_cut(struct mcu *mcu);                           /* what is on its way to the host is lost too */
void sim_wire_send(struct mcu *mcu, const uint8_t *bytes, size_t count); /* whole frames, at the wire's speed */
void sim_wire_send_byte(struct mcu *mcu, uint64_t through, uint8_t byte); /* at the MCU's own: it has arrived at `through` */
size_t sim_wire_room(const struct mcu *mcu);
#endif
