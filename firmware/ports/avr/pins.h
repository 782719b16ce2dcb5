/* Which pin does what, by chip. Sources, each its section of alternate port functions and the tables of its pins:
 *
 *     ATmega640/1280/2560           data sheet 2549, 1 and 13.3        PINL is defined
 *     ATmega164/324/644/1284(P)     data sheet 8272, 1 and 14.3        PINA, but no PINE
 *     ATmega48/88/168/328(P)        data sheet 8271, 1 and 14.3        neither PINA nor PINE
 *     AT90USB646/1286               data sheet 7593, 1 and 11.3        PINA and PINE
 *     ATmega16U4/32U4               data sheet 7766, 1 and 10.3        PINE, but no PINA
 *
 * The outputs of timer 1 are left out: it is the clock.
 */
#ifndef AVR_PINS_H
#define AVR_PINS_H

#define PIN_A(bit) (bit)
#define PIN_B(bit) (8 + (bit))
#define PIN_C(bit) (16 + (bit))
#define PIN_D(bit) (24 + (bit))
#define PIN_E(bit) (32 + (bit))
#define PIN_F(bit) (40 + (bit))
#define PIN_G(bit) (48 + (bit))
#define PIN_H(bit) (56 + (bit))
#define PIN_K(bit) (80 + (bit))
#define PIN_L(bit) (88 + (bit))

/* The UART of the console, receiver first. The SPI bus: MISO, MOSI, SCK. The two-wire bus: SCL, SDA. Names are for the host.
 * ANALOG_PINS: by channel. PWM_OUTPUTS(OUTPUT, OUTPUT_2, OUTPUT_WIDE): pin, timer, channel; of 8-bit timers, of timer 2, which
 * has prescalers of its own, of 16-bit timers. */
#if defined(PINL)

#define SERIAL_PINS "PE0,PE1"
#define SPI_PINS "PB3,PB2,PB1"
enum { SPI_SELECT = PIN_B(0), SPI_CLOCK = PIN_B(1), SPI_OUT = PIN_B(2), SPI_IN = PIN_B(3) };
#define TWI_PINS "PD0,PD1"
enum { TWI_CLOCK = PIN_D(0), TWI_DATA = PIN_D(1) };
#define ANALOG_PINS \
    PIN_F(0), PIN_F(1), PIN_F(2), PIN_F(3), PIN_F(4), PIN_F(5), PIN_F(6), PIN_F(7), \
    PIN_K(0), PIN_K(1), PIN_K(2), PIN_K(3), PIN_K(4), PIN_K(5), PIN_K(6), PIN_K(7)
#define PWM_OUTPUTS(OUTPUT, OUTPUT_2, OUTPUT_WIDE) \
    OUTPUT(PIN_B(7), 0, A) OUTPUT(PIN_G(5), 0, B) OUTPUT_2(PIN_B(4), 2, A) OUTPUT_2(PIN_H(6), 2, B) \
    OUTPUT_WIDE(PIN_E(3), 3, A) OUTPUT_WIDE(PIN_E(4), 3, B) OUTPUT_WIDE(PIN_E(5), 3, C) \
    OUTPUT_WIDE(PIN_H(3), 4, A) OUTPUT_WIDE(PIN_H(4), 4, B) OUTPUT_WIDE(PIN_H(5), 4, C) \
    OUTPUT_WIDE(PIN_L(3), 5, A) OUTPUT_WIDE(PIN_L(4), 5, B) OUTPUT_WIDE(PIN_L(5), 5, C)

#elif defined(PINA) && !defined(PINE)

