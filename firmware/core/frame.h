/* Frames of the MCU protocol: from received bytes to commands and acks, from responses to bytes.
 *
 *     length  0x10 | seq  payload ...  crc high  crc low  0x7e        length: 5..64, of the whole frame
 *
 * A frame is judged in the ring, by its own bytes alone, so any split of them gives the same frames. A frame with the expected number is executed and
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

/* Execute and answer what stands in the receive ring, as far as it can be judged. */
void frame_work(void);

/* After a shutdown, before other work: end the frame whose execution it abandoned. Its other commands are dropped, the ack is still
 * owed. */
void frame_resume(void);

/* The payload being executed: parameters of "%*s" point into it. */
const uint8_t *frame_payload(void);

/* Send one frame with the payload that stands in frame + FRAME_HEAD: `count` bytes. Dropped when the port has no room for it. */
void frame_send(uint8_t *frame, uint8_t count);
#endif
