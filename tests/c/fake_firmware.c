/* The co-simulator's test double of a firmware: frames in and out, a timer, pins, and a few commands that provoke it.
 *
 * Built by the tests as a shared object with klipkit/wire/crc16.c. Pins: 0 toggles with the timer, 1 with each byte that comes,
 * 2 is an input that the timer copies to 3, 4 and 5 are set by commands. move_memory of the persona is the timer's period in
 * ticks (0: no timer), the first at clock = period; receive_window is the first sequence number that is expected.
 *
 * A good frame is answered with a frame that holds its payload, then with an empty one; any other with an empty one. Commands
 * (first byte of the payload): 'P' pin level: write a pin; 'B' level, level: direction pin 4 and step pin 5 at one instant;
 * 'S' direction, count: count pulses on pin 5 with waits between; 'I' n: n reads of the clock with interrupts off;
 * 'R': reset; 'G' : return from start(); 'A' n: n further answers of 40 bytes; 'C': how many resets its globals remember, in the answer's second byte.
 */
#include "firmware/ports/sim/abi.h"
#include "klipkit/wire/crc16.h"

#include <string.h>

enum { TOGGLE, BYTES, INPUT, COPY, DIR, STEP, PIN_COUNT };

static const struct sim_host *host;
static uint32_t period, due;
static uint8_t levels[PIN_COUNT];
static uint8_t received[4096];
static size_t received_count;
static uint8_t next_seq;
static uint8_t starts; /* a private copy of the object begins at 0, and so does each reset */
static int leaving;

static void write_pin(uint32_t pin, uint8_t level)
{
    levels[pin] = level;
    host->pin_write(host->ctx, pin, level);
}

static void timer_interrupt(void)
{
    write_pin(TOGGLE, !levels[TOGGLE]);
    write_pin(COPY, (uint8_t)host->pin_read(host->ctx, INPUT));
    due += period;
    host->set_timer(host->ctx, due);
}

static void byte_interrupt(uint8_t byte)
{
    write_pin(BYTES, !levels[BYTES]);
    if (received_count < sizeof received)
        received[received_count++] = byte;
}

static void answer(const uint8_t *payload, size_t count)
{
    uint8_t frame[64] = {(uint8_t)(count + 5), 0x10 | (next_seq & 15)};
    memcpy(frame + 2, payload, count);
    uint16_t crc = crc16(frame, count + 2);
    frame[count + 2] = (uint8_t)(crc >> 8);
    frame[count + 3] = (uint8_t)crc;
    frame[count + 4] = 0x7e;
    if (host->send_room(host->ctx) >= count + 5)
        host->send(host->ctx, frame, count + 5);
}

static void read_often(unsigned count)
{
    while (count--)
        host->read_clock(host->ctx);
}

static void step_often(uint8_t direction, unsigned count)
{
    write_pin(DIR, direction);
    for (read_often(1); count--; read_often(1)) {
        write_pin(STEP, 1);
        read_often(1);
        write_pin(STEP, 0);
    }
}

static void execute(uint8_t *payload)
{
    switch (payload[0]) {
    case 'P':
        write_pin(payload[1] % PIN_COUNT, payload[2]);
        break;
    case 'B':
        write_pin(DIR, payload[1]);
        write_pin(STEP, payload[2]);
        break;
    case 'S':
        step_often(payload[1], payload[2]);
        break;
    case 'I':
        host->irq_enabled(host->ctx, 0);
        read_often(payload[1]);
        host->irq_enabled(host->ctx, 1);
        break;
    case 'R':
        host->reset(host->ctx);
        break;
    case 'G':
        leaving = 1;
        break;
    case 'A':
        for (unsigned count = payload[1]; count--;)
            answer(payload, 40);
        break;
    case 'C':
        payload[1] = starts;
        break;
    default:
        break;
    }
}

/* Take one frame, or a byte of garbage, off the front. Gives the number of bytes used, 0 when more are needed. */
static size_t take_frame(void)
{
    size_t size = received[0];
    if (size < 5 || size > 64)
        return 1;
    if (received_count < size)
        return 0;
    uint16_t crc = crc16(received, size - 3);
    if (received[size - 1] != 0x7e || received[size - 3] != crc >> 8 || received[size - 2] != (crc & 255)) {
        answer(received, 0);
        return 1;
    }
    uint8_t payload[64] = {0};
    memcpy(payload, received + 2, size - 5);
    if ((received[1] & 15) == (next_seq & 15)) {
        next_seq++;
        if (size > 5) {
            execute(payload);
            answer(payload, size - 5);
        }
    }
    answer(received, 0);
    return size;
}

static void start(const struct sim_host *given, const struct sim_persona *persona)
{
    host = given;
    starts++;
    period = due = persona->move_memory;
    next_seq = (uint8_t)persona->receive_window;
    for (uint32_t pin = 0; pin < PIN_COUNT; pin++)
        host->pin_setup(host->ctx, pin, pin == INPUT ? SIM_PIN_PULL_UP : SIM_PIN_OUTPUT, 0);
    if (period)
        host->set_timer(host->ctx, due);
    host->irq_enabled(host->ctx, 1);
    while (!leaving) {
        host->idle(host->ctx);
        for (size_t used; received_count && (used = take_frame()) != 0;) {
            received_count -= used;
            memmove(received, received + used, received_count);
        }
    }
}

__attribute__((visibility("default"))) const struct sim_firmware *klipkit_sim_firmware(void)
{
    static const struct sim_firmware firmware = {SIM_ABI_VERSION, start, timer_interrupt, byte_interrupt};
    return &firmware;
}
