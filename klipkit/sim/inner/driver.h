/* Stepper drivers from inside.
 *
 *     driver.c        steps, current, stalls and faults: what the chip does
 *     driver_map.c    its registers: tables of the chips, what a read gives and a write does
 *     driver_uart.c   bytes on its UART line
 *     driver_spi.c    bits on its SPI bus
 */
#ifndef KLIPKIT_SIM_INNER_DRIVER_H
#define KLIPKIT_SIM_INNER_DRIVER_H
#include <stddef.h>
#include <stdint.h>

#include "klipkit/sim/drivers.h"
#include "klipkit/sim/inner/events.h"
#include "klipkit/sim/inner/models.h"

enum { DRIVER_REGISTERS = 128, DRIVER_FINEST = 256 /* microsteps of a full step */, DRIVER_DIAGS = 2 };

struct driver;

/* How registers of a chip are laid out, and what it can do. */
struct driver_kind {
    uint8_t version, version_at;      /* and the register that has it, in its highest byte */
    double clock;                     /* Hz, its own */
    const uint32_t (*resets)[2];      /* address and value of the registers that are not 0 after a reset; ends with address 0xff */
    const uint8_t *readable;          /* addresses; ends with 0xff */
    uint8_t stealth_bit;              /* of GCONF */
    uint8_t stealth_when;             /* its value in stealthChop */
    uint8_t shaft_bit;                /* of GCONF; 0: none */
    uint8_t clears_by_reading;        /* GSTAT */
    uint8_t has_sg2, has_sg4;         /* stallGuard2 and 4 */
    uint8_t is_new_status;            /* DRV_STATUS is laid out as that of TMC5160, not TMC2209 */
    uint8_t is_short;                 /* datagrams of 20 bits: TMC2660 */
    uint8_t has_b_first;              /* MSCURACT: coil B in the lower half */
    uint8_t is_fragile;               /* shuts down on step, turn, step in stealthChop */
};

struct driver_pin {
    int is_there, mcu;
    uint32_t pin;
};

/* The UART of a driver. Times in units. */
struct driver_uart {
    struct follower line;             /* of the pin that the MCU sends on */
    struct driver *driver;
    struct mcu *mcu;
    uint32_t rx, tx, address;
    struct { const struct pin *pin; int level; } selects[COSIM_SELECTS_MOST];
    size_t select_count;
    struct event next;                /* the next sample, bit to send or end of patience */
    int state;                        /* driver_uart.c */
    int level;                        /* of the line as last seen */
    uint64_t began, bit;              /* of the byte under way, and how long a bit lasts */
    uint32_t edges, place, shift;
    uint8_t bytes[8];
    size_t count;
};

/* Drivers on one chip select. */
struct driver_chain {
    struct follower select, clock;
    struct cosim *cosim;
    struct mcu *mcu;
    const struct pin *select_pin, *mosi;
    uint32_t select_number, bus;
    struct driver_pin miso;           /* with pins in place of a bus */
    int is_selected, clock_level;
    struct driver **drivers;          /* owned: the array */
    size_t count;
};

struct driver {
    struct cosim *cosim;
    const struct driver_kind *kind;
    struct carriage *carriage;
    uint32_t registers[DRIVER_REGISTERS];
    uint32_t unit;                    /* 1/256 full steps that are a step of the carriage */
    int64_t rest;                     /* of them, not a whole step yet */
    uint32_t mscnt;
    const struct pin *enable;         /* NULL: always on */
    int enable_level;
    struct follower enabled;
    int is_unpowered, is_warm, is_overheated, is_shorted, is_undervolted;
    uint32_t gstat, ifcnt;
    uint64_t stepped, interval;       /* when the last step was, and how long after the one before it; units */
    int has_stepped, direction;       /* +1, -1; 0: none yet */
    uint32_t travel, blocked;         /* 1/256 full steps since the last full step, and those that an end was in the way of */
    uint32_t load;                    /* SG_RESULT, 0: stalled, before what the sensitivity does to it */
    int is_signalling;                /* a stall */
    struct event rests;               /* it stands still */
    struct driver_pin diags[DRIVER_DIAGS];
    struct driver_uart uart;
    struct driver_chain *chain;       /* NULL: none */
    uint64_t sent, received;          /* 40 or 20 bits of its SPI shift register: as loaded, and as it is now */
    uint32_t asked;                   /* the register that the next datagram answers */
    uint64_t datagrams, misread, unmoved, stalls;
};

/* driver.c */
void driver_step(struct driver *driver, int level); /* an edge of the step pin */
int driver_is_driving(const struct driver *driver);
int driver_is_silent(const struct driver *driver);
uint32_t driver_tstep(const struct driver *driver);
uint32_t driver_stall_value(const struct driver *driver);
void driver_changed(struct driver *driver);         /* registers or faults did: DIAG anew */
struct driver *driver_at(const struct cosim *cosim, int driver);

/* driver_map.c */
const struct driver_kind *driver_kind_of(int chip); /* NULL: no such chip */
void driver_reset(struct driver *driver);
uint32_t driver_read(struct driver *driver, uint32_t address);
void driver_write(struct driver *driver, uint32_t address, uint32_t value);
uint32_t driver_answer(struct driver *driver);      /* of TMC2660, 20 bits */
uint32_t driver_bits(const struct driver *driver, uint32_t address, uint32_t shift, uint32_t count);
uint32_t driver_status_byte(const struct driver *driver); /* of SPI */
uint32_t driver_width(const struct driver *driver); /* 1/256 full steps of a step */
int driver_takes_both_edges(const struct driver *driver);
uint32_t driver_off_time(const struct driver *driver); /* TOFF; 0: the power stage is off */

/* driver_uart.c */
void driver_uart_power(struct driver *driver);      /* it came or went */

/* driver_spi.c */
void driver_spi_free(struct driver_chain *chain);
#endif
