/* The AVR port: types, sizes, and those parts of the hal that must be inlined to be fast. */
#ifndef PORT_H
#define PORT_H
#include <avr/interrupt.h>
#include <avr/io.h>
#include <stdbool.h>
#include <stdint.h>

#define FLASH __flash

/* Power of two; the receive window told to the host keeps 64 bytes of it free. */
#define CONSOLE_RING RECEIVE_RING
typedef uint8_t console_count;

typedef uint8_t gpio_number;

/* A port's registers follow each other: PINx, DDRx, PORTx. Writing a 1 to PINx toggles that output. */
struct gpio_out {
    volatile uint8_t *pins; /* PINx */
    uint8_t mask;
};

struct gpio_in {
    volatile uint8_t *pins;
    uint8_t mask;
};

struct adc_in {
    uint8_t channel;
};

struct spi_bus {
    uint8_t control, status; /* SPCR, SPSR */
};

struct i2c_bus {
    uint8_t divisor, prescaler; /* TWBR, TWSR */
    uint8_t address;
};

struct pwm_out {
    volatile uint8_t *compare;
};

static inline void irq_disable(void)
{
    cli();
}

static inline void irq_enable(void)
{
    sei();
}

static inline bool irq_save(void)
{
    bool enabled = SREG & (1 << SREG_I);
    cli();
    return enabled;
}

static inline void irq_restore(bool enabled)
{
    if (enabled)
        sei();
}

static inline uint32_t clock_frequency(void)
{
    return F_CPU;
}

/* The ticks that the stepper takes from the beginning of a step to where it ends its pulse. */
#define GPIO_PULSE_TICKS 40

/* Leaving the timers' interrupt and being called again takes this long: nearer clocks are waited for. */
#define CLOCK_NEAR_TICKS 220

/* Before anything that asks for the clock. */
void clock_start(void);

/* Upper half of the clock; the lower is timer 1. */
extern volatile uint16_t clock_upper;

/* The clock, with interrupts disabled. An overflow may be waiting for its interrupt: seen together with a low count, it came
 * before the count was read. */
static inline uint32_t clock_now(void)
{
    union {
        uint16_t halves[2];
        uint32_t whole;
    } now = {{TCNT1, clock_upper}};
    if (TIFR1 & (1 << TOV1) && !(now.halves[0] & 0x8000))
        now.halves[1]++;
    return now.whole;
}

extern bool clock_is_far;
bool clock_arm_far(uint32_t clock, int32_t distance);

static inline bool clock_arm(uint32_t clock)
{
    int32_t distance = (int32_t)(clock - clock_now());
    if (distance >= CLOCK_NEAR_TICKS)
        return clock_arm_far(clock, distance);
    clock_is_far = false;
    TIMSK1 = 1 << TOIE1; /* while timers run, their interrupt does not come */
    return false;
}

/* The clock is less than 2^15 ticks away. */
static inline void clock_wait(uint32_t clock)
{
    while ((int16_t)(TCNT1 - (uint16_t)clock) < 0)
        ;
}

/* Compare A is off while timers run. */
static inline void irq_breathe(void)
{
    __asm__ volatile("sei\n\tnop\n\tcli" ::: "memory");
}

static inline void gpio_out_toggle(struct gpio_out pin)
{
    *pin.pins = pin.mask;
    __asm__ volatile("" ::: "memory"); /* nothing is moved across the edge */
}

static inline void gpio_out_write(struct gpio_out pin, bool level)
{
    volatile uint8_t *port = pin.pins + 2;
    bool enabled = irq_save();
    if (level)
        *port |= pin.mask;
    else
        *port &= (uint8_t)~pin.mask;
    irq_restore(enabled);
}

typedef uint16_t pulse_clock;

static inline pulse_clock pulse_clock_now(void)
{
    return TCNT1;
}

/* A turn of the loop takes 3 cycles, the pulse 1 cycle more than its turns. */
static inline __attribute__((always_inline)) void pulse_out(struct gpio_out pin, uint16_t ns)
{
    const uint32_t tenths = ns * (F_CPU / 100000UL) / 1000; /* of a cycle */
    uint8_t turns = (uint8_t)((tenths + 5) / 30);
    __asm__ volatile("st %a[pins], %[mask]\n1:\tdec %[turns]\n\tbrne 1b\n\tst %a[pins], %[mask]"
                     : [turns] "+d"(turns)
                     : [pins] "e"(pin.pins), [mask] "r"(pin.mask)
                     : "memory");
}

static inline void pwm_write(struct pwm_out out, uint16_t value)
{
    *out.compare = (uint8_t)value;
}

static inline bool gpio_in_read(struct gpio_in pin)
{
    return *pin.pins & pin.mask;
}
#endif
