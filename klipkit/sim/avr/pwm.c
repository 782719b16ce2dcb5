/* Hardware PWM of 8 bits: which value each output has. The edges themselves are not told (ATmega2560 data sheet, 16.9.1). */
#include "chip.h"

enum { NORMAL = 2, INVERTED = 3 }; /* COMnx1:0 */

/* The modes of 8 bits have WGMn0 set (tables 16-8 and 17-2); those with another top are not looked at. */
static uint32_t value_of(const struct chip *chip, const struct pwm *output)
{
    const avr_regbit_t com = output->compare->com;
    uint8_t connection = (chip->avr->data[com.reg] >> com.bit) & com.mask;
    uint8_t compare = chip->avr->data[output->compare->r_ocr];
    if (connection < NORMAL || !register_has(chip, output->timer->wgm[0]))
        return 0;
    return connection == INVERTED ? (uint8_t)~compare : compare;
}

static void look(struct chip *chip)
{
    for (struct pwm *output = chip->outputs; output < chip->outputs + chip->output_count; output++) {
        uint32_t value = value_of(chip, output);
        if (value != output->told)
            chip->host->pwm(chip->host->ctx, output->number, value);
        output->told = value;
    }
}

static void write_register(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    const struct looked_at *at = param;
    if (at->write)
        at->write(avr, address, value, at->param);
    else
        avr->data[address] = value;
    look(at->chip);
}

static void look_at(struct chip *chip, uint16_t address)
{
    for (size_t i = 0; i < chip->looked_at_count; i++)
        if (chip->looked_at[i].address == address)
            return;
    if (chip->looked_at_count == LOOKED_AT_MOST)
        return;
    struct looked_at *at = &chip->looked_at[chip->looked_at_count++];
    int place = AVR_DATA_TO_IO(address);
    *at = (struct looked_at){chip, chip->avr->io[place].w.c, chip->avr->io[place].w.param, address};
    chip->avr->io[place].w.c = write_register;
    chip->avr->io[place].w.param = at;
}

static uint16_t pin_of(const struct chip *chip, avr_regbit_t latch)
{
    for (size_t i = 0; i < chip->port_count; i++)
        if (latch.reg && chip->ports[i].latches == latch.reg)
            return chip->ports[i].numbers[latch.bit];
    return PIN_NONE;
}

void pwm_reset(struct chip *chip)
{
    for (size_t i = 0; i < chip->output_count; i++)
        chip->outputs[i].told = 0;
}

void pwm_attach(struct chip *chip, const avr_timer_t *timer)
{
    for (size_t i = 0; i < CHANNELS_MOST - 1; i++) {
        const avr_timer_comp_t *compare = &timer->comp[i];
        uint16_t number = pin_of(chip, compare->com_pin);
        if (!compare->r_ocr || number == PIN_NONE || chip->output_count == OUTPUTS_MOST)
            continue;
        chip->outputs[chip->output_count++] = (struct pwm){.timer = timer, .compare = compare, .number = number};
        look_at(chip, compare->r_ocr);
        look_at(chip, compare->com.reg);
        look_at(chip, timer->wgm[0].reg);
    }
}
