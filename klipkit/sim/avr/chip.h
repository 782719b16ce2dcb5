/* A simulated AVR: libsimavr's core and simple peripherals, with own models where simavr 1.6 is wrong or knows too little.
 *
 *     core, flash, SPM, 8-bit timers, watchdog    libsimavr
 *     interrupts          interrupts.c   priority by vector, one instruction after sei, cycles of the entry
 *     timer 1             timer.c        normal mode, TEMP byte, flags cleared by the bits written
 *     first UART          uart.c         exact baud, receive queue of two bytes and a shift register, overruns
 *     ports               ports.c        levels asked of the surroundings, told to them at the cycle
 *     ADC                 adc.c          all 16 channels, single conversions
 *     SPI                 spi.c          master, the clock's dividers
 *     two-wire bus        twi.c          states of the data sheet, a memory chip
 *     PWM                 pwm.c          the values of outputs that timers drive, told when they change
 *
 * What surrounds a chip is a struct emulator_host (klipkit/sim/inner/emulator.h): the co-simulator, or the program klipkit-avr. A
 * chip has no globals. While it runs nothing is allocated.
 */
#ifndef KLIPKIT_SIM_AVR_CHIP_H
#define KLIPKIT_SIM_AVR_CHIP_H
#include <simavr/avr_adc.h>
#include <simavr/avr_ioport.h>
#include <simavr/avr_spi.h>
#include <simavr/avr_timer.h>
#include <simavr/avr_twi.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "klipkit/sim/inner/emulator.h"

enum { SOURCES_MOST = 16, CHANNELS_MOST = 4, PORTS_MOST = 12, OUTPUTS_MOST = 16, LOOKED_AT_MOST = 32, PIN_NONE = UINT16_MAX };

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

struct twi {
    avr_twi_t *registers; /* NULL when the chip has none */
    uint8_t state;        /* as in TWSR */
    bool present;         /* there is a memory, with this address */
    uint8_t address;
    bool selected, placed; /* the memory is spoken to; it was told the place */
    uint8_t place, bytes[256];
    bool held;            /* something holds the clock low */
};

struct uart {
    avr_uart_t *registers;
    uint64_t send_cycles;              /* of a byte as the chip sends it, 10 bits */
    uint8_t queue[3];                  /* two bytes, and the one in the shift register */
    uint8_t queued;
    int held;                          /* byte that waits for the transmitter, -1 for none */
    uint64_t sending_until;
    uint64_t overruns;                 /* received bytes that were lost */
};

struct port {
    struct chip *chip;
    uint16_t pins, directions, latches; /* addresses of PINx, DDRx, PORTx */
    uint16_t numbers[8];               /* of the pins in the persona, PIN_NONE for those that it has not */
};

struct adc {
    avr_adc_t *registers;
    bool warm;                         /* it has converted since it was enabled */
    uint8_t channel;                   /* of the conversion that runs */
    uint16_t pins[16];                 /* of each channel, PIN_NONE for none */
};

struct spi {
    avr_spi_t *registers;
    uint8_t shifted;                   /* what is in the shift register */
    bool busy, seen;                   /* SPSR was read while SPIF was set */
};

/* An output that a timer can drive. */
struct pwm {
    const avr_timer_t *timer;
    const avr_timer_comp_t *compare;
    uint16_t number;                   /* of its pin */
    uint32_t told;                     /* value that the surroundings know */
};

/* A register whose writes the library keeps, and we look at. */
struct looked_at {
    struct chip *chip;
    avr_io_write_t write;              /* the library's, NULL for a plain byte */
    void *param;
    uint16_t address;
};

struct chip {
    avr_t *avr;
    void (*library_run)(avr_t *avr);
    int (*library_watchdog)(struct avr_io_t *io, uint32_t ctl, void *param);
    const struct emulator_host *host;
    const struct sim_persona *persona;
    struct source sources[SOURCES_MOST];
    size_t source_count;
    uint8_t entry_cycles;
    bool enabling;                     /* the last instruction was sei or the like: no interrupt before the next one is done */
    bool stopping;                     /* run is to come back */
    struct timer16 timer;
    struct uart uart;
    struct port ports[PORTS_MOST];
    size_t port_count;
    struct adc adc;
    struct spi spi;
    struct twi twi;
    struct pwm outputs[OUTPUTS_MOST];
    size_t output_count;
    struct looked_at looked_at[LOOKED_AT_MOST];
    size_t looked_at_count;
};

/* A chip with the firmware in its flash, about to start; NULL with a message on stderr when there is none such. */
struct chip *chip_new(const struct emulator_host *host, const struct sim_persona *persona, const char *file);
void chip_free(struct chip *chip);

/* The reset pin goes low and high again, between runs. */
void chip_reset(struct chip *chip);

/* The flash of a chip from an ELF or Intel HEX file, and into one: see image.c. */
bool image_load(avr_t *avr, const char *name);
bool image_save(const avr_t *avr, const char *name);

/* Run to `cycle`, or until chip_stop. Gives false when the CPU has stopped for good. */
bool chip_run(struct chip *chip, uint64_t cycle);
void chip_stop(struct chip *chip);

/* The CPU has work to look at: end the burst of instructions that is being executed. */
void chip_interrupt(struct chip *chip);

/* Number of a pin of the persona by its port ('A'..'L') and bit, PIN_NONE when it has none such. */
uint16_t chip_pin(const struct chip *chip, char port, int bit);

void interrupts_add(struct chip *chip, const avr_int_vector_t *vector, bool level);
/* Take the interrupt that is due, if one is and may be, before an instruction. */
void interrupts_take(struct chip *chip);

void timer_attach(struct chip *chip, avr_timer_t *registers);
void timer_reset(struct chip *chip);

void uart_attach(struct chip *chip, avr_uart_t *registers);
void uart_receive(struct chip *chip, uint8_t byte); /* its stop bit has come */
void uart_reset(struct chip *chip);

void ports_attach(struct chip *chip, const avr_ioport_t *registers);

/* The timer's outputs, when all ports are attached. */
void pwm_attach(struct chip *chip, const avr_timer_t *timer);
void pwm_reset(struct chip *chip);

void adc_attach(struct chip *chip, avr_adc_t *registers);
void adc_reset(struct chip *chip);

void spi_attach(struct chip *chip, avr_spi_t *registers);
void spi_reset(struct chip *chip);

void twi_attach(struct chip *chip, avr_twi_t *registers);
void twi_reset(struct chip *chip);
uint32_t twi_bit_cycles(struct chip *chip);
/* Put a memory chip with this 7-bit address on the bus. */
void twi_add_memory(struct chip *chip, uint8_t address);

static inline void register_put(struct chip *chip, uint16_t address, uint8_t mask, bool set)
{
    uint8_t *data = chip->avr->data + address;
    *data = set ? *data | mask : (uint8_t)(*data & ~mask);
}

static inline bool register_has(const struct chip *chip, avr_regbit_t bit)
{
    return chip->avr->data[bit.reg] >> bit.bit & bit.mask;
}

/* Have reads and writes of an address come to functions of our own (NULL: a plain byte). */
static inline void register_own(struct chip *chip, uint16_t address, avr_io_read_t read, avr_io_write_t write, void *param)
{
    int place = AVR_DATA_TO_IO(address);
    chip->avr->io[place].r.c = read;
    chip->avr->io[place].r.param = param;
    chip->avr->io[place].w.c = write;
    chip->avr->io[place].w.param = param;
}
#endif