#define SERIAL_PINS "PD0,PD1"
#define SPI_PINS "PB6,PB5,PB7"
enum { SPI_SELECT = PIN_B(4), SPI_OUT = PIN_B(5), SPI_IN = PIN_B(6), SPI_CLOCK = PIN_B(7) };
#define TWI_PINS "PC0,PC1"
enum { TWI_CLOCK = PIN_C(0), TWI_DATA = PIN_C(1) };
#define ANALOG_PINS PIN_A(0), PIN_A(1), PIN_A(2), PIN_A(3), PIN_A(4), PIN_A(5), PIN_A(6), PIN_A(7)
#ifdef TCCR3A
#define PWM_OUTPUTS_3(OUTPUT_WIDE) OUTPUT_WIDE(PIN_B(6), 3, A) OUTPUT_WIDE(PIN_B(7), 3, B)
#else
#define PWM_OUTPUTS_3(OUTPUT_WIDE)
#endif
#define PWM_OUTPUTS(OUTPUT, OUTPUT_2, OUTPUT_WIDE) \
    OUTPUT(PIN_B(3), 0, A) OUTPUT(PIN_B(4), 0, B) OUTPUT_2(PIN_D(7), 2, A) OUTPUT_2(PIN_D(6), 2, B) PWM_OUTPUTS_3(OUTPUT_WIDE)

#elif !defined(PINE)

#define SERIAL_PINS "PD0,PD1"
#define SPI_PINS "PB4,PB3,PB5"
enum { SPI_SELECT = PIN_B(2), SPI_OUT = PIN_B(3), SPI_IN = PIN_B(4), SPI_CLOCK = PIN_B(5) };
#define TWI_PINS "PC5,PC4"
enum { TWI_CLOCK = PIN_C(5), TWI_DATA = PIN_C(4) };
#define ANALOG_PINS PIN_C(0), PIN_C(1), PIN_C(2), PIN_C(3), PIN_C(4), PIN_C(5)
#define PWM_OUTPUTS(OUTPUT, OUTPUT_2, OUTPUT_WIDE) \
    OUTPUT(PIN_D(6), 0, A) OUTPUT(PIN_D(5), 0, B) OUTPUT_2(PIN_B(3), 2, A) OUTPUT_2(PIN_D(3), 2, B)

#elif defined(PINA)

#define SERIAL_PINS "PD2,PD3" /* its only UART is number 1 */
#define SPI_PINS "PB3,PB2,PB1"
enum { SPI_SELECT = PIN_B(0), SPI_CLOCK = PIN_B(1), SPI_OUT = PIN_B(2), SPI_IN = PIN_B(3) };
#define TWI_PINS "PD0,PD1"
enum { TWI_CLOCK = PIN_D(0), TWI_DATA = PIN_D(1) };
#define ANALOG_PINS PIN_F(0), PIN_F(1), PIN_F(2), PIN_F(3), PIN_F(4), PIN_F(5), PIN_F(6), PIN_F(7)
#define PWM_OUTPUTS(OUTPUT, OUTPUT_2, OUTPUT_WIDE) \
    OUTPUT(PIN_B(7), 0, A) OUTPUT(PIN_D(0), 0, B) OUTPUT_2(PIN_B(4), 2, A) OUTPUT_2(PIN_D(1), 2, B) \
    OUTPUT_WIDE(PIN_C(6), 3, A) OUTPUT_WIDE(PIN_C(5), 3, B) OUTPUT_WIDE(PIN_C(4), 3, C)

#else

#define SERIAL_PINS "PD2,PD3"
#define SPI_PINS "PB3,PB2,PB1"
enum { SPI_SELECT = PIN_B(0), SPI_CLOCK = PIN_B(1), SPI_OUT = PIN_B(2), SPI_IN = PIN_B(3) };
#define TWI_PINS "PD0,PD1"
enum { TWI_CLOCK = PIN_D(0), TWI_DATA = PIN_D(1) };
#define NO_PIN 0xff
#define ANALOG_PINS \
    PIN_F(0), PIN_F(1), NO_PIN, NO_PIN, PIN_F(4), PIN_F(5), PIN_F(6), PIN_F(7), \
    PIN_D(4), PIN_D(6), PIN_D(7), PIN_B(4), PIN_B(5), PIN_B(6)
/* Timer 4's outputs are in pwm.c: no other chip has such a timer. */
#define PWM_OUTPUTS(OUTPUT, OUTPUT_2, OUTPUT_WIDE) \
    OUTPUT(PIN_B(7), 0, A) OUTPUT(PIN_D(0), 0, B) OUTPUT_WIDE(PIN_C(6), 3, A)

#endif
#endif
