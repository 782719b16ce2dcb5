/* Frames of the MCU protocol: sealing one, and finding them in a stream of bytes (Klipper Protocol.md, "Message Blocks").
 *
 *     | length 5..64 | 0x10 + seq | payload 0..59 | CRC-16 high, low | 0x7e |
 *
 * Sync bytes (0x7e) before a frame are skipped. What is not a frame is discarded from its first byte up to and including the
 * next 0x7e, and what follows is looked at anew: a length byte damaged on its way costs no frame but its own.
 */
#ifndef KLIPKIT_WIRE_FRAME_H
#define KLIPKIT_WIRE_FRAME_H
#include <stddef.h>
#include <stdint.h>

enum { FRAME_LEAST = 5, FRAME_MOST = 64, FRAME_HEADER = 2, FRAME_SYNC = 0x7e };

/* A decoder between two calls; all zero at first. */
struct frame_decoder {
    uint64_t invalid;       /* bytes discarded so far */
    uint8_t count;          /* bytes held of a frame that is not yet complete */
    uint8_t taken;          /* bytes of the frame last found, still held */
    uint8_t discarding;     /* out of sync: waiting for a 0x7e */
    uint8_t bytes[64];
};

/* Write header and trailer around a payload that stands at frame + 2, of at most 59 bytes; gives the frame's length. */
size_t frame_seal(uint8_t *frame, size_t payload, uint64_t seq);

/* Look for a frame in what is held and in up to `count` more bytes, of which *used are consumed. Gives the length of the
 * frame that now stands at decoder->bytes until the next call, or 0 when all bytes are used up and none is complete. */
size_t frame_decode(struct frame_decoder *decoder, const uint8_t *bytes, size_t count, size_t *used);
#endif
