/* The chip's surroundings in the program: see desk.h. */
#include "desk.h"

#include <stdlib.h>
#include <string.h>

enum { BITS = 10, REFERENCE_MV = 5000, ADC_VALUES = 1024, FIRST_ROOM = 4096 };

static char names[DESK_PINS][4];
static const char *name_list[DESK_PINS];

const char *desk_pin_name(uint8_t pin)
{
    return names[pin];
}

/* The names of all pins that an AVR can have; those that it has not are never told of. */
static void make_names(void)
{
    for (int pin = 0; pin < DESK_PINS; pin++) {
        memcpy(names[pin], (char[]){'P', (char)('A' + pin / 8), (char)('0' + pin % 8), '\0'}, sizeof names[pin]);
        name_list[pin] = names[pin];
    }
}

static struct desk_pin *named(struct desk *desk, const char *name, uint8_t *number)
{
    for (size_t port = 0; port < desk->chip->port_count; port++)
        for (int bit = 0; bit < 8; bit++)
            if (!strcmp(names[desk->chip->ports[port].numbers[bit]], name)) {
                *number = (uint8_t)desk->chip->ports[port].numbers[bit];
                return &desk->pins[*number];
            }
    return NULL;
}

static void keep(struct desk *desk, uint8_t pin, bool level)
{
    if (desk->edge_count == desk->edge_room) {
        desk->edge_room = desk->edge_room ? 2 * desk->edge_room : FIRST_ROOM;
        desk->edges = realloc(desk->edges, desk->edge_room * sizeof *desk->edges);
        if (!desk->edges)
            abort();
    }
    desk->edges[desk->edge_count++] = (struct edge){desk->chip->avr->cycle, pin, level};
}

static void update(struct desk *desk, uint8_t number)
{
    struct desk_pin *pin = &desk->pins[number];
    uint8_t level = pin->driven >= 0 ? (uint8_t)pin->driven : pin->mode == SIM_PIN_PULL_UP;
    if (pin->mode == SIM_PIN_OUTPUT)
        level = pin->latch;
    if (level == pin->level)
        return;
    pin->level = level;
    if (!pin->watched)
        return;
    if (level)
        pin->rising++;
    else
        pin->falling++;
    if (desk->keep_edges)
        keep(desk, number, level);
}

static void append(struct bytes *bytes, uint8_t byte)
{
    if (bytes->begin == bytes->end)
        bytes->begin = bytes->end = 0;
    if (bytes->end == bytes->room) {
        bytes->room = bytes->room ? 2 * bytes->room : FIRST_ROOM;
        bytes->data = realloc(bytes->data, bytes->room);
        if (!bytes->data)
            abort();
    }
    bytes->data[bytes->end++] = byte;
}

/* --- what the chip calls --- */

static void pin_changed(void *ctx, uint32_t pin, int mode, int level)
{
    struct desk *desk = ctx;
    desk->pins[pin].mode = (uint8_t)mode;
    desk->pins[pin].latch = (uint8_t)level;
    update(desk, (uint8_t)pin);
}

static int pin_read(void *ctx, uint32_t pin)
{
    return ((struct desk *)ctx)->pins[pin].level;
}

static uint32_t analog_read(void *ctx, uint32_t pin)
{
    return ((struct desk *)ctx)->pins[pin].analog;
}

static void pwm_changed(void *ctx, uint32_t pin, uint32_t value)
{
    (void)ctx, (void)pin, (void)value;
}

/* Nobody drives the line. */
static void spi_exchange(void *ctx, uint32_t bus, uint8_t *byte)
{
    (void)ctx, (void)bus;
    *byte = 0;
}

static void byte_sent(void *ctx, uint64_t cycle, uint8_t byte)
{
    struct desk *desk = ctx;
    append(&desk->sent, byte);
    desk->sent_until = cycle;
    if (desk->until_byte)
        chip_stop(desk->chip);
}

static void counting(void *ctx, uint64_t cycle)
{
    (void)ctx, (void)cycle;
}

static void was_reset(void *ctx)
{
    struct desk *desk = ctx;
    if (desk->reset_count < RESETS_MOST)
        desk->resets[desk->reset_count++] = desk->chip->avr->cycle;
    for (int pin = 0; pin < DESK_PINS; pin++)
        pin_changed(desk, (uint32_t)pin, SIM_PIN_INPUT, 0);
}

/* --- what the program calls --- */

bool desk_set_up(struct desk *desk, const char *chip, uint32_t frequency, const char *elf, uint32_t baud)
{
    make_names();
    desk->persona = (struct sim_persona){.mcu = chip, .clock_frequency = frequency, .adc_max = ADC_VALUES - 1,
                                         .pins = name_list, .pin_count = DESK_PINS};
    desk->host = (struct emulator_host){
        .ctx = desk, .pin = pin_changed, .pin_read = pin_read, .analog_read = analog_read, .pwm = pwm_changed,
        .spi = spi_exchange, .sent = byte_sent, .counting = counting, .reset = was_reset,
    };
    for (int pin = 0; pin < DESK_PINS; pin++)
        desk->pins[pin].driven = -1;
    desk->wire_cycles = (uint64_t)frequency * BITS / baud;
    desk->chip = chip_new(&desk->host, &desk->persona, elf);
    return desk->chip != NULL;
}

bool desk_run(struct desk *desk, uint64_t cycle, bool until_byte)
{
    struct chip *chip = desk->chip;
    struct bytes *received = &desk->received;
    desk->until_byte = until_byte;
    while (chip->avr->cycle < cycle && !(until_byte && desk->sent.begin != desk->sent.end)) {
        bool under_way = received->begin != received->end;
        if (!chip_run(chip, under_way && desk->arrives < cycle ? desk->arrives : cycle))
            return false;
        if (!under_way || chip->avr->cycle < desk->arrives)
            continue;
        uart_receive(chip, received->data[received->begin++]);
        desk->arrives += desk->wire_cycles;
    }
    return true;
}

void desk_send(struct desk *desk, const uint8_t *bytes, size_t count)
{
    uint64_t now = desk->chip->avr->cycle, begun = desk->arrives - desk->wire_cycles;
    if (desk->received.begin == desk->received.end)
        desk->arrives = (desk->arrives > desk->wire_cycles && begun > now ? begun : now) + desk->wire_cycles;
    for (size_t i = 0; i < count; i++)
        append(&desk->received, bytes[i]);
}

bool desk_watch(struct desk *desk, const char *name)
{
    uint8_t number;
    struct desk_pin *pin = named(desk, name, &number);
    if (pin)
        pin->watched = true;
    return pin != NULL;
}

bool desk_drive(struct desk *desk, const char *name, bool level)
{
    uint8_t number;
    struct desk_pin *pin = named(desk, name, &number);
    if (!pin)
        return false;
    pin->driven = level;
    update(desk, number);
    return true;
}

/* ADC = Vin * 1024 / Vref (ATmega2560 data sheet, 26.7). */
bool desk_set_adc(struct desk *desk, unsigned channel, unsigned millivolts)
{
    uint16_t pin = channel < 16 ? desk->chip->adc.pins[channel] : PIN_NONE;
    if (pin == PIN_NONE)
        return false;
    unsigned value = millivolts * ADC_VALUES / REFERENCE_MV;
    desk->pins[pin].analog = value < ADC_VALUES ? value : ADC_VALUES - 1;
    return true;
}
