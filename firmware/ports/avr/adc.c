/* The AVR's analog inputs: one converter, 10 bits against AVCC, its clock 1/128 of the CPU's. */
#include "hal/adc.h"

#include "core/declare.h"
#include "hal/clock.h"
#include "hal/flash.h"
#include "hal/gpio.h"
#include "ports/avr/pins.h"

CONSTANT(ADC_MAX, 1023);

enum {
    CONVERSION_TICKS = 13 * 128 + 128, /* ATmega2560 data sheet, 26.4: 13 clocks after the first, and the start's delay */
    NONE = 0xff,
    ENABLED = 1 << ADEN | 1 << ADPS2 | 1 << ADPS1 | 1 << ADPS0,
};

static const FLASH uint8_t PINS[] = {ANALOG_PINS}; /* by channel */

static uint8_t converting; /* the channel, NONE when the result of the conversion is for nobody */

STARTUP(adc)
{
    converting = NONE;
    ADCSRA = ENABLED;
}

static uint8_t channel_of(gpio_number pin)
{
    for (uint8_t channel = 0; channel < sizeof PINS; channel++)
        if (PINS[channel] == pin)
            return channel;
    return NONE;
}

struct adc_in adc_setup(gpio_number pin)
{
    uint8_t channel = channel_of(pin);
    if (channel == NONE)
        shutdown("Not a valid ADC pin");
    gpio_in_setup(pin, 0);
    return (struct adc_in){channel};
}

static void start(uint8_t channel)
{
    converting = channel;
    ADMUX = (uint8_t)(1 << REFS0 | (channel & 7));
#ifdef MUX5
    ADCSRB = channel & 8 ? 1 << MUX5 : 0;
#endif
    ADCSRA = ENABLED | 1 << ADSC;
}

uint32_t adc_convert(struct adc_in in, uint16_t *value)
{
    if (ADCSRA & (1 << ADSC))
        return CONVERSION_TICKS / 4;
    if (converting == in.channel) {
        *value = ADC;
        converting = NONE;
        return 0;
    }
    if (converting != NONE)
        return CONVERSION_TICKS / 4; /* another's result waits to be taken */
    start(in.channel);
    return CONVERSION_TICKS;
}

void adc_cancel(struct adc_in in)
{
    if (converting == in.channel)
        converting = NONE;
}
