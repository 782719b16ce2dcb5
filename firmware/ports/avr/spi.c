/* The AVR's SPI bus, as master, polled: at its fastest a byte takes 16 cycles, less than an interrupt. */
#include "hal/spi.h"

#include "core/declare.h"
#include "hal/gpio.h"
#include "ports/avr/pins.h"

ENUMERATION("spi_bus", "spi", 0);
CONSTANT(BUS_PINS_spi, SPI_PINS);

enum { SLOWEST = 6 }; /* the clock is the CPU's / 2^(1 + n), n = 0 to this */

/* SPR1:0 of the divisors 4, 16, 64, 128; SPI2X halves them. */
static uint8_t rate_bits(uint8_t n)
{
    return n == SLOWEST ? 1 << SPR1 | 1 << SPR0 : (uint8_t)(n / 2);
}

struct spi_bus spi_setup(uint32_t bus, uint8_t mode, uint32_t rate)
{
    if (bus)
        shutdown("Invalid spi bus");
    uint8_t n = 0;
    for (uint32_t fastest = F_CPU / 2; n < SLOWEST && fastest > rate; fastest /= 2)
        n++;
    gpio_out_setup(SPI_SELECT, true); /* as an input it would end the master's role when it is low */
    gpio_out_setup(SPI_CLOCK, mode & 2);
    gpio_out_setup(SPI_OUT, false);
    gpio_in_setup(SPI_IN, 0);
    return (struct spi_bus){
        .control = (uint8_t)(1 << SPE | 1 << MSTR | (mode & 3) << CPHA | rate_bits(n)),
        .status = n % 2 == 0 && n != SLOWEST ? 1 << SPI2X : 0,
    };
}

void spi_prepare(struct spi_bus bus)
{
    SPCR = bus.control;
    SPSR = bus.status;
}

void spi_exchange(struct spi_bus bus, uint8_t *bytes, uint8_t count)
{
    (void)bus;
    while (count--) {
        SPDR = *bytes;
        while (!(SPSR & (1 << SPIF)))
            ;
        *bytes++ = SPDR;
    }
}
