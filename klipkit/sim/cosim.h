/* The co-simulator: MCUs that run the real firmware, the wires to them, and the models of the machine, in virtual time.
 *
 * One event queue in C holds MCU timers, bytes on the wires (both ways, at the wire's speed) and the models; all of it is
 * one thread. Time is in seconds from `start`, and moves only in cosim_run. Same calls, same seed: same events.
 */
#ifndef KLIPKIT_SIM_COSIM_H
#define KLIPKIT_SIM_COSIM_H
#include <stddef.h>
#include <stdint.h>

struct session;
struct sim_persona;
struct cosim;

enum { COSIM_TIME, COSIM_MESSAGES, COSIM_RESET }; /* why cosim_run came back: the time is up, messages wait, an MCU was reset */

/* An edge of an output pin. */
struct cosim_edge {
    uint64_t clock;   /* of its MCU, 64 bit, ticks since power-on */
    uint32_t mcu, pin;
    int32_t level;
};

/* Faults of a wire, a share of frames' bytes each way; a fixed seed gives the same faults. */
struct cosim_faults {
    uint64_t seed;
    double corrupt, drop;  /* probability for each frame (each way) that one byte of it is changed, or lost */
};

struct cosim *cosim_new(double start);
void cosim_free(struct cosim *cosim);

/* Power on an MCU: `object` is the file of the firmware's shared object, of which a private copy is loaded. `offset` is its
 * clock in ticks at `start`; `drift` its real frequency over the nominal one, minus 1. Gives its number, or a negative errno. */
int cosim_add_mcu(struct cosim *cosim, const char *object, const struct sim_persona *persona, uint64_t offset, double drift);

/* Connect the host's session to an MCU by a wire on which a byte takes `byte_time` s. */
int cosim_connect(struct cosim *cosim, int mcu, struct session *session, double byte_time, const struct cosim_faults *faults);

/* Run to `until` at most; comes back earlier when messages wait in a session or an MCU was reset. */
int cosim_run(struct cosim *cosim, double until);
double cosim_now(const struct cosim *cosim);

/* The MCU's 64-bit clock now, and back to time. */
uint64_t cosim_clock(const struct cosim *cosim, int mcu);

/* Note the edges of a pin from now on (at most `room` kept for cosim_edges to take). */
int cosim_watch(struct cosim *cosim, int mcu, uint32_t pin);
size_t cosim_edges(struct cosim *cosim, struct cosim_edge *out, size_t room);

/* Drive an input pin from outside. */
int cosim_drive(struct cosim *cosim, int mcu, uint32_t pin, int level);

/* A carriage moved by a step and a direction pin (with the levels' meaning); gives its number. */
int cosim_add_carriage(struct cosim *cosim, int mcu, uint32_t step_pin, int step_inverted, int both_edges,
                       uint32_t dir_pin, int dir_inverted);

/* Steps that the carriage has made since it was added: the truth, whatever the host thinks. */
int64_t cosim_carriage_position(const struct cosim *cosim, int carriage);
#endif
