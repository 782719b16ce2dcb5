/* The simulator's analog inputs, PWM outputs, pulses and buses: the hal over the calls of abi.h. Conversions and transfers take no time. */
#include "core/declare.h"
#include "hal/adc.h"
#include "hal/clock.h"
#include "hal/i2c.h"
#include "hal/pulse.h"
#include "hal/pwm.h"
#include "hal/spi.h"
#include "ports/sim/surroundings.h"

_Static_assert((int)SIM_I2C_NACK == (int)I2C_NACK && (int)SIM_I2C_BUS_TIMEOUT == (int)I2C_BUS_TIMEOUT &&
                   (int)SIM_I2C_START_NACK == (int)I2C_START_NACK && (int)SIM_I2C_START_READ_NACK == (int)I2C_START_READ_NACK,
               "the surroundings give the firmware's numbers");

struct adc_in adc_setup(gpio_number pin)
{
    if (sim_host->analog_setup(sim_host->ctx, pin))
        shutdown("Not a valid ADC pin");
    return (struct adc_in){pin};
}

uint32_t adc_convert(struct adc_in in, uint16_t *value)
{
    *value = (uint16_t)sim_host->analog_read(sim_host->ctx, in.pin);
    return 0;
}

void adc_cancel(struct adc_in in)
{
    (void)in;
}

struct pwm_out pwm_setup(gpio_number pin, uint32_t cycle_ticks, uint16_t value)
{
    if (sim_host->pwm_setup(sim_host->ctx, pin, cycle_ticks, value))
        shutdown("Not a valid PWM pin");
    return (struct pwm_out){pin};
}

void pwm_write(struct pwm_out out, uint16_t value)
{
    sim_host->pwm_write(sim_host->ctx, out.pin, value);
}

void pulse_out(struct gpio_out pin, uint16_t ns)
{
    uint32_t ticks = (uint32_t)((uint64_t)ns * clock_frequency() / 1000000000U);
    gpio_out_write(pin, true);
    for (uint32_t begun = clock_read(); clock_read() - begun < ticks;)
        ;
    gpio_out_write(pin, false);
}

pulse_clock pulse_clock_now(void)
{
    return clock_now();
}

struct spi_bus spi_setup(uint32_t bus, uint8_t mode, uint32_t rate)
{
    if (sim_host->spi_setup(sim_host->ctx, bus, mode, rate))
        shutdown("Invalid spi bus");
    return (struct spi_bus){bus, rate, mode};
}

void spi_prepare(struct spi_bus bus)
{
    (void)bus;
}

void spi_exchange(struct spi_bus bus, uint8_t *bytes, uint8_t count)
{
    sim_host->spi_transfer(sim_host->ctx, bus.bus, bus.mode, bus.rate, bytes, count);
}

struct i2c_bus i2c_setup(uint32_t bus, uint32_t rate, uint8_t address)
{
    if (sim_host->i2c_setup(sim_host->ctx, bus, rate))
        shutdown("Unsupported i2c bus");
    return (struct i2c_bus){bus, address};
}

enum i2c_status i2c_transfer(struct i2c_bus bus, const uint8_t *write, uint8_t write_count, uint8_t *read, uint8_t read_count)
{
    return (enum i2c_status)sim_host->i2c_transfer(sim_host->ctx, bus.bus, bus.address, write, write_count, read, read_count);
}
