/* A chip: made from an ELF file, run to a cycle. */
#include "chip.h"

#include <simavr/avr_adc.h>
#include <simavr/sim_cycle_timers.h>
#include <simavr/sim_elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

avr_flashaddr_t avr_run_one(avr_t *avr);
avr_cycle_count_t avr_cycle_timer_process(avr_t *avr);

enum { BURST_CYCLES = 256, SUPPLY_MV = 5000 };

static void write_log(avr_t *avr, const int level, const char *format, va_list args)
{
    (void)avr;
    if (level <= LOG_ERROR)
        vfprintf(stderr, format, args);
}

/* Time passes as fast as it can. */
static void do_not_sleep(avr_t *avr, avr_cycle_count_t cycles)
{
    (void)avr;
    (void)cycles;
}

void chip_interrupt(struct chip *chip)
{
    chip->avr->run_cycle_count = 0;
    if (chip->avr->state == cpu_Sleeping)
        chip->avr->state = cpu_Running;
}

/* The library's reset function of a peripheral gets only the peripheral: one chip in a process. */
static struct chip *the_chip;

static void reset_models(struct avr_io_t *io)
{
    (void)io;
    timer_reset(the_chip);
    uart_reset(the_chip);
    if (the_chip->reset_count < RESETS_MOST)
        the_chip->resets[the_chip->reset_count++] = the_chip->avr->cycle;
}

static void attach_models(struct chip *chip, uint32_t baud)
{
    avr_uart_t *uart = NULL;
    for (avr_io_t *io = chip->avr->io_port; io; io = io->next) {
        if (!strcmp(io->kind, "timer") && ((avr_timer_t *)io)->name == '1')
            timer_attach(chip, (avr_timer_t *)io);
        if (!strcmp(io->kind, "uart") && (!uart || ((avr_uart_t *)io)->name < uart->name))
            uart = (avr_uart_t *)io;
    }
    if (!uart)
        return;
    uart_attach(chip, uart, baud);
    uart->io.reset = reset_models;
}

struct chip *chip_new(const char *name, uint32_t frequency, const char *elf, uint32_t baud)
{
    elf_firmware_t firmware = {0};
    avr_global_logger_set(write_log);
    avr_t *avr = avr_make_mcu_by_name(name);
    if (!avr) {
        fprintf(stderr, "the simulator has no chip '%s'\n", name);
        return NULL;
    }
    if (elf_read_firmware(elf, &firmware)) {
        fprintf(stderr, "cannot read the firmware %s\n", elf);
        return NULL;
    }
    avr_init(avr);
    avr_load_firmware(avr, &firmware);
    avr->frequency = frequency;
    avr->log = LOG_ERROR;
    avr->sleep = do_not_sleep;
    avr->vcc = avr->avcc = avr->aref = SUPPLY_MV;
    avr->run_cycle_limit = BURST_CYCLES;
    struct chip *chip = calloc(1, sizeof *chip);
    if (!chip)
        abort();
    the_chip = chip;
    chip->avr = avr;
    chip->library_run = avr->run;
    chip->entry_cycles = avr->address_size + 2;
    attach_models(chip, baud);
    return chip;
}

static bool step(struct chip *chip)
{
    avr_t *avr = chip->avr;
    if (avr->run != chip->library_run) {
        avr->run(avr); /* the watchdog has bitten: the library put its reset in the place of the run function */
        avr->cycle++;
    }
    /* The library marks sei by a negative state; its own look at interrupts after an instruction is left out. */
    avr->interrupt_state = 0;
    avr_flashaddr_t next = avr_run_one(avr);
    bool after_enable = avr->interrupt_state < 0;
    avr->interrupt_state = 0;
    avr->pc = next;
    avr_cycle_count_t idle = avr_cycle_timer_process(avr);
    if (avr->state == cpu_Sleeping) {
        if (!avr->sreg[S_I])
            return false;
        avr->cycle += idle;
    }
    interrupts_take(chip, after_enable);
    return avr->state != cpu_Done && avr->state != cpu_Crashed;
}

bool chip_run(struct chip *chip, uint64_t cycle, bool until_byte)
{
    const struct bytes *sent = &chip->uart.sent;
    while (chip->avr->cycle < cycle && !(until_byte && sent->begin != sent->end))
        if (!step(chip))
            return false;
    return true;
}
