/* A port's types and sizes, to be replaced by the chip's. */
#ifndef PORT_H
#define PORT_H
#include <stdint.h>

/* The qualifier of tables that stay in flash, for chips whose flash is not in the address space of data. */
#define FLASH

/* Bytes of the receive ring, a power of two; console_count is a type that is read in one piece and counts that many. */
#define CONSOLE_RING 256
typedef uint8_t console_count;

/* The longest step pulse, in ticks, that may end in the interrupt that began it: see hal/gpio.h. */
#define GPIO_PULSE_TICKS 0

/* Holds the numbers of the enumeration "pin". */
typedef uint32_t gpio_number;

/* What makes writing a pin fast: its register and mask, say. */
struct gpio_out {
    uint32_t pin;
};

struct gpio_in {
    uint32_t pin;
};
#endif
