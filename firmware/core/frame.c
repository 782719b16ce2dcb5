/* Frames: see frame.h. */
#include "core/frame.h"

#include <stdbool.h>

#include "core/command.h"
#include "core/console.h"
#include "core/crc16.h"
#include "core/declare.h"
#include "hal/console.h"
#include "hal/irq.h"

enum { NUMBER_FIXED = 0x10, NUMBER_MASK = 0x0f };

/* The frame that is executed. The values of a cut command are read beyond its end, a byte each: see command.c. */
static uint8_t buffer[FRAME_MOST + COMMAND_VALUES_MOST];
static uint8_t expected;   /* number of the next frame, 0..15 */
static bool lost;          /* dropping bytes up to the next sync */
static bool told;          /* the nak for this run of garbage is out */
static bool executing;     /* the frame in the buffer; its ack is owed */

STARTUP_ZERO(frame)
{
    expected = 0;
    lost = told = executing = false;
}

void frame_send(uint8_t *frame, uint8_t count)
{
    uint8_t length = count + FRAME_HEAD + FRAME_TAIL;
    if (console_room() < length)
        return;
    frame[0] = length;
    frame[1] = NUMBER_FIXED | expected;
    uint16_t crc = crc16(frame, count + FRAME_HEAD);
    frame[length - 3] = (uint8_t)(crc >> 8);
    frame[length - 2] = (uint8_t)crc;
    frame[length - 1] = FRAME_SYNC;
    console_send(frame, length);
}

/* Ack or nak: which of them it is depends only on what the host has sent. */
static void send_empty(void)
{
    uint8_t frame[FRAME_LEAST];
    frame_send(frame, 0);
}

const uint8_t *frame_payload(void)
{
    return buffer + FRAME_HEAD;
}

/* A shutdown that comes before the end of it has the ack sent once more, which a host bears; it is not left out. */
static void finish(void)
{
    send_empty();
    executing = false;
}

void frame_resume(void)
{
    if (executing)
        finish();
}

static void execute(uint8_t length)
{
    irq_disable(); /* whatever a shutdown interrupts, the frame is either still in the ring or acked */
    console_drop(length);
    expected = (expected + 1) & NUMBER_MASK;
    executing = true;
    irq_enable();
    command_run(buffer + FRAME_HEAD, length - FRAME_HEAD - FRAME_TAIL);
    finish();
}

static void take_frame(uint8_t length)
{
    told = false;
    if (buffer[1] == (NUMBER_FIXED | expected)) {
        execute(length);
        return;
    }
    console_drop(length);
    send_empty();
}

/* What the ring begins with. */
enum verdict { SHORT, GOOD, BAD };

static enum verdict judge(console_count count, uint8_t length)
{
    if (length < FRAME_LEAST || length > FRAME_MOST)
        return BAD;
    if (count < FRAME_HEAD)
        return SHORT;
    if ((console_peek(1) & ~NUMBER_MASK) != NUMBER_FIXED)
        return BAD;
    if (count < length)
        return SHORT;
    if (console_peek(length - 1) != FRAME_SYNC)
        return BAD;
    uint16_t crc = crc16_copy(buffer, length - FRAME_TAIL);
    buffer[length - FRAME_TAIL] = 0; /* no value goes on here */
    bool good = console_peek(length - 3) == (uint8_t)(crc >> 8) && console_peek(length - 2) == (uint8_t)crc;
    return good ? GOOD : BAD;
}

static void drop_to_sync(console_count count)
{
    while (count-- && lost) {
        lost = console_peek(0) != FRAME_SYNC;
        console_drop(1);
    }
}

static void complain(void)
{
    if (!told)
        send_empty();
    told = true;
    lost = true;
}

void frame_work(void)
{
    console_count count;
    while ((count = (console_count)(console_head - console_tail))) {
        uint8_t length = console_peek(0);
        if (lost) {
            drop_to_sync(count);
            continue;
        }
        if (length == FRAME_SYNC) {
            console_drop(1);
            continue;
        }
        enum verdict verdict = judge(count, length);
        if (verdict == SHORT)
            return;
        if (verdict == GOOD)
            take_frame(length);
        else
            complain();
    }
}
