/* What the simulated microcontroller and its surroundings call of each other.
 *
 * The firmware is a shared object. Each MCU of a simulation is its own copy of it (own globals), on its own stack. The
 * surroundings (klipkit/sim/cosim.c in virtual time, ports/sim/process.c behind a pty) fill in a sim_host and call start();
 * it runs as `main` does on a chip and comes back only after a reset was asked for.
 *
 *     surroundings                       firmware
 *        start(host, persona) ------------> main loop
 *        <------------------- idle() ------ nothing to do: sleep until an interrupt
 *        timer_interrupt() / byte_interrupt(b) ->  runs handlers, returns
 *        (idle returns) ------------------> main loop goes on
 *
 * Interrupts are called only from within idle(), poll() and read_clock(), and there only while `irq_enabled` said so: that is
 * when a chip would take them. Times are ticks of the persona's clock, 32 bit, wrapping; pins are numbers of the
 * persona's pin list. No call may be made from another thread.
 */
#ifndef KLIPKIT_SIM_ABI_H
#define KLIPKIT_SIM_ABI_H
#include <stddef.h>
#include <stdint.h>

enum { SIM_ABI_VERSION = 3, SIM_WATCHDOG_HZ = 2 };

/* What i2c_transfer gives: acknowledged; a byte, or the address before writing or before reading, was not; the bus hangs. */
enum sim_i2c_status { SIM_I2C_SUCCESS, SIM_I2C_NACK, SIM_I2C_BUS_TIMEOUT, SIM_I2C_START_NACK, SIM_I2C_START_READ_NACK };

enum sim_pin_mode { SIM_PIN_INPUT, SIM_PIN_PULL_UP, SIM_PIN_PULL_DOWN, SIM_PIN_OUTPUT };

/* Given to the firmware; each function gets `ctx` first. */
struct sim_host {
    void *ctx;
    uint32_t (*read_clock)(void *ctx);               /* each read takes a fixed time, so that polling loops end */
    void (*set_timer)(void *ctx, uint32_t clock);    /* one compare register: timer_interrupt at or after this clock */
    void (*irq_enabled)(void *ctx, int enabled);     /* the firmware's global interrupt flag changed */
    void (*idle)(void *ctx);                         /* sleep until an interrupt was taken */
    void (*poll)(void *ctx);                         /* take interrupts that are due, without sleeping */
    void (*pin_setup)(void *ctx, uint32_t pin, int mode, int level); /* mode of sim_pin_mode; level for outputs */
    void (*pin_write)(void *ctx, uint32_t pin, int level);
    int (*pin_read)(void *ctx, uint32_t pin);
    void (*send)(void *ctx, const uint8_t *bytes, size_t count); /* queued to the host at the speed of the wire */
    size_t (*send_room)(void *ctx);                  /* bytes that send() can take now (96-byte buffer on UART builds) */
    void (*reset)(void *ctx);                        /* a reset was asked for; does not return when in start() */
    /* Since version 2. A setup gives 0, or -1 when the pin or bus is none. Chips are selected by their pins; `bytes` go out
     * and are replaced by what comes in. */
    int (*analog_setup)(void *ctx, uint32_t pin);
    uint32_t (*analog_read)(void *ctx, uint32_t pin);           /* one conversion, 0..adc_max */
    int (*pwm_setup)(void *ctx, uint32_t pin, uint32_t cycle_ticks, uint32_t value);
    void (*pwm_write)(void *ctx, uint32_t pin, uint32_t value); /* 0..pwm_max */
    int (*spi_setup)(void *ctx, uint32_t bus, int mode, uint32_t rate);
    void (*spi_transfer)(void *ctx, uint32_t bus, int mode, uint32_t rate, uint8_t *bytes, size_t count);
    int (*i2c_setup)(void *ctx, uint32_t bus, uint32_t rate);
    int (*i2c_transfer)(void *ctx, uint32_t bus, uint32_t address, const uint8_t *write, size_t write_count, uint8_t *read,
                        size_t read_count);                     /* gives a sim_i2c_status */
    /* Since version 3. The main loop goes on. When 1/SIM_WATCHDOG_HZ s pass without such a call since the one before, the
     * surroundings drop what runs, as a chip's watchdog does, and start() anew; before the first one they wait. */
    void (*watchdog)(void *ctx);
};

/* Which chip the firmware plays: what goes into its data dictionary. All text is valid until start() returns for good. */
struct sim_persona {
    const char *mcu;              /* constant MCU, e.g. "atmega2560" */
    uint32_t clock_frequency;     /* constant CLOCK_FREQ, Hz */
    uint32_t receive_window;      /* constant RECEIVE_WINDOW, bytes; 0 leaves it out */
    uint32_t serial_baud;         /* constant SERIAL_BAUD; 0 leaves it out (USB) */
    uint32_t adc_max, pwm_max;    /* constants ADC_MAX, PWM_MAX */
    uint32_t move_memory;         /* bytes of RAM for the move queue */
    const char *const *pins;      /* pin names; a pin's number is its index */
    size_t pin_count;
    const char *constants;        /* further members of the dictionary's config object as JSON text, "" for none:
                                     "\"BUS_PINS_spi\":\"PB3,PB2,PB1\"" */
    const char *enumerations;     /* further members of the dictionary's enumerations object as JSON text, "" for none */
};

/* Given by the firmware, by the one exported function klipkit_sim_firmware(). */
struct sim_firmware {
    uint32_t abi_version;         /* SIM_ABI_VERSION */
    void (*start)(const struct sim_host *host, const struct sim_persona *persona);
    void (*timer_interrupt)(void);
    void (*byte_interrupt)(uint8_t byte);
};

const struct sim_firmware *klipkit_sim_firmware(void);
#endif
