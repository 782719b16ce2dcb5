/* What the dictionary says of the chip: constants and pins. */
#include "core/declare.h"
#include "port.h"
#include "ports/avr/pins.h"

CONSTANT(MCU, CHIP_NAME);
CONSTANT(CLOCK_FREQ, F_CPU);
CONSTANT(STEPPER_OPTIMIZED_UNSTEP, GPIO_PULSE_TICKS);
CONSTANT(SERIAL_BAUD, BAUD);
#if RECEIVE_RING == 256
CONSTANT(RECEIVE_WINDOW, 192);
#else
CONSTANT(RECEIVE_WINDOW, 96);
#endif

CONSTANT(RESERVE_PINS_serial, SERIAL_PINS);

#ifdef PINA
ENUMERATION_RANGE("pin", "PA0", 0, 8);
#endif
ENUMERATION_RANGE("pin", "PB0", 8, 8);
ENUMERATION_RANGE("pin", "PC0", 16, 8);
ENUMERATION_RANGE("pin", "PD0", 24, 8);
#ifdef PINE
ENUMERATION_RANGE("pin", "PE0", 32, 8);
#endif
#ifdef PINF
ENUMERATION_RANGE("pin", "PF0", 40, 8);
#endif
#ifdef PING
ENUMERATION_RANGE("pin", "PG0", 48, 8);
#endif
#ifdef PINH
ENUMERATION_RANGE("pin", "PH0", 56, 8);
#endif
#ifdef PINJ
ENUMERATION_RANGE("pin", "PJ0", 72, 8);
#endif
#ifdef PINK
ENUMERATION_RANGE("pin", "PK0", 80, 8);
#endif
#ifdef PINL
ENUMERATION_RANGE("pin", "PL0", 88, 8);
#endif
