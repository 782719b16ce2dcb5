/* The first UART: 8 data bits, no parity; bytes take their time on the wire (ATmega2560 data sheet, 22). */
#include <simavr/sim_cycle_timers.h>

#include "chip.h"

enum { BITS = 10, READY_AT_RESET = 1 << 5, EIGHT_BITS = 6 };

static void put(struct chip *chip, avr_regbit_t bit, bool set)
{
    register_put(chip, bit.reg, (uint8_t)(bit.mask << bit.bit), set);
    if (set)
        chip_interrupt(chip);
}

/* --- to the chip --- */

void uart_receive(struct chip *chip, uint8_t byte)
{
    struct uart *uart = &chip->uart;
    if (!register_has(chip, uart->registers->rxen))
        return;
    if (uart->queued == sizeof uart->queue) {
        uart->overruns++;
        put(chip, uart->registers->dor, true);
    } else {
        uart->queue[uart->queued++] = byte;
        put(chip, uart->registers->rxc.raised, true);
    }
}

static uint8_t read_data(avr_t *avr, avr_io_addr_t address, void *param)
{
    struct chip *chip = param;
    struct uart *uart = &chip->uart;
    if (uart->queued) {
        avr->data[address] = uart->queue[0];
        uart->queue[0] = uart->queue[1];
        uart->queue[1] = uart->queue[2];
        uart->queued--;
    }
    put(chip, uart->registers->dor, false);
    put(chip, uart->registers->rxc.raised, uart->queued != 0);
    return avr->data[address];
}

/* --- from the chip --- */

static void start_sending(struct chip *chip, uint64_t cycle, uint8_t byte)
{
    struct uart *uart = &chip->uart;
    uart->sending_until = cycle + uart->send_cycles;
    chip->host->sent(chip->host->ctx, uart->sending_until, byte);
}

static avr_cycle_count_t byte_gone(avr_t *avr, avr_cycle_count_t when, void *param)
{
    struct chip *chip = param;
    struct uart *uart = &chip->uart;
    (void)avr;
    if (uart->held < 0) {
        put(chip, uart->registers->txc.raised, true);
        return 0;
    }
    start_sending(chip, when, (uint8_t)uart->held);
    uart->held = -1;
    put(chip, uart->registers->udrc.raised, true);
    return uart->sending_until;
}

static void write_data(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    struct chip *chip = param;
    struct uart *uart = &chip->uart;
    (void)address;
    if (!register_has(chip, uart->registers->txen))
        return;
    if (avr->cycle >= uart->sending_until) {
        start_sending(chip, avr->cycle, value);
        avr_cycle_timer_register(avr, uart->send_cycles, byte_gone, chip);
        put(chip, uart->registers->udrc.raised, true);
    } else if (uart->held < 0) {
        uart->held = value;
        put(chip, uart->registers->udrc.raised, false);
    }
}

/* --- its registers --- */

static uint8_t read_plain(avr_t *avr, avr_io_addr_t address, void *param)
{
    (void)param;
    return avr->data[address];
}

/* The flags are the hardware's, but for TXC, which a written 1 clears; U2X and MPCM are the program's. */
static void write_status(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    (void)param;
    avr->data[address] = (uint8_t)((avr->data[address] & 0xfc & ~(value & 0x40)) | (value & 3));
}

static void write_control(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    avr->data[address] = value;
    chip_interrupt(param);
}

static void write_divisor(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    struct chip *chip = param;
    const avr_uart_t *registers = chip->uart.registers;
    avr->data[address] = value;
    uint32_t divisor = (uint32_t)(avr->data[registers->ubrrl.reg] | (avr->data[registers->ubrrh.reg] & 0xf) << 8);
    chip->uart.send_cycles = BITS * (register_has(chip, registers->u2x) ? 8u : 16u) * (divisor + 1);
}

void uart_reset(struct chip *chip)
{
    struct uart *uart = &chip->uart;
    uint8_t *data = chip->avr->data;
    uart->queued = 0;
    uart->held = -1;
    uart->sending_until = 0;
    avr_cycle_timer_cancel(chip->avr, byte_gone, chip);
    data[uart->registers->r_ucsra] = READY_AT_RESET;
    data[uart->registers->r_ucsrb] = 0;
    data[uart->registers->r_ucsrc] = EIGHT_BITS;
}

void uart_attach(struct chip *chip, avr_uart_t *registers)
{
    chip->uart.registers = registers;
    chip->uart.send_cycles = BITS * 16; /* the divisor is 0 at first */
    interrupts_add(chip, &registers->rxc, true);
    interrupts_add(chip, &registers->udrc, true);
    interrupts_add(chip, &registers->txc, false);
    register_own(chip, registers->r_udr, read_data, write_data, chip);
    register_own(chip, registers->r_ucsra, read_plain, write_status, chip);
    register_own(chip, registers->r_ucsrb, NULL, write_control, chip);
    register_own(chip, registers->ubrrl.reg, NULL, write_divisor, chip);
    register_own(chip, registers->ubrrh.reg, NULL, write_divisor, chip);
    uart_reset(chip);
}
