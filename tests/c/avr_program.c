/* The co-simulator's test double of an AVR's firmware: frames in and out by polling, pins, ADC, SPI, watchdog. atmega2560, 16 MHz.
 *
 * Pin PE4 is an input with a pull-up that the main loop copies to PB7 all the time. A good frame in its turn is answered with one
 * of the same length whose payload is the result, then with an empty one; any other with an empty one. Commands (first byte of the payload):
 *
 *     'E'             echo                       'M'         second byte: MCUSR at the start; third: starts since power-on
 *     'S' dir, count  pulses on PF0, direction PF1           'W'         hang, with the watchdog at 15 ms and no interrupts
 *     'A' channel, 0  a conversion, low byte first           'X' byte    second byte: what came over SPI for it
 *     'T' port bits   sbi on a pin register with others set: PC is 0x05, then bit 1 is toggled; second byte: PINC
 *     'P' value       PWM of PB4 (timer 2) and PH5 (timer 4); 0 disconnects them
 */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/wdt.h>
#include <string.h>
#include <util/delay.h>


enum { SYNC = 0x7e, HEAD = 2, TAIL = 3, STEP_US = 10 };

static uint8_t cause __attribute__((section(".noinit"))), starts __attribute__((section(".noinit")));
static uint8_t frame[64];
static uint8_t next = 1; /* A nibble at a time, as the chip's firmware does it: the host's tables would fill the memory. */
static uint16_t crc16(const uint8_t *bytes, uint8_t count)
{
    static const uint16_t NIBBLE[16] = {
        0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285, 0x6306, 0x7387,
        0x8408, 0x9489, 0xa50a, 0xb58b, 0xc60c, 0xd68d, 0xe70e, 0xf78f,
    };
    uint16_t crc = 0xffff;
    for (uint8_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        crc = (crc >> 4) ^ NIBBLE[crc & 15];
        crc = (crc >> 4) ^ NIBBLE[crc & 15];
    }
    return crc;
}

/* sequence number that is expected */

__attribute__((naked, used, section(".init3"))) static void take_cause(void)
{
    cause = MCUSR;
    MCUSR = 0;
    wdt_disable();
}

static void put(uint8_t byte)
{
    while (!(UCSR0A & 1 << UDRE0))
        ;
    UDR0 = byte;
}

static void set_up(void)
{
    starts = cause & 1 << PORF ? 1 : starts + 1;
    UCSR0A = 1 << U2X0;
    UBRR0 = 7; /* 250000 baud */
    UCSR0B = 1 << RXEN0 | 1 << TXEN0;
    PORTE = 1 << 4;
    DDRB = 1 << 7;
    DDRF = 3;
    TCCR1B = 1 << CS10;
    TCNT1 = 0;
}

static void step(uint8_t direction, uint8_t count)
{
    PORTF = direction ? 2 : 0;
    while (count--) {
        _delay_us(STEP_US);
        PORTF |= 1;
        PORTF &= (uint8_t)~1;
    }
}

static void convert(uint8_t channel)
{
    ADMUX = (uint8_t)(1 << REFS0 | (channel & 7));
    ADCSRB = channel & 8 ? 1 << MUX5 : 0;
    ADCSRA = 1 << ADEN | 1 << ADSC | 7;
    while (ADCSRA & 1 << ADSC)
        ;
    frame[HEAD + 1] = ADCL;
    frame[HEAD + 2] = ADCH;
}

static uint8_t exchange(uint8_t byte)
{
    DDRB |= 1 << 0 | 1 << 1 | 1 << 2;
    SPCR = 1 << SPE | 1 << MSTR;
    SPDR = byte;
    while (!(SPSR & 1 << SPIF))
        ;
    return SPDR;
}

static uint8_t toggle_one(void)
{
    DDRC = 0xff;
    PORTC = 0x05;
    __asm__ volatile("sbi %0, 1" ::"I"(_SFR_IO_ADDR(PINC)));
    __asm__ volatile("nop");
    return PINC;
}

static void set_pwm(uint8_t value)
{
    OCR2A = value;
    OCR4C = value;
    TCCR2A = value ? 1 << COM2A1 | 1 << WGM20 : 0;
    TCCR4A = value ? 1 << COM4C1 | 1 << WGM40 : 0;
    TCCR2B = 1 << CS20;
    TCCR4B = 1 << CS40;
}

static void hang(void)
{
    wdt_enable(WDTO_15MS);
    wdt_reset();
    for (;;)
        ;
}

static void execute(const uint8_t *payload)
{
    switch (payload[0]) {
    case 'M':
        frame[HEAD + 1] = cause;
        frame[HEAD + 2] = starts;
        break;
    case 'S':
        step(payload[1], payload[2]);
        break;
    case 'A':
        convert(payload[1]);
        break;
    case 'X':
        frame[HEAD + 1] = exchange(payload[1]);
        break;
    case 'T':
        frame[HEAD + 1] = toggle_one();
        break;
    case 'P':
        set_pwm(payload[1]);
        break;
    case 'W':
        hang();
    }
}

static void answer(uint8_t size)
{
    frame[0] = size;
    frame[1] = (uint8_t)(0x10 | next);
    uint16_t crc = crc16(frame, size - TAIL);
    frame[size - 3] = (uint8_t)(crc >> 8);
    frame[size - 2] = (uint8_t)crc;
    frame[size - 1] = SYNC;
    for (uint8_t i = 0; i < size; i++)
        put(frame[i]);
}

static uint8_t is_good(uint8_t size)
{
    uint16_t crc = crc16(frame, size - TAIL);
    return frame[size - 3] == crc >> 8 && frame[size - 2] == (uint8_t)crc && frame[size - 1] == SYNC;
}

/* A frame has come. Gives 0 when it was damaged: the next one begins after a sync byte. */
static uint8_t take(uint8_t size)
{
    uint8_t good = is_good(size);
    if (good && frame[1] == (0x10 | next)) {
        next = (next + 1) & 0xf;
        execute(frame + HEAD);
        answer(size);
    }
    answer(HEAD + TAIL);
    return good;
}

static void copy_pin(void)
{
    if (PINE & 1 << 4)
        PORTB |= 1 << 7;
    else
        PORTB &= (uint8_t)~(1 << 7);
}

int main(void)
{
    set_up();
    for (uint8_t count = 0, synced = 1;;) {
        copy_pin();
        if (!(UCSR0A & 1 << RXC0))
            continue;
        uint8_t byte = UDR0;
        if (!synced) {
            synced = byte == SYNC;
            continue;
        }
        frame[count++] = byte;
        if (frame[0] < HEAD + TAIL || frame[0] > sizeof frame) {
            count = 0;
        } else if (count == frame[0]) {
            synced = take(count) || frame[count - 1] == SYNC;
            count = 0;
        }
    }
}
