/* The SPI bus as master: a byte takes eight clocks, then what came in can be read (ATmega2560 data sheet, 21). */
#include <simavr/sim_cycle_timers.h>

#include "chip.h"

enum { BUS = 0, DIVIDER_BITS = 3, DOUBLE_SPEED = 1 << 0, COLLISION = 1 << 6, FINISHED = 1 << 7 };

static uint64_t byte_cycles(const struct chip *chip)
{
    static const uint8_t DIVISORS[] = {4, 16, 64, 128}; /* of SPR1:0; SPI2X halves them */
    const uint8_t *data = chip->avr->data;
    const avr_spi_t *registers = chip->spi.registers;
    uint64_t cycles = 8u * DIVISORS[data[registers->r_spcr] & DIVIDER_BITS];
    return data[registers->r_spsr] & DOUBLE_SPEED ? cycles / 2 : cycles;
}

static avr_cycle_count_t exchanged(avr_t *avr, avr_cycle_count_t when, void *param)
{
    struct chip *chip = param;
    (void)when;
    chip->host->spi(chip->host->ctx, BUS, &chip->spi.shifted);
    chip->spi.busy = chip->spi.seen = false;
    avr->data[chip->spi.registers->r_spsr] |= FINISHED;
    chip_interrupt(chip);
    return 0;
}

/* An access to the data register after the status was read clears the flags. */
static void clear_flags(struct chip *chip)
{
    if (chip->spi.seen)
        chip->avr->data[chip->spi.registers->r_spsr] &= DOUBLE_SPEED;
    chip->spi.seen = false;
}

static void write_data(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    struct chip *chip = param;
    struct spi *spi = &chip->spi;
    (void)address;
    clear_flags(chip);
    if (!register_has(chip, spi->registers->spe) || !register_has(chip, spi->registers->mstr))
        return;
    if (spi->busy) {
        avr->data[spi->registers->r_spsr] |= COLLISION;
        return;
    }
    spi->shifted = value;
    spi->busy = true;
    avr_cycle_timer_register(avr, byte_cycles(chip), exchanged, chip);
}

static uint8_t read_data(avr_t *avr, avr_io_addr_t address, void *param)
{
    struct chip *chip = param;
    clear_flags(chip);
    if (!chip->spi.busy)
        avr->data[address] = chip->spi.shifted;
    return avr->data[address];
}

static uint8_t read_status(avr_t *avr, avr_io_addr_t address, void *param)
{
    struct chip *chip = param;
    chip->spi.seen = avr->data[address] & (FINISHED | COLLISION);
    return avr->data[address];
}

static void write_status(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    (void)param;
    avr->data[address] = (uint8_t)((avr->data[address] & ~DOUBLE_SPEED) | (value & DOUBLE_SPEED));
}

void spi_reset(struct chip *chip)
{
    chip->spi.busy = chip->spi.seen = false;
    if (chip->spi.registers)
        avr_cycle_timer_cancel(chip->avr, exchanged, chip);
}

void spi_attach(struct chip *chip, avr_spi_t *registers)
{
    chip->spi.registers = registers;
    interrupts_add(chip, &registers->spi, false);
    register_own(chip, registers->r_spdr, read_data, write_data, chip);
    register_own(chip, registers->r_spsr, read_status, write_status, chip);
    register_own(chip, registers->r_spcr, NULL, NULL, chip);
}
