/* One conversation with one MCU, as a function of (now, bytes): frames, acks, retransmission, send window, command queues.
 *
 *     caller's commands --> queues --> frames --> session_emit --> bytes to the MCU
 *     messages <-- ring <-- frames <-- session_feed <-- bytes from the MCU
 *
 * No I/O and no clock of its own: `now` is in seconds of whatever clock the caller keeps (real or virtual), never going back.
 * A driver (link/thread.c on a real port, sim/cosim.c in virtual time) calls feed, emit and next; any other thread may call
 * the rest: each function takes the session's one mutex. Sequence numbers, time-outs and the window follow
 * the protocol's Klipper Protocol.md and the recorded behaviour: 64-byte frames, at most 12 unacknowledged, byte window if the
 * MCU names one, retransmission on nak or time-out (25 ms + wire time, RFC 6298 estimate, doubled from the third one in vain on,
 * up to 5 s).
 */
#ifndef KLIPKIT_WIRE_SESSION_H
#define KLIPKIT_WIRE_SESSION_H
#include <stddef.h>
#include <stdint.h>

enum { SESSION_PAYLOAD_MOST = 59, SESSION_FRAME_MOST = 64 };

struct session;

/* A received message: one response of the MCU, or (`count` 0) the news that a session_query was executed. */
struct session_message {
    double received;    /* when its last byte came, s */
    double sent;        /* when the newest frame that it acknowledges was on the wire whole, s; 0 if retransmitted or none */
    uint64_t answers;   /* of a response: the greatest ticket in frames acknowledged when it came; else the query's ticket */
    uint8_t count;      /* bytes in `bytes`: message id and parameters, as VLQ */
    uint8_t bytes[59];
};

struct session_stats {
    uint64_t bytes_sent, bytes_received, bytes_retransmitted, bytes_invalid;
    uint64_t frames_sent, frames_received, naks, timeouts, messages_dropped;
    uint32_t send_seq, receive_seq, retransmit_seq;   /* frames: the next one, acknowledged, sent when last repeated */
    double round_trip, deviation, retransmit_after;   /* s; RFC 6298: SRTT, RTTVAR, RTO */
    uint32_t ready_bytes, upcoming_bytes;  /* queued: sendable now, waiting for their min clock */
};

/* A new session, NULL when there is no memory. */
struct session *session_new(void);
void session_free(struct session *session);

/* Seconds that a byte takes on the wire (0: none, as on USB), and the MCU's receive window in bytes (0: none known). */
void session_set_wire(struct session *session, double byte_time, uint32_t receive_window);

/* The MCU's clock: `clock` ticks at `time`, `frequency` ticks a second. Until it is first called commands with a min clock are
 * held, all others leave at once. */
void session_set_clock(struct session *session, double frequency, double time, uint64_t clock);

/* A new command queue: commands of one queue leave in their order, those of several by required clock (a command that others of
 * its queue wait for is as urgent as they are). Gives its number, or a negative errno. */
int session_add_queue(struct session *session);

/* Queue one command (`count` <= 59 bytes, id and parameters encoded). It is sent not before the MCU's clock is at `min_clock`
 * (0: at once), and in time for `required_clock` (0: as soon as the window allows; it goes before all that can wait).
 * Gives a ticket > 0 that grows with each command, or a negative errno: -EMSGSIZE (0 or more than 59 bytes),
 * -EBADF (no such queue), -ENOMEM. */
int64_t session_send(struct session *session, int queue, const uint8_t *bytes, size_t count,
                     uint64_t min_clock, uint64_t required_clock);

/* As session_send, and once the MCU has executed the command (its ack has come) a message with `count` 0 and this ticket in
 * `answers` comes into the ring. Responses stand before it: whoever asked takes messages until this one and, when the response
 * was not among them, it was lost: ask again. A purged query is never reported. The very first command of a session
 * should be a query: if the MCU happens to expect number 2 it is discarded, yet looks acknowledged. */
int64_t session_query(struct session *session, int queue, const uint8_t *bytes, size_t count,
                      uint64_t min_clock, uint64_t required_clock);

/* Drop what a queue still holds (not what was sent). Gives the number of commands dropped, or a negative errno. */
int64_t session_purge(struct session *session, int queue);

/* Take the oldest received message; 1, or 0 when there is none. */
int session_receive(struct session *session, struct session_message *message);

/* The greatest ticket whose frame the MCU has executed. Tickets of one queue come in order, those of several need not. */
uint64_t session_acknowledged(struct session *session);

void session_get_stats(struct session *session, struct session_stats *stats);

/* A frame as it was first sent: when its last byte was on the wire, s; its commands, one after the other. */
struct session_sent {
    double when;
    uint8_t count;
    uint8_t bytes[59];
};

enum { SESSION_SENT_KEPT = 64 };

/* The newest frames that were sent, oldest first, up to SESSION_SENT_KEPT; gives their number. What a shutdown came after. */
size_t session_sent_last(struct session *session, struct session_sent *out);

/* When the MCU's clock is at `clock`, s of the driver's clock, and the other way round, by the newest session_set_clock: HUGE_VAL
 * and 0 before the first. */
double session_time_at(struct session *session, uint64_t clock);
uint64_t session_clock_at(struct session *session, double time);

/* Commands were queued by somebody other than the driver: let them go out now. Does what session_set_wake was told. */
void session_wake(struct session *session);

/* --- for the driver --- */

/* What session_wake is to do, NULL for nothing. `wake` is called from any thread with the session's mutex held: it must not call
 * the session. Once this has come back the former one is not called any more. */
void session_set_wake(struct session *session, void (*wake)(void *owner), void *owner);

/* Bytes came from the MCU at `now`. Gives the number of messages now waiting in the ring. */
int session_feed(struct session *session, double now, const uint8_t *bytes, size_t count);

/* Put what is to be sent now into `out` (at most `room` bytes, room >= 64); gives the number of bytes, 0 for nothing. Call again
 * until it gives 0. */
size_t session_emit(struct session *session, double now, uint8_t *out, size_t room);

/* When session_emit should be called next if nothing else happens, s; HUGE_VAL for never. */
double session_next(struct session *session, double now);

/* Messages waiting in the ring. */
int session_waiting(struct session *session);
#endif
