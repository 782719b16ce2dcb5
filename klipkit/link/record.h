/* A peer that takes every frame at once and answers with its ack: what a session would send, without an MCU.
 *
 * For work that ends in frames and no further: files of them, counts, benchmarks. Not thread-safe.
 */
#ifndef KLIPKIT_LINK_RECORD_H
#define KLIPKIT_LINK_RECORD_H
#include <stddef.h>
#include <stdint.h>

struct session;

struct record {
    uint64_t frames, bytes;     /* so far */
    int descriptor;             /* the bytes are written to it; -1: nowhere */
};

/* Take all frames that the session would have sent by `now`, s. 0, or -errno of writing. */
int record_take(struct record *record, struct session *session, double now);
#endif
