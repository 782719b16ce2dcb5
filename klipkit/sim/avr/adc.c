/* The ADC: single conversions of single-ended channels (ATmega2560 data sheet, 26). No trigger source, no differential input. */
#include <simavr/sim_cycle_timers.h>

#include "chip.h"

enum {
    FIRST_CLOCKS = 25, CLOCKS = 13, /* of the ADC, for the first conversion and the others: 26.4 */
    CHANNEL_BITS = 0x7, NOT_SINGLE = 0x18, UPPER_CHANNEL = 8, MUX5 = 1 << 3, /* in ADMUX, and in ADCSRB */
    LOWER_PORTS = 3,
};

/* The port of the first eight channels is the first of these that the chip has; that of the others is K. */
static const char CHANNEL_PORTS[LOWER_PORTS] = {'F', 'A', 'C'};

static void put(struct chip *chip, avr_regbit_t bit, bool set)
{
    register_put(chip, bit.reg, (uint8_t)(bit.mask << bit.bit), set);
    if (set)
        chip_interrupt(chip);
}

static uint32_t clock_cycles(const struct chip *chip)
{
    uint8_t prescaler = chip->avr->data[chip->adc.registers->r_adcsra] & 7;
    return prescaler ? 1u << prescaler : 2;
}

static avr_cycle_count_t converted(avr_t *avr, avr_cycle_count_t when, void *param)
{
    struct chip *chip = param;
    const avr_adc_t *registers = chip->adc.registers;
    uint16_t pin = chip->adc.channel < 16 ? chip->adc.pins[chip->adc.channel] : PIN_NONE;
    uint32_t value = pin == PIN_NONE ? 0 : chip->host->analog_read(chip->host->ctx, pin);
    (void)when;
    if (register_has(chip, registers->adlar))
        value <<= 6;
    avr->data[registers->r_adcl] = (uint8_t)value;
    avr->data[registers->r_adch] = (uint8_t)(value >> 8);
    put(chip, registers->adsc, false);
    put(chip, registers->adc.raised, true);
    return 0;
}

/* The channel that is selected, 16 for the inner ones and the differential ones. */
static uint8_t selected(const struct chip *chip)
{
    const uint8_t *data = chip->avr->data;
    const avr_adc_t *registers = chip->adc.registers;
    uint8_t mux = data[registers->r_admux];
    if (mux & NOT_SINGLE)
        return 16;
    bool upper = chip->adc.pins[UPPER_CHANNEL] != PIN_NONE && data[registers->r_adcsrb] & MUX5;
    return (mux & CHANNEL_BITS) | (upper ? UPPER_CHANNEL : 0);
}

/* A written 1 clears ADIF and begins a conversion by ADSC, which stays set until its end. */
static void write_control(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    struct chip *chip = param;
    struct adc *adc = &chip->adc;
    uint8_t flag = (uint8_t)(1 << adc->registers->adc.raised.bit), start = (uint8_t)(1 << adc->registers->adsc.bit);
    uint8_t before = avr->data[address];
    avr->data[address] = (uint8_t)((value & ~(flag | start)) | (before & flag & ~value) | (before & start));
    chip_interrupt(chip);
    if (!register_has(chip, adc->registers->aden)) {
        adc_reset(chip);
        avr->data[address] &= (uint8_t)~start;
    } else if (value & ~before & start) {
        avr->data[address] |= start;
        adc->channel = selected(chip);
        avr_cycle_timer_register(avr, (adc->warm ? CLOCKS : FIRST_CLOCKS) * clock_cycles(chip), converted, chip);
        adc->warm = true;
    }
}

void adc_reset(struct chip *chip)
{
    chip->adc.warm = false;
    if (chip->adc.registers)
        avr_cycle_timer_cancel(chip->avr, converted, chip);
}

void adc_attach(struct chip *chip, avr_adc_t *registers)
{
    struct adc *adc = &chip->adc;
    adc->registers = registers;
    int first = 0;
    while (first < LOWER_PORTS - 1 && chip_pin(chip, CHANNEL_PORTS[first], 0) == PIN_NONE)
        first++;
    for (int bit = 0; bit < 8; bit++) {
        adc->pins[bit] = chip_pin(chip, CHANNEL_PORTS[first], bit);
        adc->pins[UPPER_CHANNEL + bit] = chip_pin(chip, 'K', bit);
    }
    interrupts_add(chip, &registers->adc, false);
    register_own(chip, registers->r_adcsra, NULL, write_control, chip);
    register_own(chip, registers->r_admux, NULL, NULL, chip);
    register_own(chip, registers->r_adcsrb, NULL, NULL, chip);
    register_own(chip, registers->r_adcl, NULL, NULL, chip);
    register_own(chip, registers->r_adch, NULL, NULL, chip);
}
