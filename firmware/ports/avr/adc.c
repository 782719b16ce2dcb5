/* The AVR's analog inputs: one converter, 10 bits against AVCC, its clock 1/128 of the CPU's. */
#include "hal/adc.h"

#include "core/declare.h"
#include "hal/clock.h"
#include "hal/gpio.h"

CONSTANT(ADC_MAX, 1023);

enum {
    CONVERSION_TICKS = 13 * 128 + 128, /* ATmega2560 data sheet, 26.4: 13 clocks after the first, and the start's delay */
    NONE = 0xff,
    ENABLED = 1 << ADEN | 1 << ADPS2 | 1 << ADPS1 | 1 << ADPS0,
};

/* Pin numbers of channels 0 to 7, a port's; the bits of the port that have a channel of their number. */
#if defined(__AVR_ATmega32U4__)
enum { FIRST_PIN = 40, BITS = 0xf3 };
#elif defined(PINF)
enum { FIRST_PIN = 40, BITS = 0xff };
#elif defined(PINA)
enum { FIRST_PIN = 0, BITS = 0xff };
#else
enum { FIRST_PIN = 16, BITS = 0x3f };
#endif
enum { UPPER_PIN = 80, UPPER_CHANNEL = 8 }; /* channels 8 to 15, where there is a MUX5: port K */

static uint8_t converting; /* the channel, NONE when the result of the conversion is for nobody */

STARTUP(adc)
{
    converting = NONE;
    ADCSRA = ENABLED;
}

static uint8_t channel_of(uint32_t pin)
{
    uint32_t bit = pin - FIRST_PIN; /* of a lower pin it is above 7 as well */
    if (bit < 8 && BITS >> bit & 1)
        return (uint8_t)bit;
#if defined(MUX5) && defined(PINK)
    if (pin >= UPPER_PIN && pin < UPPER_PIN + 8)
        return (uint8_t)(pin - UPPER_PIN + UPPER_CHANNEL);
#endif
    return NONE;
}

struct adc_in adc_setup(uint32_t pin)
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
#if defined(MUX5) && defined(PINK)
    ADCSRB = channel & UPPER_CHANNEL ? 1 << MUX5 : 0;
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
