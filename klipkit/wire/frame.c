/* Frames of the MCU protocol: see frame.h for the format and the rules of resynchronisation. */
#include "klipkit/wire/frame.h"

#include <string.h>

#include "klipkit/wire/crc16.h"

enum { TRAILER = 3, SEQ_MASK = 0x0f, SEQ_MARK = 0x10 };
enum { INCOMPLETE = -1, DAMAGED = 0 };

size_t frame_seal(uint8_t *frame, size_t payload, uint64_t seq)
{
    size_t length = FRAME_HEADER + payload + TRAILER;
    frame[0] = (uint8_t)length;
    frame[1] = (uint8_t)(SEQ_MARK | (seq & SEQ_MASK));
    uint16_t crc = crc16(frame, length - TRAILER);
    frame[length - 3] = (uint8_t)(crc >> 8);
    frame[length - 2] = (uint8_t)(crc & 0xff);
    frame[length - 1] = FRAME_SYNC;
    return length;
}

/* What `count` >= 1 bytes begin with: a frame (its length), DAMAGED or INCOMPLETE. Depends on the bytes of the stream only,
 * not on how many have come: any split gives the same frames. */
static int judged(const uint8_t *bytes, size_t count)
{
    size_t length = bytes[0];
    if (length < FRAME_LEAST || length > FRAME_MOST)
        return DAMAGED;
    if (count > 1 && (bytes[1] & ~SEQ_MASK) != SEQ_MARK)
        return DAMAGED;
    if (count < length)
        return INCOMPLETE;
    uint16_t crc = crc16(bytes, length - TRAILER);
    if (bytes[length - 1] != FRAME_SYNC || bytes[length - 3] != crc >> 8 || bytes[length - 2] != (crc & 0xff))
        return DAMAGED;
    return (int)length;
}

static void drop(struct frame_decoder *decoder, size_t count)
{
    decoder->count = (uint8_t)(decoder->count - count);
    memmove(decoder->bytes, decoder->bytes + count, decoder->count);
}

/* Drop held bytes up to and including a sync byte; still discarding when there is none. */
static void discard(struct frame_decoder *decoder)
{
    const uint8_t *sync = memchr(decoder->bytes, FRAME_SYNC, decoder->count);
    size_t count = sync ? (size_t)(sync - decoder->bytes) + 1 : decoder->count;
    decoder->discarding = sync == NULL;
    decoder->invalid += count;
    drop(decoder, count);
}

/* The frame that the held bytes begin with, after all that is none was dropped; 0 for none. */
static size_t held_frame(struct frame_decoder *decoder)
{
    while (decoder->count) {
        if (decoder->discarding) {
            discard(decoder);
        } else if (decoder->bytes[0] == FRAME_SYNC) {
            drop(decoder, 1);
        } else {
            int found = judged(decoder->bytes, decoder->count);
            if (found == INCOMPLETE)
                return 0;
            if (found != DAMAGED)
                return (size_t)found;
            decoder->discarding = 1;
        }
    }
    return 0;
}

size_t frame_decode(struct frame_decoder *decoder, const uint8_t *bytes, size_t count, size_t *used)
{
    *used = 0;
    drop(decoder, decoder->taken);
    decoder->taken = 0;
    for (;;) {
        size_t length = held_frame(decoder);
        if (length || *used == count) {
            decoder->taken = (uint8_t)length;
            return length;
        }
        /* An incomplete frame leaves room: it is shorter than its length byte, which is at most FRAME_MOST. */
        size_t more = count - *used;
        size_t room = sizeof(decoder->bytes) - decoder->count;
        if (more > room)
            more = room;
        memcpy(decoder->bytes + decoder->count, bytes + *used, more);
        decoder->count = (uint8_t)(decoder->count + more);
        *used += more;
    }
}
