/* Pins: edges of those that are watched, levels of those that are driven from outside. */
#include <simavr/avr_ioport.h>
#include <stdlib.h>
#include <string.h>

#include "chip.h"

/* Number of a pin named like "PA0", -1 when that is no name. */
static int number(const char *name)
{
    if (strlen(name) != 3 || name[0] != 'P' || name[1] < 'A' || name[1] > 'L' || name[2] < '0' || name[2] > '7')
        return -1;
    return (name[1] - 'A') * 8 + name[2] - '0';
}

void pins_name(uint8_t pin, char name[5])
{
    name[0] = 'P';
    name[1] = (char)('A' + pin / 8);
    name[2] = (char)('0' + pin % 8);
    name[3] = '\0';
}

static avr_irq_t *wire_of(struct chip *chip, int pin)
{
    char port = (char)('A' + pin / 8);
    return avr_io_getirq(chip->avr, AVR_IOCTL_IOPORT_GETIRQ(port), pin % 8);
}

static void keep(struct chip *chip, uint8_t pin, bool level)
{
    if (chip->edge_count == chip->edge_room) {
        chip->edge_room = chip->edge_room ? 2 * chip->edge_room : 4096;
        chip->edges = realloc(chip->edges, chip->edge_room * sizeof *chip->edges);
        if (!chip->edges)
            abort();
    }
    chip->edges[chip->edge_count++] = (struct edge){chip->avr->cycle, pin, level};
}

static void changed(struct avr_irq_t *irq, uint32_t value, void *param)
{
    struct watched *watched = param;
    int level = value & 1;
    (void)irq;
    if (level == watched->level)
        return;
    watched->level = level;
    if (level)
        watched->rising++;
    else
        watched->falling++;
    if (watched->chip->keep_edges)
        keep(watched->chip, watched->pin, level);
}

bool pins_watch(struct chip *chip, const char *name)
{
    int pin = number(name);
    avr_irq_t *wire = pin < 0 ? NULL : wire_of(chip, pin);
    if (!wire || chip->watched_count == PINS_MOST)
        return false;
    struct watched *watched = &chip->watched[chip->watched_count++];
    *watched = (struct watched){.chip = chip, .pin = (uint8_t)pin, .level = wire->value & 1};
    avr_irq_register_notify(wire, changed, watched);
    return true;
}

bool pins_drive(struct chip *chip, const char *name, bool level)
{
    int pin = number(name);
    avr_irq_t *wire = pin < 0 ? NULL : wire_of(chip, pin);
    if (!wire)
        return false;
    uint8_t mask = (uint8_t)(1 << pin % 8);
    uint8_t *levels = &chip->driven_levels[pin / 8];
    chip->driven[pin / 8] |= mask;
    *levels = level ? *levels | mask : (uint8_t)(*levels & ~mask);
    /* the level on the wire alone would lose against the pull-up */
    avr_ioport_external_t external = {.name = (char)('A' + pin / 8), .mask = chip->driven[pin / 8], .value = *levels};
    avr_ioctl(chip->avr, AVR_IOCTL_IOPORT_SET_EXTERNAL(external.name), &external);
    avr_raise_irq(wire, level);
    return true;
}
