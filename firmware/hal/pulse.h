/* Port contract: pulses shorter than a read of the clock takes on a slow chip. */
#ifndef HAL_PULSE_H
#define HAL_PULSE_H
#include <stdint.h>

#include "hal/gpio.h"
#include "port.h"

/* Make a low output high for `ns` nanoseconds: at most 1000, 150 too many or too few are allowed. Interrupts disabled. */
void pulse_out(struct gpio_out pin, uint16_t ns);
#endif
