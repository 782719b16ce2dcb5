/* Port contract: outputs of hardware PWM. `struct pwm_out` is the port's, small enough to be passed by value. Full scale is the
 * constant PWM_MAX, which the port declares. */
#ifndef HAL_PWM_H
#define HAL_PWM_H
#include <stdint.h>

#include "hal/gpio.h"
#include "port.h"

/* Make `pin` a PWM output with `value` (0..PWM_MAX, off..on) and a period as near to `cycle_ticks` as the chip can; shutdown
 * "Not a valid PWM pin", or "PWM already programmed at different speed" when another pin of the same timer has another period. */
struct pwm_out pwm_setup(gpio_number pin, uint32_t cycle_ticks, uint16_t value);

/* In interrupts. */
void pwm_write(struct pwm_out out, uint16_t value);
#endif
