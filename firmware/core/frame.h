/* Frames of the MCU protocol: from received bytes to commands and acks, from responses to bytes.
 *
 *     length  0x10 | seq  payload ...  crc high  crc low  0x7e        length: 5..64, of the whole frame
 *
 * The reader takes bytes one by one, so any split of them gives the same frames. A frame with the expected number is executed and
 * then acked; any other is answered by an empty frame with the expected number (nak). After a bad byte everything up to the
 * next 0x7e is dropped, and one nak tells of it. (Klipper Protocol.md; recorded traces of stock firmware.)
 */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H
#include <stdint.h>

enum {
    FRAME_SYNC = 0x7e,
    FRAME_LEAST = 5,
    FRAME_MOST = 64,
    FRAME_HEAD = 2,                                         /* length, number */
    FRAME_TAIL = 3,                                         /* crc, sync */
    FRAME_PAYLOAD_MOST = FRAME_MOST - FRAME_HEAD - FRAME_TAIL,
};

/* Received bytes that are not consumed; what is in the buffer cannot be judged before frame_wanted bytes are. */
extern uint8_t frame_buffer[FRAME_MOST];
extern uint8_t frame_filled, frame_wanted;

/* Consume the buffer as far as it can be judged. */
void frame_work(void);

/* The next received byte. */
static inline void frame_feed(uint8_t byte)
{
    frame_buffer[frame_filled++] = byte;
    if (frame_filled >= frame_wanted)
        frame_work();
}

/* Before the next byte: after a shutdown, end the frame whose execution it abandoned (its other commands are dropped, the ack is
 * still owed), and look anew at the bytes that it kept from being judged. */
void frame_resume(void);

/* The payload being executed: parameters of "%*s" point into it. */
const uint8_t *frame_payload(void);

/* Send one frame with the payload that stands in frame + FRAME_HEAD: `count` bytes. Dropped when the port has no room for it. */
void frame_send(uint8_t *frame, uint8_t count);
#endif
