/* The ports: PINx, DDRx and PORTx of each (ATmega2560 data sheet, 13.2). */
#include "chip.h"

enum { SBI_MASK = 0xff00, SBI = 0x9a00 };

static void tell(const struct port *port, uint8_t changed)
{
    const uint8_t *data = port->chip->avr->data;
    const struct emulator_host *host = port->chip->host;
    for (int bit = 0; changed; bit++, changed >>= 1) {
        if (!(changed & 1) || port->numbers[bit] == PIN_NONE)
            continue;
        int latch = data[port->latches] >> bit & 1;
        int input = latch ? SIM_PIN_PULL_UP : SIM_PIN_INPUT;
        host->pin(host->ctx, port->numbers[bit], data[port->directions] >> bit & 1 ? SIM_PIN_OUTPUT : input, latch);
    }
}

static void write_register(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    uint8_t changed = avr->data[address] ^ value;
    avr->data[address] = value;
    tell(param, changed);
}

/* A 1 toggles the latch; sbi writes its one bit only, where the library hands over the whole register. */
static void write_pins(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    const struct port *port = param;
    uint16_t instruction = (uint16_t)(avr->flash[avr->pc] | avr->flash[avr->pc + 1] << 8);
    (void)address;
    if ((instruction & SBI_MASK) == SBI)
        value = (uint8_t)(1 << (instruction & 7));
    avr->data[port->latches] ^= value;
    tell(port, value);
}

static uint8_t read_pins(avr_t *avr, avr_io_addr_t address, void *param)
{
    const struct port *port = param;
    const struct emulator_host *host = port->chip->host;
    uint8_t value = 0;
    for (int bit = 0; bit < 8; bit++)
        if (port->numbers[bit] != PIN_NONE && host->pin_read(host->ctx, port->numbers[bit]))
            value |= (uint8_t)(1 << bit);
    return avr->data[address] = value;
}

void ports_attach(struct chip *chip, const avr_ioport_t *registers)
{
    if (chip->port_count == PORTS_MOST)
        return;
    struct port *port = &chip->ports[chip->port_count++];
    *port = (struct port){.chip = chip, .pins = registers->r_pin, .directions = registers->r_ddr, .latches = registers->r_port};
    for (int bit = 0; bit < 8; bit++)
        port->numbers[bit] = chip_pin(chip, registers->name, bit);
    register_own(chip, port->pins, read_pins, write_pins, port);
    register_own(chip, port->directions, NULL, write_register, port);
    register_own(chip, port->latches, NULL, write_register, port);
}
