/* The two-wire bus with the chip as master, and a memory of 256 bytes on it (ATmega2560 data sheet, 24; simavr 1.6 knows no
 * acknowledge after an address).
 *
 * The memory: the first byte written is the place, the others go there; reads go on from the place.
 */
#include <simavr/avr_twi.h>
#include <simavr/sim_cycle_timers.h>

#include "chip.h"

enum { FLAG = 0x80, ACKNOWLEDGE = 0x40, START = 0x20, STOP = 0x10, ENABLE = 0x04 };
enum {
    STARTED = 0x08,
    STARTED_AGAIN = 0x10,
    ADDRESSED_TO_WRITE = 0x18,
    WRITTEN = 0x28,
    ADDRESSED_TO_READ = 0x40,
    READ = 0x50,
    IDLE = 0xf8,
};
enum { NOT_ACKNOWLEDGED = 8, BITS = 9 };

static uint8_t *at(struct chip *chip, avr_io_addr_t address)
{
    return chip->avr->data + address;
}

static uint8_t end_of_write(struct chip *chip, uint8_t byte)
{
    struct twi *twi = &chip->twi;
    if (!twi->selected)
        return WRITTEN + NOT_ACKNOWLEDGED;
    if (twi->placed)
        twi->bytes[twi->place++] = byte;
    else
        twi->place = byte;
    twi->placed = true;
    return WRITTEN;
}

static uint8_t end_of_address(struct chip *chip, uint8_t byte)
{
    struct twi *twi = &chip->twi;
    twi->selected = twi->present && byte >> 1 == twi->address;
    twi->placed = false;
    return (uint8_t)((byte & 1 ? ADDRESSED_TO_READ : ADDRESSED_TO_WRITE) + (twi->selected ? 0 : NOT_ACKNOWLEDGED));
}

/* What the step under way comes to: the new state. */
static uint8_t end_of_step(struct chip *chip, uint8_t control)
{
    struct twi *twi = &chip->twi;
    uint8_t *data = at(chip, twi->registers->r_twdr);
    if (control & START)
        return twi->state == IDLE ? STARTED : STARTED_AGAIN;
    if (twi->state == STARTED || twi->state == STARTED_AGAIN)
        return end_of_address(chip, *data);
    if (twi->state == ADDRESSED_TO_READ || twi->state == READ) {
        *data = twi->bytes[twi->place++];
        return (uint8_t)(control & ACKNOWLEDGE ? READ : READ + NOT_ACKNOWLEDGED);
    }
    return end_of_write(chip, *data);
}

static avr_cycle_count_t step_ended(avr_t *avr, avr_cycle_count_t when, void *param)
{
    struct chip *chip = param;
    struct twi *twi = &chip->twi;
    (void)avr;
    if (twi->held)
        return when + 1000; /* look again */
    uint8_t *control = at(chip, twi->registers->r_twcr), *status = at(chip, twi->registers->r_twsr);
    twi->state = end_of_step(chip, *control);
    *status = (uint8_t)(twi->state | (*status & 3));
    *control |= FLAG;
    return 0;
}

static void become_idle(struct chip *chip)
{
    struct twi *twi = &chip->twi;
    uint8_t *status = at(chip, twi->registers->r_twsr);
    twi->state = IDLE;
    twi->selected = false;
    *status = (uint8_t)(IDLE | (*status & 3));
    avr_cycle_timer_cancel(chip->avr, step_ended, chip);
}

static void write_control(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    struct chip *chip = param;
    uint8_t flag = value & FLAG ? 0 : avr->data[address] & FLAG;
    avr->data[address] = (uint8_t)((value & ~(FLAG | STOP)) | flag); /* a stop is over at once */
    if (!(value & ENABLE) || value & STOP)
        become_idle(chip);
    else if (value & FLAG)
        avr_cycle_timer_register(avr, BITS * twi_bit_cycles(chip), step_ended, chip);
}

static void write_status(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    (void)param;
    avr->data[address] = (uint8_t)((avr->data[address] & 0xf8) | (value & 3));
}

uint32_t twi_bit_cycles(struct chip *chip)
{
    const avr_twi_t *registers = chip->twi.registers;
    return 16 + 2 * (uint32_t)*at(chip, registers->r_twbr) * (1u << 2 * (*at(chip, registers->r_twsr) & 3));
}

void twi_reset(struct chip *chip)
{
    if (chip->twi.registers)
        become_idle(chip);
}

void twi_attach(struct chip *chip, avr_twi_t *registers)
{
    chip->twi.registers = registers;
    register_own(chip, registers->r_twcr, NULL, write_control, chip);
    register_own(chip, registers->r_twsr, NULL, write_status, chip);
    twi_reset(chip);
}

void twi_add_memory(struct chip *chip, uint8_t address)
{
    chip->twi.present = true;
    chip->twi.address = address;
}
