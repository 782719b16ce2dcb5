/* klipkit-avr: runs an AVR's firmware in lock step with a script on standard input, or in real time behind a pty.
 *
 *     klipkit-avr CHIP FREQUENCY BAUD FILE [LINK [SAVED]]
 *
 * FILE is the flash's: a firmware's ELF, a boot loader's HEX, or what was saved: see image.c. With LINK, a symlink to make: see
 * terminal.c; the flash is saved in the end when SAVED says where. Without, each line is a command; numbers are decimal, cycles are absolute.
 *
 *     watch PA0              count the pin's edges          edges on|off   and write each of them
 *     drive PA1 0|1          level from outside             adc 3 2500     millivolts at an ADC channel
 *     memory 80              a memory chip with this address on the two-wire bus; hold on|off its clock is held low: see twi.c
 *     rx HEX                 bytes begin to go on the wire
 *     run CYCLE              write what happened until then:
 *         tx CYCLE HEX           bytes the chip sent, the cycle of the end of the last
 *         edge CYCLE PA0 1       reset CYCLE       overruns N
 *         at CYCLE [stopped]     always the last line
 *     wait CYCLE             the same, but ends after the first byte sent
 *     counts                 counts PA0 RISING FALLING for each watched pin, then end
 *     peek ADDRESS COUNT     peek HEX: data space           save FILE      the flash as HEX, then saved
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk.h"
#include "terminal.h"

static void write_sent(struct desk *desk)
{
    struct bytes *sent = &desk->sent;
    if (sent->begin == sent->end)
        return;
    printf("tx %llu ", (unsigned long long)desk->sent_until);
    while (sent->begin != sent->end)
        printf("%02x", sent->data[sent->begin++]);
    putchar('\n');
}

static void write_edges(struct desk *desk)
{
    for (size_t i = 0; i < desk->edge_count; i++)
        printf("edge %llu %s %d\n", (unsigned long long)desk->edges[i].cycle, desk_pin_name(desk->edges[i].pin),
               desk->edges[i].level);
    desk->edge_count = 0;
}

static void write_resets(struct desk *desk)
{
    for (size_t i = 0; i < desk->reset_count; i++)
        printf("reset %llu\n", (unsigned long long)desk->resets[i]);
    desk->reset_count = 0;
}

static bool run(struct desk *desk, const char *argument, bool until_byte)
{
    char *end;
    uint64_t cycle = strtoull(argument, &end, 10);
    if (end == argument)
        return false;
    bool running = desk_run(desk, cycle, until_byte);
    write_sent(desk);
    write_edges(desk);
    write_resets(desk);
    if (desk->chip->uart.overruns)
        printf("overruns %llu\n", (unsigned long long)desk->chip->uart.overruns);
    desk->chip->uart.overruns = 0;
    printf("at %llu%s\n", (unsigned long long)desk->chip->avr->cycle, running ? "" : " stopped");
    return true;
}

static bool run_to(struct desk *desk, const char *argument)
{
    return run(desk, argument, false);
}

static bool run_to_byte(struct desk *desk, const char *argument)
{
    return run(desk, argument, true);
}

static bool receive(struct desk *desk, const char *argument)
{
    unsigned byte;
    for (; *argument; argument += 2) {
        if (sscanf(argument, "%2x", &byte) != 1)
            return false;
        desk_send(desk, (const uint8_t[]){(uint8_t)byte}, 1);
    }
    return true;
}

static bool drive(struct desk *desk, const char *argument)
{
    char name[5];
    int level;
    return sscanf(argument, "%4s %d", name, &level) == 2 && desk_drive(desk, name, level != 0);
}

static bool add_memory(struct desk *desk, const char *argument)
{
    unsigned address;
    if (sscanf(argument, "%u", &address) != 1 || address > 127)
        return false;
    twi_add_memory(desk->chip, (uint8_t)address);
    return true;
}

static bool hold_bus(struct desk *desk, const char *argument)
{
    desk->chip->twi.held = !strcmp(argument, "on");
    return true;
}

static bool set_edges(struct desk *desk, const char *argument)
{
    desk->keep_edges = !strcmp(argument, "on");
    return true;
}

static bool set_adc(struct desk *desk, const char *argument)
{
    unsigned channel, millivolts;
    return sscanf(argument, "%u %u", &channel, &millivolts) == 2 && desk_set_adc(desk, channel, millivolts);
}

static bool write_counts(struct desk *desk, const char *argument)
{
    (void)argument;
    for (uint8_t i = 0; i < DESK_PINS; i++)
        if (desk->pins[i].watched)
            printf("counts %s %llu %llu\n", desk_pin_name(i), (unsigned long long)desk->pins[i].rising,
                   (unsigned long long)desk->pins[i].falling);
    puts("end");
    return true;
}

static bool peek(struct desk *desk, const char *argument)
{
    unsigned address, count;
    if (sscanf(argument, "%u %u", &address, &count) != 2 || address > desk->chip->avr->ramend ||
        count > desk->chip->avr->ramend + 1u - address)
        return false;
    printf("peek ");
    while (count--)
        printf("%02x", desk->chip->avr->data[address++]);
    putchar('\n');
    return true;
}

static bool save(struct desk *desk, const char *argument)
{
    if (!image_save(desk->chip->avr, argument)) {
        fprintf(stderr, "cannot write %s: %s\n", argument, strerror(errno));
        return false;
    }
    puts("saved");
    return true;
}

static const struct {
    const char *word;
    bool (*run)(struct desk *desk, const char *argument);
} COMMANDS[] = {
    {"watch", desk_watch}, {"edges", set_edges},    {"drive", drive}, {"adc", set_adc}, {"rx", receive}, {"run", run_to},
    {"wait", run_to_byte}, {"counts", write_counts}, {"peek", peek},   {"memory", add_memory}, {"hold", hold_bus},  {"save", save},
};

static bool obey(struct desk *desk, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *argument = strchr(line, ' ');
    if (argument)
        *argument++ = '\0';
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++)
        if (!strcmp(line, COMMANDS[i].word))
            return COMMANDS[i].run(desk, argument ? argument : "");
    return false;
}

static int follow_script(struct desk *desk)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        if (!obey(desk, line)) {
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
    if (argc < 5 || argc > 7) {
        fprintf(stderr, "usage: klipkit-avr CHIP FREQUENCY BAUD FILE [LINK [SAVED]]\n");
        return 2;
    }
    uint32_t frequency = (uint32_t)strtoul(argv[2], NULL, 10), baud = (uint32_t)strtoul(argv[3], NULL, 10);
    if (!frequency || !baud) {
        fprintf(stderr, "frequency and baud are numbers above 0\n");
        return 2;
    }
    static struct desk desk;
    if (!desk_set_up(&desk, argv[1], frequency, argv[4], baud))
        return 2;
    if (argc == 5)
        return follow_script(&desk);
    int status = terminal_run(&desk, argv[5]);
    return argc == 7 && !save(&desk, argv[6]) ? 3 : status;
}
