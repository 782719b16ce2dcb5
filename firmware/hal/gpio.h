/* Port contract: digital pins. `struct gpio_out` and `struct gpio_in` are the port's, small enough to be passed by value.
 *
 * Pins have the numbers of the enumeration "pin"; port.h defines gpio_number, an unsigned type that holds them. A number that the
 * port does not have is a shutdown of the port's ("Not an output pin", "Not a valid input pin").
 */
#ifndef HAL_GPIO_H
#define HAL_GPIO_H
#include <stdbool.h>
#include <stdint.h>

#include "port.h"

/* Make `pin` an output that is at `level` from its first moment on. */
struct gpio_out gpio_out_setup(gpio_number pin, bool level);
void gpio_out_write(struct gpio_out pin, bool level);
void gpio_out_toggle(struct gpio_out pin);

/* port.h defines GPIO_PULSE_TICKS: a step pulse up to this long is ended by the stepper in the same interrupt, because what it
 * computes meanwhile takes that long on the chip; 0 on a port that is too fast for that. */

/* Make `pin` an input: `pull` 1 pull-up, -1 pull-down, 0 none. */
struct gpio_in gpio_in_setup(gpio_number pin, int8_t pull);
bool gpio_in_read(struct gpio_in pin);
#endif
