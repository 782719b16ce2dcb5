/* The AVR's hardware PWM: 8 bits, phase correct, on all timers but the clock's: value / 255 of the time high, 0 and 255 without a
 * spike.
 *
 *     frequency = F_CPU / (510 * prescaler)       ATmega2560 data sheet (2549), 16.7.4 and 17.9.4
 *
 * A compare value that is written while a timer runs holds from the end of its period on, which takes 33 ms at most at 16 MHz.
 */
#include "hal/pwm.h"

#include "core/declare.h"
#include "hal/flash.h"
#include "hal/gpio.h"
#include "hal/irq.h"
#include "ports/avr/pins.h"

CONSTANT(PWM_MAX, 255);

enum kind { SHORT, SHORT_2, WIDE, TIMER_4 };

struct output {
    uint8_t pin;
    uint8_t kind;
    uint16_t control;    /* address of TCCRnA */
    uint8_t compare;     /* what to add for OCRnx */
    uint8_t connect;     /* COMnx1: high while the count is below the compare value; the bit below it inverts */
    uint8_t force;       /* FOCnx */
    uint8_t mode;        /* WGMn0 in TCCRnA: phase correct, 8 bits */
};

#define ANY_OUTPUT(pin, kind, n, x) \
    {pin, kind, _SFR_MEM_ADDR(TCCR##n##A), _SFR_MEM_ADDR(OCR##n##x) - _SFR_MEM_ADDR(TCCR##n##A), \
     1 << COM##n##x##1, 1 << FOC##n##x, 1 << WGM##n##0},
#define OUTPUT(pin, n, x) ANY_OUTPUT(pin, SHORT, n, x)
#define OUTPUT_2(pin, n, x) ANY_OUTPUT(pin, SHORT_2, n, x)
#define OUTPUT_WIDE(pin, n, x) ANY_OUTPUT(pin, WIDE, n, x)

static const FLASH struct output OUTPUTS[] = {
    PWM_OUTPUTS(OUTPUT, OUTPUT_2, OUTPUT_WIDE)
#ifdef TCCR4D
    /* ATmega32U4 data sheet (7766), 15.12: channels A and B in TCCR4A, D in TCCR4C; each is made a PWM output by itself. */
    {PIN_C(7), TIMER_4, _SFR_MEM_ADDR(TCCR4A), _SFR_MEM_ADDR(OCR4A) - _SFR_MEM_ADDR(TCCR4A), 1 << COM4A1, 1 << FOC4A, 1 << PWM4A},
    {PIN_B(6), TIMER_4, _SFR_MEM_ADDR(TCCR4A), _SFR_MEM_ADDR(OCR4B) - _SFR_MEM_ADDR(TCCR4A), 1 << COM4B1, 1 << FOC4B, 1 << PWM4B},
    {PIN_D(7), TIMER_4, _SFR_MEM_ADDR(TCCR4C), _SFR_MEM_ADDR(OCR4D) - _SFR_MEM_ADDR(TCCR4C), 1 << COM4D1, 1 << FOC4D, 1 << PWM4D},
#endif
};

/* The sums of neighbouring prescalers, in the order of their clock selects from 1 on: a cycle of more than 255 times the sum is
 * nearer to the longer one's 510 times. */
static const FLASH uint16_t SUMS[] = {1 + 8, 8 + 64, 64 + 256, 256 + 1024, 0};
static const FLASH uint16_t SUMS_2[] = {1 + 8, 8 + 32, 32 + 64, 64 + 128, 128 + 256, 256 + 1024, 0};
#ifdef TCCR4D
static const FLASH uint16_t SUMS_4[] = {3, 6, 12, 24, 48, 96, 192, 384, 768, 1536, 3072, 6144, 12288, 24576, 0};
#endif

/* What selects the prescaler that comes nearest. */
static uint8_t clock_select(uint8_t kind, uint32_t cycle_ticks)
{
    const FLASH uint16_t *sum = kind == SHORT_2 ? SUMS_2 : SUMS;
    uint8_t select = 1;
#ifdef TCCR4D
    if (kind == TIMER_4)
        sum = SUMS_4;
#endif
    for (; *sum && cycle_ticks > (uint32_t)255 * *sum; sum++)
        select++;
    return select;
}

static const FLASH struct output *find(gpio_number pin)
{
    const FLASH struct output *output = OUTPUTS;
    while (output->pin != pin)
        if (++output == OUTPUTS + sizeof OUTPUTS / sizeof *OUTPUTS)
            shutdown("Not a valid PWM pin");
    return output;
}

/* In the mode without PWM a compare value holds at once, and the level can be forced: the output is right from its first moment on.
 * Other outputs of the timer notice at most once. */
static void connect(const FLASH struct output *output, volatile uint8_t *control, volatile uint8_t *force,
                    volatile uint8_t *compare, uint8_t value)
{
    uint8_t high = output->connect, mode = output->mode;
    uint8_t others = *control & (uint8_t)~(high | high >> 1 | mode);
    *control = others;
    if (output->kind == WIDE)
        compare[1] = 0; /* and it stays what goes into the upper bytes of the timer's registers */
    *compare = value;
    *control = others | high | (value ? high >> 1 : 0); /* a match now clears the output, or sets it */
    *force |= output->force;
    *control = others | high | mode;
}

struct pwm_out pwm_setup(gpio_number pin, uint32_t cycle_ticks, uint16_t value)
{
    const FLASH struct output *output = find(pin);
    volatile uint8_t *control = (volatile uint8_t *)output->control, *clock = control + 1, *force = clock;
    volatile uint8_t *compare = control + output->compare;
    uint8_t select = clock_select(output->kind, cycle_ticks);
    if (output->kind == WIDE)
        force++;
#ifdef TCCR4D
    if (output->kind == TIMER_4) {
        clock = &TCCR4B;
        force = control;
        TCCR4D = 1 << WGM40; /* phase and frequency correct */
        OCR4C = 255;
    }
#endif
    if (*clock && *clock != select)
        shutdown("PWM already programmed at different speed");
    bool enabled = irq_save();
    connect(output, control, force, compare, (uint8_t)value);
    *clock = select;
    gpio_out_setup(pin, value != 0);
    irq_restore(enabled);
    return (struct pwm_out){compare};
}
