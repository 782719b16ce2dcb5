/* The AVR's console: its first UART, 8 data bits, no parity. Bytes are received in receive.S. */
#include "hal/console.h"

#include "core/declare.h"
#include "hal/irq.h"

#ifdef UCSR0A
#ifdef USART0_RX_vect
#define EMPTY_vect USART0_UDRE_vect
#else
#define EMPTY_vect USART_UDRE_vect
#endif
#define STATUS UCSR0A
#define CONTROL UCSR0B
#define FORMAT UCSR0C
#define DATA UDR0
#define DIVISOR UBRR0
#else
#define EMPTY_vect USART1_UDRE_vect
#define STATUS UCSR1A
#define CONTROL UCSR1B
#define FORMAT UCSR1C
#define DATA UDR1
#define DIVISOR UBRR1
#endif

/* Bits have the same places in all these chips' UARTs. */
enum { DOUBLE_SPEED = 1 << 1, EIGHT_BITS = 3 << 1, RECEIVE = 1 << 7 | 1 << 4, TRANSMIT = 1 << 3, EMPTY = 1 << 5 };
enum { SEND_RING = 96 }; /* bytes; what does not fit is lost, as with stock firmware */

_Static_assert(F_CPU / 8 / BAUD >= 1, "a baud rate that the UART can make");

static uint8_t ring[SEND_RING];
static volatile uint8_t count; /* bytes in the ring */
static uint8_t in, out;

STARTUP(uart)
{
    count = in = out = 0;
    STATUS = DOUBLE_SPEED;
    DIVISOR = (F_CPU + 4 * BAUD) / (8 * BAUD) - 1;
    FORMAT = EIGHT_BITS;
    CONTROL = RECEIVE | TRANSMIT;
}

ISR(EMPTY_vect)
{
    if (!count) {
        CONTROL = RECEIVE | TRANSMIT;
        return;
    }
    DATA = ring[out];
    out = out == SEND_RING - 1 ? 0 : out + 1;
    count--;
}

uint16_t console_room(void)
{
    return SEND_RING - count;
}

/* A shutdown that comes before all is there leaves the ring as it was. */
void console_send(const uint8_t *bytes, uint8_t length)
{
    uint8_t at = in;
    for (uint8_t i = 0; i < length; i++) {
        ring[at] = bytes[i];
        at = at == SEND_RING - 1 ? 0 : at + 1;
    }
    bool enabled = irq_save();
    in = at;
    count += length;
    CONTROL = RECEIVE | TRANSMIT | EMPTY;
    irq_restore(enabled);
}
