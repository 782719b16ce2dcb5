/* The send window of one session: frames that the MCU has not acknowledged, their retransmission, and its timer.
 *
 *     executed   acknowledged   resend              sent
 *        |             |          |                  |          sequence numbers, counted in 64 bits
 *     ---+-------------+----------+------------------+---->
 *        | its answer  | outstanding: at most 12     | next frame
 *        | has come    |          `-- when retransmitting: the next one to go out again
 *
 * Every frame from the MCU carries the number that the MCU expects next. A frame with a response is sent while the frame before
 * that number is executed, an empty frame after it: so `executed` follows empty frames, and is one less for responses.
 */
#ifndef KLIPKIT_WIRE_INNER_WINDOW_H
#define KLIPKIT_WIRE_INNER_WINDOW_H
#include <stddef.h>
#include <stdint.h>

#include "klipkit/wire/session.h"

/* Frames in flight; slots for these and for the one that is acknowledged but not executed. */
enum { WINDOW_FRAMES = 12, WINDOW_SLOTS = 16 };

struct sent_frame {
    double done;               /* when its last byte was on the wire, for the last time; s */
    uint64_t newest;           /* greatest ticket in it */
    uint8_t length;            /* 0: never used */
    uint8_t repeated;          /* it was retransmitted: says nothing about the round trip */
    uint8_t queries;           /* tickets in `tickets` */
    uint8_t bytes[SESSION_FRAME_MOST];
    uint64_t tickets[SESSION_PAYLOAD_MOST];
};

struct window {
    struct sent_frame frames[WINDOW_SLOTS];
    uint64_t executed, acknowledged, sent;
    uint64_t emptied;          /* greatest number seen in an empty frame: the same once more is a nak */
    uint64_t nak_ignored;      /* naks up to this number belong to a retransmission already made */
    uint64_t repeated_from;    /* the first frame of the newest retransmission */
    uint64_t resend;
    uint8_t resending;         /* a retransmission is going out */
    uint8_t sync_due;          /* its leading sync byte is not out yet */
    uint8_t contact;           /* the MCU has acknowledged a frame: from here on both sides count alike */
    uint32_t unacknowledged_bytes, receive_window;
    uint64_t newest_acknowledged, newest_executed;   /* tickets */
    double byte_time, line_free;                     /* s */
    double smoothed, deviation, base, deadline;      /* RFC 6298: SRTT, RTTVAR, RTO, s; when the timer runs out */
    double shortest;           /* least round trip, s; 0: none known */
    double timeout;            /* `base`, or more after time-outs, s */
    unsigned in_vain;          /* time-outs since the last progress */
    unsigned unclear;          /* acks of nothing but repeated frames since the last of another */
    struct session_stats stats;
};

void window_init(struct window *window);

/* Whether one more frame may be sent. */
int window_is_open(const struct window *window);

/* The slot for the next frame, cleared. Its payload goes to bytes + FRAME_HEADER; window_commit then sends it. */
struct sent_frame *window_slot(struct window *window);
void window_commit(struct window *window, double now, size_t payload);

/* Start a retransmission when the timer has run out. */
void window_check_timer(struct window *window, double now);

/* Put as much of a running retransmission into `out` as there is room for. */
size_t window_resend(struct window *window, double now, uint8_t *out, size_t room);

/* A frame came with the sequence number `nibble`; `empty`: it is an ack or nak. Gives its number, or 0 when the number
 * is not one that the MCU can have now. */
uint64_t window_receive(struct window *window, double now, unsigned nibble, int empty);

/* The frame before a number that window_receive gave, NULL when none such was sent. */
const struct sent_frame *window_before(const struct window *window, uint64_t number);
#endif
