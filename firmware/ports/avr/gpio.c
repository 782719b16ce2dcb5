/* The AVR's pins. */
#include "hal/gpio.h"

#include "core/declare.h"
#include "hal/flash.h"
#include "hal/irq.h"

/* Address of PINx by pin number / 8, the letters A to L; 0 where the chip has no such port. */
static const FLASH uint16_t PORTS[] = {
#ifdef PINA
    _SFR_MEM_ADDR(PINA),
#else
    0,
#endif
    _SFR_MEM_ADDR(PINB), _SFR_MEM_ADDR(PINC), _SFR_MEM_ADDR(PIND),
#ifdef PINE
    _SFR_MEM_ADDR(PINE),
#endif
#ifdef PINF
    _SFR_MEM_ADDR(PINF),
#endif
#ifdef PING
    _SFR_MEM_ADDR(PING),
#endif
#ifdef PINH
    _SFR_MEM_ADDR(PINH),
#endif
#ifdef PINL
    0, /* there is no port I */
    _SFR_MEM_ADDR(PINJ), _SFR_MEM_ADDR(PINK), _SFR_MEM_ADDR(PINL),
#endif
};

/* PINx of a pin, NULL when there is none. */
static volatile uint8_t *find(gpio_number pin)
{
    if (pin >= 8 * (sizeof PORTS / sizeof *PORTS))
        return NULL;
    return (volatile uint8_t *)PORTS[pin / 8];
}

static uint8_t mask_of(gpio_number pin)
{
    return (uint8_t)(1 << (pin & 7));
}

struct gpio_out gpio_out_setup(gpio_number pin, bool level)
{
    struct gpio_out out = {find(pin), mask_of(pin)};
    if (!out.pins)
        shutdown("Not an output pin");
    bool enabled = irq_save();
    gpio_out_write(out, level);
    out.pins[1] |= out.mask;
    irq_restore(enabled);
    return out;
}

struct gpio_in gpio_in_setup(gpio_number pin, int8_t pull)
{
    struct gpio_in in = {find(pin), mask_of(pin)};
    if (!in.pins || pull < 0)
        shutdown("Not a valid input pin");
    bool enabled = irq_save();
    in.pins[1] &= (uint8_t)~in.mask;
    gpio_out_write((struct gpio_out){in.pins, in.mask}, pull > 0);
    irq_restore(enabled);
    return in;
}
