/* What the co-simulator and an emulator of microcontrollers call of each other: a chip that runs its own ELF file.
 *
 * An emulator is a shared object of its own, built when it is first asked for (sim/avr: libsimavr), so that the package does
 * not depend on its library. It exports one function, klipkit_sim_emulator(). Any number of chips may be made by it; they share
 * nothing. It reads no clock and no file but the firmware, and prints only why a chip cannot be made.
 *
 *     co-simulator                         emulator
 *        run(chip, cycle) ------------------> executes instructions
 *        <-------- pin(), sent(), ... -------- what the chip does, at the cycle at which it does it
 *        stop(chip), from within these ------> ends run() after the instruction
 *        receive(chip, byte), between runs --> the stop bit of a byte has come
 *
 * All times are cycles of the CPU, 64 bit, from power-on; a reset does not set them back. Pins are numbers of the
 * persona's pin list. Levels, voltages and bytes of buses are asked for when the chip looks: nothing has to be told beforehand.
 */
#ifndef KLIPKIT_SIM_INNER_EMULATOR_H
#define KLIPKIT_SIM_INNER_EMULATOR_H
#include <stddef.h>
#include <stdint.h>

#include "firmware/ports/sim/abi.h"

enum { EMULATOR_VERSION = 1 };

/* Given to the chip; each function gets `ctx` first. The cycle is emulator->cycle(chip) unless said otherwise. */
struct emulator_host {
    void *ctx;
    void (*pin)(void *ctx, uint32_t pin, int mode, int level);   /* a pin's sim_pin_mode or the level it would drive has changed */
    int (*pin_read)(void *ctx, uint32_t pin);
    uint32_t (*analog_read)(void *ctx, uint32_t pin);            /* 0..adc_max */
    void (*pwm)(void *ctx, uint32_t pin, uint32_t value);        /* hardware PWM of a pin: 0..pwm_max */
    void (*spi)(void *ctx, uint32_t bus, uint8_t *byte);         /* a byte went out; to be replaced by what came in */
    void (*sent)(void *ctx, uint64_t cycle, uint8_t byte);       /* a byte began its way to the host; it is through at `cycle` */
    void (*counting)(void *ctx, uint64_t cycle);                 /* the counter that is the firmware's clock was 0 at `cycle` */
    void (*reset)(void *ctx);                                    /* the chip was reset; all pins are inputs, which pin() does not tell */
};

/* Given by the emulator. */
struct emulator {
    uint32_t version;                                            /* EMULATOR_VERSION */
    /* A chip about to begin, with the file (ELF; what else, is the emulator's) in its flash; NULL when the chip is not known or the file not readable. Uses of
     * the persona: mcu, clock_frequency, adc_max and pins, which must live as long as the chip. */
    void *(*create)(const struct emulator_host *host, const struct sim_persona *persona, const char *file);
    void (*destroy)(void *chip);
    /* Execute instructions until the cycle is reached, passed by the last of them (and by the entry of an interrupt), or stop()
     * was called. 0 when the CPU executes nothing any more, for good. */
    int (*run)(void *chip, uint64_t cycle);
    void (*stop)(void *chip);
    uint64_t (*cycle)(const void *chip);
    void (*receive)(void *chip, uint8_t byte);
    const uint8_t *(*flash)(const void *chip, size_t *size);
    uint64_t (*overruns)(const void *chip);                      /* received bytes that the firmware was too late for */
};

const struct emulator *klipkit_sim_emulator(void);
#endif
