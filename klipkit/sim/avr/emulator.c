/* The one function that the shared object exports: AVRs for the co-simulator. */
#include "chip.h"

static void *create(const struct emulator_host *host, const struct sim_persona *persona, const char *file)
{
    return chip_new(host, persona, file);
}

static void destroy(void *chip)
{
    chip_free(chip);
}

static int run(void *chip, uint64_t cycle)
{
    return chip_run(chip, cycle);
}

static void stop(void *chip)
{
    chip_stop(chip);
}

static uint64_t cycle_of(const void *chip)
{
    return ((const struct chip *)chip)->avr->cycle;
}

static void receive(void *chip, uint8_t byte)
{
    uart_receive(chip, byte);
}

static const uint8_t *flash(const void *chip, size_t *size)
{
    const avr_t *avr = ((const struct chip *)chip)->avr;
    *size = avr->flashend + 1;
    return avr->flash;
}

static uint64_t overruns(const void *chip)
{
    return ((const struct chip *)chip)->uart.overruns;
}

__attribute__((visibility("default"))) const struct emulator *klipkit_sim_emulator(void)
{
    static const struct emulator emulator = {
        .version = EMULATOR_VERSION, .create = create, .destroy = destroy, .run = run, .stop = stop, .cycle = cycle_of,
        .receive = receive, .flash = flash, .overruns = overruns,
    };
    return &emulator;
}
