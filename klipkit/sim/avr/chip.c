/* A chip: made from a file of its flash, run to a cycle, reset. */
#include "chip.h"

#include <simavr/avr_watchdog.h>
#include <simavr/sim_cycle_timers.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

avr_flashaddr_t avr_run_one(avr_t *avr);
avr_cycle_count_t avr_cycle_timer_process(avr_t *avr);

enum { BURST_CYCLES = 1024, SUPPLY_MV = 5000, PORF = 1 << 0, EXTRF = 1 << 1 };

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

/* A timer of the library at which a run ends. Without it the library would let a burst go on past the end whenever a timer is set
 * within it. */
static avr_cycle_count_t run_ends(avr_t *avr, avr_cycle_count_t when, void *param)
{
    (void)avr, (void)when, (void)param;
    return 0;
}

static void end_run_in(struct chip *chip, uint64_t cycles)
{
    avr_cycle_timer_cancel(chip->avr, run_ends, chip);
    avr_cycle_timer_register(chip->avr, cycles, run_ends, chip);
}

void chip_stop(struct chip *chip)
{
    if (chip->stopping)
        return;
    chip->stopping = true;
    end_run_in(chip, 1);
    chip->avr->run_cycle_count = 0;
}

/* The library sets a timer at each wdr, and with it forgets that a burst was to end here. */
static int feed_watchdog(struct avr_io_t *io, uint32_t ctl, void *param)
{
    struct chip *chip = io->avr->custom.data;
    int result = chip->library_watchdog(io, ctl, param);
    if (ctl == AVR_IOCTL_WATCHDOG_RESET)
        chip->avr->run_cycle_count = 0;
    return result;
}

uint16_t chip_pin(const struct chip *chip, char port, int bit)
{
    const char name[] = {'P', port, (char)('0' + bit), '\0'};
    for (size_t i = 0; i < chip->persona->pin_count; i++)
        if (!strcmp(chip->persona->pins[i], name))
            return (uint16_t)i;
    return PIN_NONE;
}

static void reset_models(struct avr_io_t *io)
{
    struct chip *chip = io->avr->custom.data;
    timer_reset(chip);
    uart_reset(chip);
    adc_reset(chip);
    spi_reset(chip);
    twi_reset(chip);
    pwm_reset(chip);
    chip->host->reset(chip->host->ctx);
}

/* The library calls the reset functions of its peripherals; that of the first UART is the one for all models. */
static void attach_models(struct chip *chip)
{
    avr_uart_t *uart = NULL;
    for (avr_io_t *io = chip->avr->io_port; io; io = io->next) {
        if (!strcmp(io->kind, "timer") && ((avr_timer_t *)io)->name == '1')
            timer_attach(chip, (avr_timer_t *)io);
        if (!strcmp(io->kind, "twi"))
            twi_attach(chip, (avr_twi_t *)io);
        if (!strcmp(io->kind, "uart") && (!uart || ((avr_uart_t *)io)->name < uart->name))
            uart = (avr_uart_t *)io;
        if (!strcmp(io->kind, "watchdog")) {
            chip->library_watchdog = io->ioctl;
            io->ioctl = feed_watchdog;
        }
        if (!strcmp(io->kind, "port"))
            ports_attach(chip, (avr_ioport_t *)io);
        if (!strcmp(io->kind, "adc"))
            adc_attach(chip, (avr_adc_t *)io);
        if (!strcmp(io->kind, "spi"))
            spi_attach(chip, (avr_spi_t *)io);
    }
    for (avr_io_t *io = chip->avr->io_port; io; io = io->next)
        if (!strcmp(io->kind, "timer") && ((avr_timer_t *)io)->name != '1')
            pwm_attach(chip, (avr_timer_t *)io);
    if (!uart)
        return;
    uart_attach(chip, uart);
    uart->io.reset = reset_models;
}

/* The library's chip with a program in its flash, or NULL with a message. */
static avr_t *load(const char *name, const char *file)
{
    avr_global_logger_set(write_log);
    avr_t *avr = avr_make_mcu_by_name(name);
    if (!avr) {
        fprintf(stderr, "the simulator has no chip '%s'\n", name);
        return NULL;
    }
    avr_init(avr);
    avr->log = LOG_ERROR;
    if (!image_load(avr, file)) {
        fprintf(stderr, "cannot read the firmware %s\n", file);
        avr_terminate(avr);
        free(avr);
        return NULL;
    }
    return avr;
}

struct chip *chip_new(const struct emulator_host *host, const struct sim_persona *persona, const char *file)
{
    avr_t *avr = load(persona->mcu, file);
    struct chip *chip = avr ? calloc(1, sizeof *chip) : NULL;
    if (!chip)
        return NULL;
    avr->frequency = persona->clock_frequency;
    avr->sleep = do_not_sleep;
    avr->vcc = avr->avcc = avr->aref = SUPPLY_MV;
    avr->run_cycle_limit = BURST_CYCLES;
    avr->custom.data = chip;
    avr->data[avr->reset_flags.porf.reg] = PORF;
    *chip = (struct chip){.avr = avr, .library_run = avr->run, .host = host, .persona = persona,
                          .entry_cycles = avr->address_size + 2};
    attach_models(chip);
    return chip;
}

/* Cycles go on through a reset; the library's own begin at 0. */
void chip_reset(struct chip *chip)
{
    avr_t *avr = chip->avr;
    avr_cycle_count_t cycle = avr->cycle;
    avr_reset(avr);
    avr->cycle = cycle;
    avr->data[avr->reset_flags.extrf.reg] = EXTRF;
}

void chip_free(struct chip *chip)
{
    avr_terminate(chip->avr);
    free(chip->avr);
    free(chip);
}

static void execute(struct chip *chip)
{
    avr_t *avr = chip->avr;
    /* The library marks sei by a negative state; its own look at interrupts after an instruction is left out. */
    avr->interrupt_state = 0;
    avr_flashaddr_t next = avr_run_one(avr);
    chip->enabling = avr->interrupt_state < 0;
    avr->interrupt_state = 0;
    avr->pc = next;
}

static bool step(struct chip *chip, uint64_t until)
{
    avr_t *avr = chip->avr;
    if (avr->run != chip->library_run) {
        avr->run(avr); /* the watchdog has bitten: the library put its reset in the place of the run function */
        avr->cycle++;
        chip->enabling = false;
    }
    interrupts_take(chip);
    if (avr->state != cpu_Sleeping)
        execute(chip);
    avr_cycle_count_t idle = avr_cycle_timer_process(avr);
    if (avr->state == cpu_Sleeping) {
        if (!avr->sreg[S_I])
            return false;
        uint64_t left = avr->cycle < until ? until - avr->cycle : 0;
        avr->cycle += idle < left ? idle : left;
    }
    return avr->state != cpu_Done && avr->state != cpu_Crashed;
}

bool chip_run(struct chip *chip, uint64_t cycle)
{
    if (chip->avr->cycle >= cycle)
        return true;
    chip->stopping = false;
    end_run_in(chip, cycle - chip->avr->cycle);
    while (chip->avr->cycle < cycle && !chip->stopping)
        if (!step(chip, cycle))
            return false;
    return true;
}
