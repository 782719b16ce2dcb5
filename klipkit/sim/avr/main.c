/* klipkit-avr: runs an AVR's firmware in lock step with a script on standard input, or in real time behind a pty.
 *
 *     klipkit-avr CHIP FREQUENCY BAUD firmware.elf [LINK]
 *
 * With LINK, a symlink to make: see terminal.c. Without, each line is a command; numbers are decimal, cycles are absolute.
 *
 *     watch PA0              count the pin's edges          edges on|off   and write each of them
 *     drive PA1 0|1          level from outside             adc 3 2500     millivolts at an ADC channel
 *     rx HEX                 bytes begin to go on the wire
 *     run CYCLE              write what happened until then:
 *         tx CYCLE HEX           bytes the chip sent, the cycle of the end of the last
 *         edge CYCLE PA0 1       reset CYCLE       overruns N
 *         at CYCLE [stopped]     always the last line
 *     wait CYCLE             the same, but ends after the first byte sent
 *     counts                 counts PA0 RISING FALLING for each watched pin, then end
 *     peek ADDRESS COUNT     peek HEX: data space           save FILE      flash image, then saved BYTES
 */
#include <errno.h>
#include <simavr/avr_adc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chip.h"
#include "terminal.h"

static void write_sent(struct chip *chip)
{
    struct bytes *sent = &chip->uart.sent;
    if (sent->begin == sent->end)
        return;
    printf("tx %llu ", (unsigned long long)sent->cycles[sent->end - 1]);
    while (sent->begin != sent->end)
        printf("%02x", sent->data[sent->begin++]);
    putchar('\n');
}

static void write_edges(struct chip *chip)
{
    char name[5];
    for (size_t i = 0; i < chip->edge_count; i++) {
        pins_name(chip->edges[i].pin, name);
        printf("edge %llu %s %d\n", (unsigned long long)chip->edges[i].cycle, name, chip->edges[i].level);
    }
    chip->edge_count = 0;
}

static void write_resets(struct chip *chip)
{
    for (size_t i = 0; i < chip->reset_count; i++)
        printf("reset %llu\n", (unsigned long long)chip->resets[i]);
    chip->reset_count = 0;
}

static bool run(struct chip *chip, const char *argument, bool until_byte)
{
    char *end;
    uint64_t cycle = strtoull(argument, &end, 10);
    if (end == argument)
        return false;
    bool running = chip_run(chip, cycle, until_byte);
    write_sent(chip);
    write_edges(chip);
    write_resets(chip);
    if (chip->uart.overruns)
        printf("overruns %llu\n", (unsigned long long)chip->uart.overruns);
    chip->uart.overruns = 0;
    printf("at %llu%s\n", (unsigned long long)chip->avr->cycle, running ? "" : " stopped");
    return true;
}

static bool run_to(struct chip *chip, const char *argument)
{
    return run(chip, argument, false);
}

static bool run_to_byte(struct chip *chip, const char *argument)
{
    return run(chip, argument, true);
}

static bool receive(struct chip *chip, const char *argument)
{
    unsigned byte;
    for (; *argument; argument += 2) {
        if (sscanf(argument, "%2x", &byte) != 1)
            return false;
        uart_receive(chip, (const uint8_t[]){(uint8_t)byte}, 1);
    }
    return true;
}

static bool drive(struct chip *chip, const char *argument)
{
    char name[5];
    int level;
    return sscanf(argument, "%4s %d", name, &level) == 2 && pins_drive(chip, name, level != 0);
}

static bool set_edges(struct chip *chip, const char *argument)
{
    chip->keep_edges = !strcmp(argument, "on");
    return true;
}

static bool set_adc(struct chip *chip, const char *argument)
{
    unsigned channel, millivolts;
    if (sscanf(argument, "%u %u", &channel, &millivolts) != 2 || channel > 15)
        return false;
    avr_irq_t *input = avr_io_getirq(chip->avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_ADC0 + (int)channel);
    if (input)
        avr_raise_irq(input, millivolts);
    return input != NULL;
}

static bool write_counts(struct chip *chip, const char *argument)
{
    char name[5];
    (void)argument;
    for (size_t i = 0; i < chip->watched_count; i++) {
        const struct watched *watched = &chip->watched[i];
        pins_name(watched->pin, name);
        printf("counts %s %llu %llu\n", name, (unsigned long long)watched->rising, (unsigned long long)watched->falling);
    }
    puts("end");
    return true;
}

static bool peek(struct chip *chip, const char *argument)
{
    unsigned address, count;
    if (sscanf(argument, "%u %u", &address, &count) != 2 || address > chip->avr->ramend ||
        count > chip->avr->ramend + 1u - address)
        return false;
    printf("peek ");
    while (count--)
        printf("%02x", chip->avr->data[address++]);
    putchar('\n');
    return true;
}

static bool save(struct chip *chip, const char *argument)
{
    size_t size = chip->avr->flashend + 1;
    FILE *file = fopen(argument, "wb");
    if (!file || fwrite(chip->avr->flash, 1, size, file) != size || fclose(file)) {
        fprintf(stderr, "cannot write %s: %s\n", argument, strerror(errno));
        return false;
    }
    printf("saved %zu\n", size);
    return true;
}

static const struct {
    const char *word;
    bool (*run)(struct chip *chip, const char *argument);
} COMMANDS[] = {
    {"watch", pins_watch}, {"edges", set_edges},    {"drive", drive}, {"adc", set_adc}, {"rx", receive}, {"run", run_to},
    {"wait", run_to_byte}, {"counts", write_counts}, {"peek", peek},  {"save", save},
};

static bool obey(struct chip *chip, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *argument = strchr(line, ' ');
    if (argument)
        *argument++ = '\0';
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++)
        if (!strcmp(line, COMMANDS[i].word))
            return COMMANDS[i].run(chip, argument ? argument : "");
    return false;
}

static int follow_script(struct chip *chip)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        if (!obey(chip, line)) {
            fprintf(stderr, "cannot do: %s\n", line);
            return 2;
        }
        fflush(stdout);
    }
    free(line);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: klipkit-avr CHIP FREQUENCY BAUD FIRMWARE.elf [LINK]\n");
        return 2;
    }
    uint32_t frequency = (uint32_t)strtoul(argv[2], NULL, 10), baud = (uint32_t)strtoul(argv[3], NULL, 10);
    if (!frequency || !baud) {
        fprintf(stderr, "frequency and baud are numbers above 0\n");
        return 2;
    }
    struct chip *chip = chip_new(argv[1], frequency, argv[4], baud);
    if (!chip)
        return 2;
    return argc == 6 ? terminal_run(chip, argv[5]) : follow_script(chip);
}
