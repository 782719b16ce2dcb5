/* The UART of a stepper driver, bit by bit (TMC2209 data sheet, section 4; TMC2208 and TMC2240 have the same).
 *
 *     request  x5  address  register          crc                   4 bytes: read
 *              x5  address  register | 0x80   data (4)  crc         8 bytes: write
 *     answer   05  ff       register          data (4)  crc         after SENDDELAY
 *
 * The first byte's edges give the length of a bit:      ~~\__/~~\__/~~\__...    start 1 0 1 0 ...
 *                                                         0  1  2  3  4 bits
 * A pause of more than 63 bits, a wrong CRC or stop bit ends a request; the driver listens again after 12 bits of rest.
 */
#include "klipkit/sim/inner/driver.h"

#include <errno.h>
#include <string.h>

#include "klipkit/sim/inner/world.h"

enum { IDLE, MEASURING, READING, BETWEEN, DEAF, SENDING }; /* states */

enum {
    SYNC = 0x05, MASTER = 0xff, WRITE = 0x80, SLAVECONF = 0x03,
    READ_SIZE = 4, WRITE_SIZE = 8, ANSWER_SIZE = 8,
    EDGES = 4,           /* after the first, that measure a bit; by then 4 bits of the byte are known */
    BYTE_BITS = 10, PAUSE_BITS = 63, REST_BITS = 12,
};

static const double PATIENCE = 0.01; /* s for the edges of the first byte: 9600 baud is the slowest, 9 kbaud works */

static struct driver_uart *of_line(struct follower *line)
{
    return (struct driver_uart *)(void *)line;
}

static int is_connected(const struct driver_uart *uart)
{
    for (size_t i = 0; i < uart->select_count; i++)
        if (uart->selects[i].pin->level != uart->selects[i].level)
            return 0;
    return !uart->driver->is_unpowered;
}

static void drive(const struct driver_uart *uart, int level)
{
    cosim_drive(uart->driver->cosim, (int)uart->mcu->number, uart->rx, level);
}

static void expect(struct driver_uart *uart, uint64_t time)
{
    events_set(&uart->driver->cosim->events, &uart->next, time);
}

static void listen(struct driver_uart *uart)
{
    uart->state = IDLE;
    uart->count = 0;
    events_clear(&uart->driver->cosim->events, &uart->next);
}

static void give_up(struct driver_uart *uart)
{
    uart->driver->misread++;
    uart->state = DEAF;
    expect(uart, uart->driver->cosim->now + REST_BITS * uart->bit);
}

/* x^8 + x^2 + x + 1, each byte from its lowest bit on (section 4.2). */
static uint8_t crc_of(const uint8_t *bytes, size_t count)
{
    uint8_t crc = 0;
    for (size_t i = 0; i < count; i++)
        for (int bit = 0; bit < 8; bit++)
            crc = (uint8_t)(crc << 1 ^ ((crc >> 7 ^ bytes[i] >> bit) & 1 ? 0x07 : 0));
    return crc;
}

/* --- answers --- */

static void begin_answer(struct driver_uart *uart)
{
    uint32_t address = uart->bytes[2], value = driver_read(uart->driver, address & 0x7f);
    uint8_t answer[ANSWER_SIZE] = {SYNC, MASTER, (uint8_t)address, (uint8_t)(value >> 24), (uint8_t)(value >> 16),
                                   (uint8_t)(value >> 8), (uint8_t)value};
    answer[ANSWER_SIZE - 1] = crc_of(answer, ANSWER_SIZE - 1);
    memcpy(uart->bytes, answer, sizeof answer);
    uint32_t delay = (driver_bits(uart->driver, SLAVECONF, 8, 4) | 1) * 8; /* SENDDELAY 0, 1: 8 bits; 2, 3: 24 ... */
    uart->state = SENDING;
    uart->place = 0;
    expect(uart, uart->driver->cosim->now + delay * uart->bit);
}

static void send_bit(struct driver_uart *uart)
{
    uint32_t byte = uart->place / BYTE_BITS, bit = uart->place % BYTE_BITS;
    if (byte == ANSWER_SIZE) {
        drive(uart, 1);
        listen(uart);
        return;
    }
    drive(uart, bit == 0 ? 0 : bit == BYTE_BITS - 1 ? 1 : uart->bytes[byte] >> (bit - 1) & 1);
    uart->place++;
    expect(uart, uart->driver->cosim->now + uart->bit);
}

/* --- requests --- */

static void take_request(struct driver_uart *uart)
{
    struct driver *driver = uart->driver;
    if (uart->bytes[1] != uart->address) {
        listen(uart);
        return;
    }
    driver->datagrams++;
    if (!(uart->bytes[2] & WRITE)) {
        begin_answer(uart);
        return;
    }
    const uint8_t *data = uart->bytes + 3;
    uint32_t value = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
    driver->ifcnt = (driver->ifcnt + 1) & 0xff;
    driver_write(driver, uart->bytes[2] & 0x7f, value);
    listen(uart);
}

