/* The simulator's data dictionary: what the build declares, and what the persona adds, composed and compressed at start. */
#include "hal/dictionary.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/declare.h"
#include "ports/sim/deflate.h"
#include "ports/sim/surroundings.h"

enum { TEXT_MOST = 128 * 1024 };

static char text[TEXT_MOST];
static size_t length;
static uint8_t *packed;
static size_t packed_size;

__attribute__((format(printf, 1, 2))) static void add(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text + length, TEXT_MOST - length, format, args);
    va_end(args);
    if (wanted < 0 || (size_t)wanted >= TEXT_MOST - length)
        abort(); /* a persona of more than 128 KB of text is a mistake of its maker */
    length += (size_t)wanted;
}

static void add_members(const char *members)
{
    if (members && *members)
        add(",%s", members);
}

static void add_constants(void)
{
    const struct sim_persona *persona = sim_persona;
    add(",\"ADC_MAX\":%u,\"CLOCK_FREQ\":%u,\"MCU\":\"%s\",\"PWM_MAX\":%u", persona->adc_max, persona->clock_frequency,
        persona->mcu, persona->pwm_max);
    if (persona->receive_window)
        add(",\"RECEIVE_WINDOW\":%u", persona->receive_window);
    if (persona->serial_baud)
        add(",\"SERIAL_BAUD\":%u", persona->serial_baud);
    add_members(persona->constants);
}

/* --- pins: runs such as PA0, PA1, ... PA7 are one member, "PA0":[0,8] --- */

static bool is_pin(size_t pin)
{
    return pin < sim_persona->pin_count && sim_persona->pins[pin] && *sim_persona->pins[pin];
}

/* The digits at the end of a name begin here. */
static size_t stem_length(const char *name)
{
    size_t stem = strlen(name);
    while (stem > 0 && name[stem - 1] >= '0' && name[stem - 1] <= '9')
        stem--;
    return stem;
}

/* Whether the name of pin + 1 is that of `pin` counted up. */
static bool continues(size_t pin)
{
    if (!is_pin(pin + 1))
        return false;
    const char *name = sim_persona->pins[pin], *next = sim_persona->pins[pin + 1];
    size_t stem = stem_length(name), digits = strlen(name) - stem;
    char counted[16];
    if (digits == 0 || digits > 5 || (digits > 1 && name[stem] == '0'))
        return false;
    snprintf(counted, sizeof counted, "%d", atoi(name + stem) + 1);
    return strncmp(name, next, stem) == 0 && strcmp(next + stem, counted) == 0;
}

static void add_pins(void)
{
    const char *comma = "";
    add(",\"pin\":{");
    for (size_t pin = 0, count; pin < sim_persona->pin_count; pin += count) {
        count = 1;
        if (!is_pin(pin))
            continue;
        while (continues(pin + count - 1))
            count++;
        add("%s\"%s\":", comma, sim_persona->pins[pin]);
        if (count > 1)
            add("[%zu,%zu]", pin, count);
        else
            add("%zu", pin);
        comma = ",";
    }
    add("}");
}

void sim_dictionary_start(void)
{
    length = 0;
    add("%s", declared_json_head);
    add_constants();
    add("%s", declared_json_middle);
    add_pins();
    add_members(sim_persona->enumerations);
    add("%s", declared_json_tail);
    free(packed); /* of the start before a reset */
    packed = zlib_pack((const uint8_t *)text, length, &packed_size);
    if (!packed)
        abort();
}

uint8_t dictionary_read(uint8_t *out, uint32_t offset, uint8_t count)
{
    if (offset >= packed_size)
        return 0;
    if (count > packed_size - offset)
        count = (uint8_t)(packed_size - offset);
    memcpy(out, packed + offset, count);
    return count;
}
