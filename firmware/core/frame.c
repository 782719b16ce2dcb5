/* Frames: see frame.h. */
#include "core/frame.h"

#include <stdbool.h>
#include <string.h>

#include "core/command.h"
#include "core/crc16.h"
#include "core/declare.h"
#include "hal/console.h"

enum { NUMBER_FIXED = 0x10, NUMBER_MASK = 0x0f };

uint8_t frame_buffer[FRAME_MOST];
uint8_t frame_filled, frame_wanted;
static uint8_t expected;   /* number of the next frame, 0..15 */
static bool lost;          /* dropping bytes up to the next sync */
static bool told;          /* the nak for this run of garbage is out */
static bool executing;     /* the frame at the front of the buffer */
static bool abandoned;     /* a shutdown came in the midst of it all */

STARTUP_ZERO(frame)
{
    frame_filled = frame_wanted = 0;
    expected = 0;
    lost = told = executing = abandoned = false;
}

ON_SHUTDOWN(frame)
{
    abandoned = true;
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

static void drop(uint8_t count)
{
    frame_filled -= count;
    memmove(frame_buffer, frame_buffer + count, frame_filled);
}

static void drop_to_sync(void)
{
    const uint8_t *sync = memchr(frame_buffer, FRAME_SYNC, frame_filled);
    lost = !sync;
    drop(sync ? (uint8_t)(sync - frame_buffer + 1) : frame_filled);
}

const uint8_t *frame_payload(void)
{
    return frame_buffer + FRAME_HEAD;
}

/* A shutdown may come anywhere in here: then the ack is sent once more, which a host bears; it is not left out. */
static void finish(void)
{
    send_empty();
    executing = false;
    drop(frame_buffer[0]);
}

static void take_frame(void)
{
    told = false;
    if (frame_buffer[1] != (NUMBER_FIXED | expected)) {
        drop(frame_buffer[0]);
        send_empty();
        return;
    }
    executing = true;
    expected = (expected + 1) & NUMBER_MASK;
    command_run(frame_buffer + FRAME_HEAD, frame_buffer[0] - FRAME_HEAD - FRAME_TAIL);
    finish();
}

/* What the buffer begins with. */
enum verdict { SHORT, GOOD, BAD };

static enum verdict judge(void)
{
    uint8_t length = frame_buffer[0];
    if (length < FRAME_LEAST || length > FRAME_MOST)
        return BAD;
    if (frame_filled < FRAME_HEAD)
        return SHORT;
    if ((frame_buffer[1] & ~NUMBER_MASK) != NUMBER_FIXED)
        return BAD;
    if (frame_filled < length)
        return SHORT;
    uint16_t crc = (uint16_t)((uint16_t)frame_buffer[length - 3] << 8 | frame_buffer[length - 2]);
    if (frame_buffer[length - 1] != FRAME_SYNC || crc != crc16(frame_buffer, length - FRAME_TAIL))
        return BAD;
    return GOOD;
}

/* Consume the buffer as far as it can be judged. */
void frame_work(void)
{
    frame_wanted = 0;
    while (frame_filled) {
        if (lost) {
            drop_to_sync();
            continue;
        }
        if (frame_buffer[0] == FRAME_SYNC) {
            drop(1);
            continue;
        }
        enum verdict verdict = judge();
        if (verdict == SHORT) {
            frame_wanted = frame_filled < FRAME_HEAD ? FRAME_HEAD : frame_buffer[0];
            return;
        }
        if (verdict == GOOD) {
            take_frame();
            continue;
        }
        if (!told)
            send_empty();
        told = true;
        lost = true;
    }
}

void frame_resume(void)
{
    if (!abandoned)
        return;
    abandoned = false;
    if (executing)
        finish();
    frame_work();
}