static void take_byte(struct driver_uart *uart)
{
    uart->bytes[uart->count++] = (uint8_t)uart->shift;
    if (uart->count == 1 && (uart->shift & 0x0f) != SYNC) {
        give_up(uart);
        return;
    }
    size_t wanted = uart->count < 3 ? READ_SIZE : uart->bytes[2] & WRITE ? WRITE_SIZE : READ_SIZE;
    if (uart->count < wanted) {
        uart->state = BETWEEN;
        expect(uart, uart->driver->cosim->now + PAUSE_BITS * uart->bit);
    } else if (crc_of(uart->bytes, uart->count - 1) == uart->bytes[uart->count - 1]) {
        take_request(uart);
    } else {
        give_up(uart);
    }
}

/* In the middle of bit `place` of a byte: 1 .. 8 are data, 9 is the stop bit. */
static void sample(struct driver_uart *uart)
{
    uint32_t level = uart->level != 0;
    if (uart->place == BYTE_BITS - 1) {
        if (level)
            take_byte(uart);
        else
            give_up(uart);
        return;
    }
    uart->shift |= level << (uart->place - 1);
    uart->place++;
    expect(uart, uart->began + uart->place * uart->bit + uart->bit / 2);
}

static void next_due(void *owner)
{
    struct driver_uart *uart = owner;
    switch (uart->state) {
    case READING:
        sample(uart);
        break;
    case SENDING:
        send_bit(uart);
        break;
    case BETWEEN:
        give_up(uart);
        break;
    default: /* MEASURING was too long, or DEAF is over */
        listen(uart);
    }
}

static void begin_byte(struct driver_uart *uart)
{
    uart->began = uart->driver->cosim->now;
    uart->shift = 0;
    uart->edges = 0;
    if (uart->state == IDLE) {
        uart->state = MEASURING;
        expect(uart, uart->began + ticks_units(PATIENCE));
        return;
    }
    uart->state = READING;
    uart->place = 1;
    expect(uart, uart->began + uart->bit + uart->bit / 2);
}

/* Start, 1, 0, 1, 0: the last of these edges is at the end of bit 3, the fourth of the byte. */
static void measure(struct driver_uart *uart)
{
    if (++uart->edges < EDGES)
        return;
    uart->bit = (uart->driver->cosim->now - uart->began) / EDGES;
    uart->shift = SYNC & 0x7;
    uart->place = 4;
    uart->state = READING;
    expect(uart, uart->began + uart->place * uart->bit + uart->bit / 2);
}

static void line_fell(struct driver_uart *uart)
{
    if (uart->state == IDLE || uart->state == BETWEEN)
        begin_byte(uart);
}

/* What the MCU drives; what a driver drives itself, or another one on the line, is not listened to. */
static void see_line(struct follower *self, const struct pin *pin)
{
    struct driver_uart *uart = of_line(self);
    if (pin->mode != SIM_PIN_OUTPUT || uart->state == SENDING || pin->level == uart->level)
        return;
    uart->level = pin->level;
    if (uart->rx != uart->tx)
        drive(uart, pin->level);
    if (!is_connected(uart))
        return;
    if (uart->state == MEASURING)
        measure(uart);
    else if (uart->state == DEAF)
        expect(uart, uart->driver->cosim->now + REST_BITS * uart->bit);
    else if (!pin->level)
        line_fell(uart);
}

void driver_uart_power(struct driver *driver)
{
    if (!driver->uart.driver)
        return;
    listen(&driver->uart);
    drive(&driver->uart, driver->is_unpowered ? -1 : 1);
}

int cosim_driver_uart(struct cosim *cosim, int driver, int mcu, uint32_t rx, uint32_t tx, uint32_t address)
{
    struct driver *of = driver_at(cosim, driver);
    struct mcu *on = pins_owner(cosim, mcu, rx);
    if (!of || of->uart.driver || of->chain || !on || !pins_owner(cosim, mcu, tx) || address > 255)
        return -EINVAL;
    of->uart = (struct driver_uart){.line = {.see = see_line}, .driver = of, .mcu = on, .rx = rx, .tx = tx, .address = address,
                                    .next = {.due = next_due, .owner = &of->uart}, .level = 1};
    models_follow(&on->pins[tx], &of->uart.line);
    drive(&of->uart, 1);
    return 0;
}

int cosim_driver_select(struct cosim *cosim, int driver, int mcu, uint32_t pin, int level)
{
    struct driver *of = driver_at(cosim, driver);
    struct mcu *on = pins_owner(cosim, mcu, pin);
    if (!of || !on || of->uart.select_count == COSIM_SELECTS_MOST)
        return -EINVAL;
    of->uart.selects[of->uart.select_count].pin = &on->pins[pin];
    of->uart.selects[of->uart.select_count++].level = level != 0;
    return 0;
}
