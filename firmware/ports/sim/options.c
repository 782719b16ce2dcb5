/* The command line of klipkit-sim: see options.h. */
#define _DEFAULT_SOURCE /* strdup, strsep */
#include "ports/sim/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PINS_MOST = 1024, DEFAULT_PINS = 64, LINE_MOST = 65536, USAGE = 2 };

/* A host refuses more: a third of 2^31 ticks has to be a second at least. */
enum { FREQUENCY_LEAST = 100000, FREQUENCY_MOST = 715827882 };

static const char HELP[] =
    "usage: klipkit-sim --pty LINK [--mcu NAME] [--frequency HZ] [--pins NAME,NAME,...] [--persona FILE]\n"
    "                   [--edges FILE]\n"
    "\n"
    "A microcontroller that runs klipkit's firmware in real time behind a pseudo terminal, for any host\n"
    "that speaks the Klipper protocol. Ends on SIGINT or SIGTERM.\n"
    "\n"
    "  --pty LINK        make LINK a symlink to the terminal; removed at the end\n"
    "  --mcu NAME        name of the chip (default: klipkit sim)\n"
    "  --frequency HZ    its clock (default: 50000000)\n"
    "  --pins NAMES      its pins by number (default: gpio0 to gpio63); an empty name leaves a number out\n"
    "  --persona FILE    all of this and more from a file, lines of a word and its value:\n"
    "                    mcu, frequency, pins, adc_max, pwm_max, receive_window, serial_baud, move_memory (bytes),\n"
    "                    constants, enumerations (members of the dictionary's objects, JSON without the braces)\n"
    "  --edges FILE      write each edge of an output pin there: clock in ticks, number of the pin, level\n"
    "  --help            this text\n"
    "\n"
    "Options count in the order given. When the computer stalls, the chip's clock waits with it.\n";

static const char *pins[PINS_MOST];

void options_fail(int status, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "klipkit-sim: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    exit(status);
}

/* Texts of the persona, each replaced by a later option. */
enum text { TEXT_MCU, TEXT_PINS, TEXT_CONSTANTS, TEXT_ENUMERATIONS, TEXTS };

static char *copy(enum text which, const char *text)
{
    static char *owned[TEXTS];
    free(owned[which]);
    owned[which] = strdup(text);
    if (!owned[which])
        options_fail(USAGE, "out of memory");
    return owned[which];
}

static uint32_t number(const char *word, const char *text, uint32_t least, uint32_t most)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end || value < least || value > most || *text == '-')
        options_fail(USAGE, "%s must be a whole number from %u to %u", word, least, most);
    return (uint32_t)value;
}

/* Names that go into JSON as they stand. */
static char *name(enum text which, const char *word, const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            options_fail(USAGE, "%s: a name has printable ASCII characters without quotes or backslashes", word);
    return copy(which, text);
}

static void set_pins(struct sim_persona *persona, const char *text)
{
    char *rest = name(TEXT_PINS, "pins", text);
    persona->pin_count = 0;
    for (char *pin; (pin = strsep(&rest, ","));) {
        if (persona->pin_count == PINS_MOST)
            options_fail(USAGE, "pins: %d at most", PINS_MOST);
        pins[persona->pin_count++] = pin;
    }
}

static bool set_number(struct sim_persona *persona, const char *word, const char *value)
{
    const struct {
        const char *word;
        uint32_t *place;
        uint32_t least, most;
    } numbers[] = {
        {"frequency", &persona->clock_frequency, FREQUENCY_LEAST, FREQUENCY_MOST},
        {"adc_max", &persona->adc_max, 0, UINT16_MAX},
        {"pwm_max", &persona->pwm_max, 0, UINT16_MAX},
        {"receive_window", &persona->receive_window, 0, UINT16_MAX},
        {"serial_baud", &persona->serial_baud, 0, UINT32_MAX},
        {"move_memory", &persona->move_memory, 0, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(word, numbers[i].word) == 0) {
            *numbers[i].place = number(word, value, numbers[i].least, numbers[i].most);
            return true;
        }
    }
    return false;
}

static void set(struct sim_persona *persona, const char *where, const char *word, const char *value)
{
    if (set_number(persona, word, value))
        return;
    if (strcmp(word, "mcu") == 0)
        persona->mcu = name(TEXT_MCU, word, value);
    else if (strcmp(word, "pins") == 0)
        set_pins(persona, value);
    else if (strcmp(word, "constants") == 0)
        persona->constants = copy(TEXT_CONSTANTS, value);
    else if (strcmp(word, "enumerations") == 0)
        persona->enumerations = copy(TEXT_ENUMERATIONS, value);
    else
        options_fail(USAGE, "%s: unknown word; see klipkit-sim --help", where);
}

static void read_persona(struct sim_persona *persona, const char *path)
{
    static char line[LINE_MOST], where[LINE_MOST];
    FILE *file = fopen(path, "r");
    if (!file)
        options_fail(USAGE, "--persona: cannot read the file: %s", strerror(errno));
    for (int count = 1; fgets(line, sizeof line, file); count++) {
        snprintf(where, sizeof where, "--persona, line %d", count);
        line[strcspn(line, "\r\n")] = '\0';
        char *value = line + strcspn(line, " ");
        if (*value)
            *value++ = '\0';
        if (*line && *line != '#')
            set(persona, where, line, value);
    }
    fclose(file);
}

static void default_persona(struct sim_persona *persona)
{
    static char names[DEFAULT_PINS][16];
    *persona = (struct sim_persona){
        .mcu = "klipkit sim", .clock_frequency = 50000000, .adc_max = 4095, .pwm_max = 32768, .move_memory = 1024 * 12,
        .pins = pins, .pin_count = DEFAULT_PINS, .constants = "", .enumerations = "",
    };
    for (int pin = 0; pin < DEFAULT_PINS; pin++) {
        snprintf(names[pin], sizeof names[pin], "gpio%d", pin);
        pins[pin] = names[pin];
    }
}

void options_read(struct options *options, int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"pty", required_argument, NULL, 'l'},  {"mcu", required_argument, NULL, 's'},
        {"frequency", required_argument, NULL, 's'}, {"pins", required_argument, NULL, 's'},
        {"persona", required_argument, NULL, 'p'}, {"edges", required_argument, NULL, 'e'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0},
    };
    options->link = options->edges = NULL;
    default_persona(&options->persona);
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "", OPTIONS, &index)) != -1) {
        if (option == 'h') {
            fputs(HELP, stdout);
            exit(0);
        } else if (option == 'l') {
            options->link = optarg;
        } else if (option == 'e') {
            options->edges = optarg;
        } else if (option == 'p') {
            read_persona(&options->persona, optarg);
        } else if (option == 's') {
            set(&options->persona, OPTIONS[index].name, OPTIONS[index].name, optarg);
        } else {
            exit(USAGE); /* getopt has said why */
        }
    }
    if (optind < argc || !options->link)
        options_fail(USAGE, "needs --pty LINK and no other argument; see klipkit-sim --help");
}
