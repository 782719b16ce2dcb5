/* Port contract: pulses shorter than a read of the clock takes on a slow chip, and what measures the time between them. */
#ifndef HAL_PULSE_H
#define HAL_PULSE_H
#include <stdint.h>

#include "hal/gpio.h"
#include "port.h"

/* Make a low output high for `ns` nanoseconds, a constant: at most 1000, 150 too many or too few are allowed. Interrupts
 * disabled. */
void pulse_out(struct gpio_out pin, uint16_t ns);

/* port.h defines pulse_clock: the unsigned type of as many low bits of the clock as the chip reads at once. They wrap after 2 ms at
 * the soonest. Interrupts disabled. */
pulse_clock pulse_clock_now(void);
#endif
