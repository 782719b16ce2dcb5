/* Simulated stepper drivers of Trinamic: chips between a carriage's pins and its motor, with registers and a wire to the MCU.
 *
 *     step, dir, enable pins --> driver (MSCNT, motor current) --> carriage --> rail --> stall --> DIAG pins
 *     UART line or SPI bus <---> registers
 *
 * From the data sheets, whose sections are named in the C files. Numbered from 0, owned by the co-simulator; functions that add give a
 * number or a negative errno (-EINVAL: no such MCU, pin, carriage or driver; -ENOMEM), the others 0 or a negative errno.
 */
#ifndef KLIPKIT_SIM_DRIVERS_H
#define KLIPKIT_SIM_DRIVERS_H
#include <stdint.h>

struct cosim;

enum cosim_chip { COSIM_TMC2130, COSIM_TMC2208, COSIM_TMC2209, COSIM_TMC2240, COSIM_TMC2660, COSIM_TMC5160 };

/* A chip that moves a carriage, which has none yet, and counts in `microsteps` of a full step. It is powered, and as after a reset. */
int cosim_add_driver(struct cosim *cosim, int carriage, int chip, uint32_t microsteps);

/* The pin at whose `level` the power stage is on; without one it always is. */
int cosim_driver_enable(struct cosim *cosim, int driver, int mcu, uint32_t pin, int level);

/* Its UART: the line is read at `rx` and driven at `tx` by the MCU; the same pin for one wire. `address`: 0 .. 255. Several drivers may
 * hang on one line, by address or by pins that have to have a level for this driver to be connected (an analog multiplexer). */
int cosim_driver_uart(struct cosim *cosim, int driver, int mcu, uint32_t rx, uint32_t tx, uint32_t address);
enum { COSIM_SELECTS_MOST = 4 };
int cosim_driver_select(struct cosim *cosim, int driver, int mcu, uint32_t pin, int level);

/* Its SPI: chip select (active low) and bus, as the firmware numbers it; or pins in place of a bus. Drivers of the same chip select are
 * a chain, in the order in which they are given theirs: the first has the data from the MCU, the last gives the answer. */
int cosim_driver_spi(struct cosim *cosim, int driver, int mcu, uint32_t select, uint32_t bus);
int cosim_driver_spi_pins(struct cosim *cosim, int driver, int mcu, uint32_t select, uint32_t clock, uint32_t mosi, uint32_t miso);

/* An input pin on DIAG0 or DIAG1 (0, 1); chips with a single DIAG (or SG_TST) have 0. */
int cosim_driver_diag(struct cosim *cosim, int driver, int diag, int mcu, uint32_t pin);

/* What befalls it. Overheated and warm last while they are set; a short or an undervoltage stays until the driver is switched off and on
 * or its flag is cleared; a reset happens once; without power it neither moves nor answers. */
enum cosim_driver_fault {
    COSIM_DRIVER_WARM, COSIM_DRIVER_OVERHEATED, COSIM_DRIVER_SHORTED, COSIM_DRIVER_UNDERVOLTED, COSIM_DRIVER_RESET,
    COSIM_DRIVER_UNPOWERED
};
int cosim_fault_driver(struct cosim *cosim, int driver, int fault, int on);

/* The truth about a driver. */
struct cosim_driven {
    uint32_t mscnt;
    uint64_t datagrams;       /* that it understood */
    uint64_t misread;         /* that it did not: CRC, pauses, stop bits */
    uint64_t unmoved;         /* step pulses that its power stage did not carry out */
    uint64_t stalls;          /* times that it signalled one */
    uint64_t falls;           /* times that a rail's end made its motor lose a cycle: four full steps */
    int is_driving;           /* its power stage is on */
    int is_silent;            /* stealthChop */
};
int cosim_see_driver(const struct cosim *cosim, int driver, struct cosim_driven *out);

/* What a register holds, whether it can be read over the wire or not; < 0: no such driver or register. */
int64_t cosim_driver_register(const struct cosim *cosim, int driver, uint32_t address);
#endif
