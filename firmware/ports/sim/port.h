/* The simulator's port: types and sizes that the hal headers ask for. */
#ifndef PORT_H
#define PORT_H
#include <stdint.h>

#define FLASH

/* Holds what a host may have under way: 12 frames of 64 bytes. */
#define CONSOLE_RING 1024
typedef uint16_t console_count;

/* Time stands still while a timer runs. */
#define GPIO_PULSE_TICKS 0

typedef uint32_t gpio_number;

struct gpio_out {
    uint32_t pin;
};

struct gpio_in {
    uint32_t pin;
};

struct adc_in {
    uint32_t pin;
};

typedef uint32_t pulse_clock;

struct pwm_out {
    uint32_t pin;
};

struct spi_bus {
    uint32_t bus, rate;
    uint8_t mode;
};

struct i2c_bus {
    uint32_t bus, address;
};
#endif
