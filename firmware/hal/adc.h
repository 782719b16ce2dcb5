/* Port contract: analog inputs. `struct adc_in` is the port's, small enough to be passed by value. Full scale is the constant
 * ADC_MAX, which the port declares. */
#ifndef HAL_ADC_H
#define HAL_ADC_H
#include <stdint.h>

#include "hal/gpio.h"
#include "port.h"

/* Make `pin` an analog input; shutdown "Not a valid ADC pin" when it cannot be one. */
struct adc_in adc_setup(gpio_number pin);

/* Begin a conversion, or go on with it. Gives 0 when it is done, with its result in *value, else the ticks after which to call
 * again; a chip that converts one input at a time gives so while another's is under way. In interrupts. */
uint32_t adc_convert(struct adc_in in, uint16_t *value);

/* Forget the input's conversion, whether under way, done, or none. Interrupts disabled. */
void adc_cancel(struct adc_in in);
#endif
