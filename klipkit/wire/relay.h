/* The relay of one trigger over several MCUs: in the drivers' threads, so that nothing waits for Python.
 *
 *     MCU a:  report --.                 .--> trsync_set_timeout, while all others report
 *     MCU b:  report ---+--> relay -----+
 *     MCU c:  trigger -'                 `--> trsync_trigger, once one has triggered, or the end of the move is past
 *
 * Each MCU's trsync expires unless it is extended: to the oldest report among the other MCUs (its own when there is only one)
 * plus the time-out. So steppers stop within the time-out when any link or MCU, or this program, fails. Source: the recorded
 * behaviour of homing with several MCUs.
 *
 * Any thread may call these functions. Clocks are those of session_set_clock; its error is the same for all MCUs and falls out.
 */
#ifndef KLIPKIT_WIRE_RELAY_H
#define KLIPKIT_WIRE_RELAY_H
#include <stdint.h>

struct session;
struct relay;

enum { RELAY_MEMBERS_MOST = 16 };

/* Reasons of a trigger as trsync knows them; those from RELAY_EXPIRED on mean that the stop is not to be trusted. */
enum { RELAY_HIT = 1, RELAY_HOST = 2, RELAY_PAST_END = 3, RELAY_EXPIRED = 4 };

/* One MCU's part: its session (borrowed; when it is freed first the part is silent from then on), a command queue of it that
 * is the relay's alone, the ids of its messages, the trsync's oid. */
struct relay_member {
    struct session *session;
    int queue;
    int32_t trsync_state, trsync_trigger, trsync_set_timeout;
    uint8_t oid;
};

/* `timeout` and `period` (between reports) in s. NULL when there is no memory. */
struct relay *relay_new(double timeout, double period);
void relay_free(struct relay *relay);

/* Add a member before the start. Gives its number, or -ENOSPC. */
int relay_add(struct relay *relay, const struct relay_member *member);

/* From now on reports are relayed. `clocks`: for each member the clock at which the trsyncs begin; their first time-outs, a
 * `timeout` later, were sent by the caller. */
void relay_start(struct relay *relay, const uint64_t *clocks);

/* The motion ends at these clocks: a report from later ends it all with RELAY_PAST_END. */
void relay_set_end(struct relay *relay, const uint64_t *clocks);

/* Relay no more; once is enough. */
void relay_stop(struct relay *relay);

/* What the relay knows; all of it is for people and tests. */
struct relay_account {
    int triggered;        /* a member has said that it triggered */
    int member;           /* which one did first */
    uint8_t reason;       /* and why */
    uint32_t reports, extensions;
    double least_left;    /* s: what was left of a time-out when it was extended, at least; HUGE_VAL before the first time */
};
void relay_account(struct relay *relay, struct relay_account *account);
#endif
