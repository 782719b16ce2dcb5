/* A simulated AVR: libsimavr's core and simple peripherals, with own models where simavr 1.6 is wrong.
 *
 *     core, flash, SPM, ports, 8-bit timers, ADC, watchdog    libsimavr
 *     interrupts          interrupts.c   priority by vector, one instruction after sei, cycles of the entry
 *     timer 1             timer.c        normal mode, TEMP byte, flags cleared by the bits written
 *     first UART          uart.c         exact baud, receive queue of two bytes and a shift register, overruns
 *     pins                pins.c         edges stamped with the cycle, inputs that win over the pull-up
 *
 * All times are CPU cycles since the start; a reset does not set them back.
 */
#ifndef KLIPKIT_SIM_AVR_CHIP_H
#define KLIPKIT_SIM_AVR_CHIP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <simavr/avr_timer.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>

enum { SOURCES_MOST = 16, CHANNELS_MOST = 4, PINS_MOST = 128, RESETS_MOST = 64 };

/* An interrupt of one of the own models: where its flag and its enable bit are. */
struct source {
    uint8_t vector;
    uint16_t flag_register, enable_register;
    uint8_t flag_mask, enable_mask;
    bool level; /* the flag stays when the interrupt is taken */
};

struct timer16 {
    uint16_t base, flags, enables;     /* addresses: of TCCRnA (the others follow it), TIFRn, TIMSKn */
    uint64_t origin;                   /* cycle at which the count was 0 */
    uint16_t stopped;                  /* the count while there is no clock */
    uint16_t divisor;                  /* cycles a count, 0 while stopped */
    uint8_t temp;
    uint8_t channels;                  /* compare channels; number `channels` is the overflow */
    uint8_t mask[CHANNELS_MOST];       /* flag of each channel */
    uint64_t next[CHANNELS_MOST];      /* cycle of its next match, 0 for none */
};

struct bytes {
    uint8_t *data;
    uint64_t *cycles; /* of each byte */
    size_t begin, end, room;
};

struct uart {
    avr_uart_t *registers;
    uint64_t wire_cycles, send_cycles; /* of a byte, as the host sends and as the chip does; 10 bits */
    struct bytes received, sent;       /* of the wire: to the chip, from the chip */
    bool receiving;
    uint64_t received_until;
    uint8_t queue[3];                  /* two bytes, and the one in the shift register */
    uint8_t queued;
    int held;                          /* byte that waits for the transmitter, -1 for none */
    uint64_t sending_until;
    uint64_t overruns;                 /* received bytes that were lost */
};

struct edge {
    uint64_t cycle;
    uint8_t pin;
    bool level;
};

struct watched {
    struct chip *chip;
    uint8_t pin;       /* port * 8 + bit */
    int level;
    uint64_t rising, falling;
};

struct chip {
    avr_t *avr;
    void (*library_run)(avr_t *avr);
    struct source sources[SOURCES_MOST];
    size_t source_count;
    uint8_t entry_cycles;
    struct timer16 timer;
    struct uart uart;
    struct watched watched[PINS_MOST];
    size_t watched_count;
    struct edge *edges;
    size_t edge_count, edge_room;
    bool keep_edges;
    uint8_t driven[16], driven_levels[16]; /* of each port: pins driven from outside */
    uint64_t resets[RESETS_MOST];
    size_t reset_count;
};

/* A chip with the firmware in its flash, about to start; NULL with a message on stderr when there is none such. */
struct chip *chip_new(const char *name, uint32_t frequency, const char *elf, uint32_t baud);

/* Run to `cycle`, or until a byte was sent when `until_byte`. Gives false when the CPU has stopped for good. */
bool chip_run(struct chip *chip, uint64_t cycle, bool until_byte);

/* The CPU has work to look at: end the burst of instructions that is being executed. */
void chip_interrupt(struct chip *chip);

void interrupts_add(struct chip *chip, const avr_int_vector_t *vector, bool level);
/* Take the interrupt that is due, if one is, after an instruction; `after_enable` when that was sei or the like. */
void interrupts_take(struct chip *chip, bool after_enable);

void timer_attach(struct chip *chip, avr_timer_t *registers);
void timer_reset(struct chip *chip);

void uart_attach(struct chip *chip, avr_uart_t *registers, uint32_t baud);
void uart_receive(struct chip *chip, const uint8_t *bytes, size_t count);
void uart_reset(struct chip *chip);

/* Pins are named "PA0". Give false when there is none such. */
bool pins_watch(struct chip *chip, const char *name);
bool pins_drive(struct chip *chip, const char *name, bool level);
void pins_name(uint8_t pin, char name[5]);

static inline void register_put(struct chip *chip, uint16_t address, uint8_t mask, bool set)
{
    uint8_t *data = chip->avr->data + address;
    *data = set ? *data | mask : (uint8_t)(*data & ~mask);
}

/* Have reads and writes of an address come to functions of our own. */
static inline void register_own(struct chip *chip, uint16_t address, avr_io_read_t read, avr_io_write_t write)
{
    int place = AVR_DATA_TO_IO(address);
    chip->avr->io[place].r.c = read;
    chip->avr->io[place].r.param = chip;
    chip->avr->io[place].w.c = write;
    chip->avr->io[place].w.param = chip;
}
#endif
