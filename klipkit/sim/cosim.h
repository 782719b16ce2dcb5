/* The co-simulator: MCUs that run the real firmware and the wires to them, in virtual time; the models of the machine are in models.h.
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

/* An edge of a pin, or a new value of a hardware PWM output (level: the value). */
struct cosim_edge {
    uint64_t clock;   /* of its MCU, 64 bit, ticks since power-on or reset */
    uint32_t mcu, pin;
    int32_t level;
};

/* Faults of a wire, a share of frames' bytes each way; a fixed seed gives the same faults. */
struct cosim_faults {
    uint64_t seed;
    double corrupt, drop;  /* probability for each frame (each way) that one byte of it is changed, or lost */
    double delay;          /* s, the most by which a frame (each way) and those behind it come late; evenly drawn */
};

struct cosim *cosim_new(double start);
void cosim_free(struct cosim *cosim);

/* Power on an MCU now: `object` is the file of the firmware's shared object, of which a private copy is loaded. `offset` is its
 * clock in ticks at `start`; `drift` its real frequency over the nominal one, minus 1. Gives its number, or a negative errno
 * (-ELIBBAD: not such an object). `persona` and its text stay the caller's and must live as long as `cosim`. */
int cosim_add_mcu(struct cosim *cosim, const char *object, const struct sim_persona *persona, uint64_t offset, double drift);

/* The same with an emulated chip, which executes its ELF file: `emulator` is the file of the emulator's shared object
 * (sim/inner/emulator.h). It was switched on `offset` ticks before `start`, with nothing connected: these are executed here and now. Its
 * clock is what its firmware counts, and goes on by its instructions. -ENOEXEC: no such chip, or no such firmware. */
int cosim_add_chip(struct cosim *cosim, const char *emulator, const char *elf, const struct sim_persona *persona,
                   uint64_t offset, double drift);

/* Connect the host's session to an MCU by a wire on which a byte takes `byte_time` s (NULL: pull the plug); what was on the
 * wire is lost. The session stays the caller's; it must be unplugged before it is freed. `faults` NULL: none. */
int cosim_connect(struct cosim *cosim, int mcu, struct session *session, double byte_time, const struct cosim_faults *faults);

/* The same faults from now on, instead of those of before; nothing is lost by it. NULL: none. */
int cosim_damage(struct cosim *cosim, int mcu, const struct cosim_faults *faults);

/* Frames, both ways, that were damaged since power-on. */
struct cosim_damaged { uint64_t corrupted, dropped, delayed; };
int cosim_see_damage(const struct cosim *cosim, int mcu, struct cosim_damaged *out);

/* Connect bytes instead of a session: whoever calls cosim_put and cosim_take. cosim_run comes back with COSIM_MESSAGES when there
 * are bytes to take. Bytes are put at the speed of the wire, and those that nobody takes are dropped from 64 KB on. */
int cosim_connect_bytes(struct cosim *cosim, int mcu, double byte_time, const struct cosim_faults *faults);
int cosim_put(struct cosim *cosim, int mcu, const uint8_t *bytes, size_t count);
size_t cosim_put_room(const struct cosim *cosim, int mcu);    /* bytes that should be put at most: not more than 4 KB wait for the wire */
size_t cosim_take(struct cosim *cosim, int mcu, uint8_t *out, size_t room);

/* Whether the host's computer stands still: its sessions send nothing, and what comes waits. */
void cosim_stall(struct cosim *cosim, int stalled);

/* Reset an MCU from outside, as a button or the line of a serial port does: it boots anew 65 ms later, its clock from 0. 0 or a
 * negative errno, when it could not be loaded again. */
int cosim_reset(struct cosim *cosim, int mcu);

/* A digest of all bytes that the MCU took from its wire (`up` 0), or that came to the host (`up` 1), since power-on. */
uint64_t cosim_wire_digest(const struct cosim *cosim, int mcu, int up);

/* Run to `until` at most; comes back earlier when messages came into a session (told once: those that are left there do not stop
 * the next run) or an MCU was reset. With HUGE_VAL it runs until nothing is left to happen. Gives one of the above, or a
 * negative errno when an MCU could not be loaded again after its reset. A reset MCU boots anew 65 ms later, its clock from 0. */
int cosim_run(struct cosim *cosim, double until);

/* When the next thing happens, s; HUGE_VAL when nothing will. */
double cosim_next(const struct cosim *cosim);
double cosim_now(const struct cosim *cosim);

/* The image of a chip's flash, its size in `size`; valid until the next run. NULL for compiled firmware. */
const uint8_t *cosim_flash(const struct cosim *cosim, int mcu, size_t *size);

/* Bytes to an MCU that were lost because its firmware was too late for them. */
uint64_t cosim_overruns(const struct cosim *cosim, int mcu);

/* Resets of an MCU so far. */
uint64_t cosim_resets(const struct cosim *cosim, int mcu);

/* The MCU's 64-bit clock now, and back to time. */
uint64_t cosim_clock(const struct cosim *cosim, int mcu);

/* Note the edges and PWM values of a pin from now on, for cosim_edges to take: up to `room` of the oldest that were not taken yet. */
int cosim_watch(struct cosim *cosim, int mcu, uint32_t pin);
size_t cosim_edges(struct cosim *cosim, struct cosim_edge *out, size_t room);

/* Drive an input pin from outside; level -1 lets go of it. */
int cosim_drive(struct cosim *cosim, int mcu, uint32_t pin, int level);

/* What conversions of an analog input give from now on, 0 at first; no more than the chip's ADC_MAX. */
int cosim_set_analog(struct cosim *cosim, int mcu, uint32_t pin, uint32_t value);

/* The chips on the buses of an MCU, selected by its pins (spi) or their address (i2c): spi replaces the bytes sent by those
 * received, i2c gives a sim_i2c_status (firmware/ports/sim/abi.h). Without them spi reads zeros and i2c finds nobody. */
struct cosim_buses {
    void *owner;
    void (*spi)(void *owner, uint32_t bus, uint8_t *bytes, size_t count);
    int (*i2c)(void *owner, uint32_t bus, uint32_t address, const uint8_t *write, size_t write_count, uint8_t *read,
               size_t read_count);
};
int cosim_connect_buses(struct cosim *cosim, int mcu, const struct cosim_buses *buses);

/* The share of the time for which a pin is driven high: its level, or the value of its hardware PWM; < 0 while it is not driven. */
double cosim_pin_share(const struct cosim *cosim, int mcu, uint32_t pin);

/* The level of a pin as all see it, and what a conversion of it would give now; -EINVAL: no such pin. */
int cosim_pin_level(const struct cosim *cosim, int mcu, uint32_t pin);
int64_t cosim_analog(const struct cosim *cosim, int mcu, uint32_t pin);
#endif
