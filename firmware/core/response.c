/* Messages: responses, see command.h. */
#include <stddef.h>
#include <string.h>

#include "core/command.h"
#include "core/declare.h"
#include "core/frame.h"

static volatile bool encoding;

STARTUP_ZERO(response)
{
    encoding = false;
}

/* After a shutdown the encoder may have been abandoned half way. */
ON_SHUTDOWN(response)
{
    encoding = false;
}

/* The shortest encoding of the value read as signed: n bytes hold -32 * 128^(n-1) .. 96 * 128^(n-1) - 1. */
static uint8_t *put_value(uint8_t *out, uint32_t value)
{
    uint8_t *last = out, more = 0;
    for (int32_t rest = (int32_t)value; rest < -32 || rest >= 96; rest >>= 7)
        last++;
    for (uint8_t *at = last; at >= out; at--, value >>= 7, more = 0x80)
        *at = (uint8_t)(value & 0x7f) | more;
    return last + 1;
}

static uint8_t *put_number(uint8_t *out, uint16_t number)
{
    if (number > 0x7f)
        *out++ = (uint8_t)(number >> 7) | 0x80;
    *out++ = number & 0x7f;
    return out;
}

enum {
    VALUE_BYTES_MOST = 5,
    RESPONSE_VALUES_MOST = 7, /* so that numbers alone always fit: dictionary.py sees to it */
};
_Static_assert(2 + RESPONSE_VALUES_MOST * VALUE_BYTES_MOST + 1 <= FRAME_PAYLOAD_MOST, "numbers fit into a frame");

static uint8_t *put_bytes(uint8_t *out, const uint8_t *limit, const void *bytes, uint8_t count)
{
    if (count > limit - out - 1)
        count = 0;
    *out++ = count;
    if (count)
        memcpy(out, bytes, count);
    return out + count;
}

void command_respond(const FLASH struct response_row *row, const void *args, const void *bytes, uint8_t count)
{
    static uint8_t frame[FRAME_MOST];
    const uint8_t *from = args;
    if (encoding)
        return;
    encoding = true;
    uint8_t *out = put_number(frame + FRAME_HEAD, row->number);
    for (uint16_t sizes = row->sizes; sizes != 1; sizes >>= 2) {
        uint8_t size = sizes & 3;
        uint32_t value = 0;
        if (size == RESPONSE_BYTES) {
            out = put_bytes(out, frame + FRAME_MOST - FRAME_TAIL, bytes, count);
            continue;
        }
        if (size == RESPONSE_4)
            size = sizeof value;
        memcpy(&value, from, size);
        from += size;
        out = put_value(out, value);
    }
    frame_send(frame, (uint8_t)(out - frame) - FRAME_HEAD);
    encoding = false;
}
