/* The relay of one trigger over several MCUs (see relay.h).
 *
 * Locks: taps of the session that is fed, then the relay, then any session's own. Nobody takes them in another order.
 */
#include "klipkit/wire/relay.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "klipkit/wire/inner/tap.h"
#include "klipkit/wire/session.h"
#include "klipkit/wire/vlq.h"

/* Extensions that gain less than this share of a period are left out: each report of each MCU would bring one. */
static const double GAIN_LEAST = 0.8;

struct member {
    struct session_tap tap;       /* the first: heard() gets it */
    struct relay *relay;
    struct relay_member of;       /* its session is NULL once that is freed */
    double reported, expires;     /* s of the drivers' clock: of the newest report's clock, of the time-out */
    uint64_t end;                 /* clock; UINT64_MAX: not known yet */
};

struct relay {
    pthread_mutex_t mutex;
    double timeout, period;
    struct member members[RELAY_MEMBERS_MOST];
    int count;
    int running, ended;           /* `ended`: a trigger was passed on, there is nothing more to extend */
    struct relay_account account;
};

struct report {
    uint32_t oid, can_trigger, reason, clock;
};

struct relay *relay_new(double timeout, double period)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (!relay)
        return NULL;
    if (pthread_mutex_init(&relay->mutex, NULL)) {
        free(relay);
        return NULL;
    }
    relay->timeout = timeout;
    relay->period = period;
    return relay;
}

void relay_free(struct relay *relay)
{
    if (!relay)
        return;
    relay_stop(relay);
    pthread_mutex_destroy(&relay->mutex);
    free(relay);
}

/* --- sending; the relay's lock is held --- */

static void send(struct member *member, int32_t id, int64_t second)
{
    if (!member->of.session)
        return;
    uint8_t bytes[3 * 5];
    size_t count = vlq_encode(bytes, id);
    count += vlq_encode(bytes + count, member->of.oid);
    count += vlq_encode(bytes + count, second);
    /* without memory nothing is sent, and the trsync expires */
    if (session_send(member->of.session, member->of.queue, bytes, count, 0, 0) > 0)
        session_wake(member->of.session);
}

static void trigger_all_but(struct relay *relay, const struct member *but, uint8_t reason)
{
    relay->ended = 1;
    for (int i = 0; i < relay->count; i++)
        if (&relay->members[i] != but)
            send(&relay->members[i], relay->members[i].of.trsync_trigger, reason);
}

/* Up to when a member may go on by itself: all others have reported since `timeout` before. */
static double allowed(const struct relay *relay, const struct member *member)
{
    double oldest = relay->count == 1 ? member->reported : HUGE_VAL;
    for (int i = 0; i < relay->count; i++)
        if (&relay->members[i] != member)
            oldest = fmin(oldest, relay->members[i].reported);
    return oldest + relay->timeout;
}

static void extend(struct relay *relay, struct member *member, double now)
{
    double until = allowed(relay, member);
    if (!member->of.session || !isfinite(until) || until - member->expires < GAIN_LEAST * relay->period)
        return;
    uint32_t clock = (uint32_t)session_clock_at(member->of.session, until);
    send(member, member->of.trsync_set_timeout, (int64_t)clock);
    relay->account.extensions++;
    relay->account.least_left = fmin(relay->account.least_left, member->expires - now);
    member->expires = until;
}

/* --- hearing --- */

/* Whether a message is the member's trsync_state; its values. */
static int read_report(const struct relay_member *of, const uint8_t *bytes, size_t count, struct report *report)
{
    uint32_t values[5];
    size_t used = 0;
    for (int i = 0; i < 5; i++) {
        size_t length = vlq_decode(bytes + used, count - used, &values[i]);
        if (!length || (i == 0 && values[0] != (uint32_t)of->trsync_state))
            return 0;
        used += length;
    }
    *report = (struct report){values[1], values[2], values[3], values[4]};
    return report->oid == of->oid;
}

static void take_report(struct relay *relay, struct member *member, double now, const struct report *report)
{
    relay->account.reports++;
    if (!report->can_trigger) {
        if (!relay->account.triggered) {
            relay->account.triggered = 1;
            relay->account.member = (int)(member - relay->members);
            relay->account.reason = (uint8_t)report->reason;
        }
        if (!relay->ended)
            trigger_all_but(relay, member, RELAY_HOST);
        return;
    }
    uint64_t about = session_clock_at(member->of.session, now);
    uint64_t clock = about + (uint64_t)(int64_t)(int32_t)(report->clock - (uint32_t)about);
    member->reported = session_time_at(member->of.session, clock);
    if (relay->ended)
        return;
    if (clock > member->end) {
        trigger_all_but(relay, NULL, RELAY_PAST_END);
        return;
    }
    for (int i = 0; i < relay->count; i++)
        extend(relay, &relay->members[i], now);
}

static void heard(struct session_tap *tap, double now, const uint8_t *bytes, size_t count)
{
    struct member *member = (struct member *)(void *)tap;
    struct relay *relay = member->relay;
    struct report report;
    if (!read_report(&member->of, bytes, count, &report))
        return;
    pthread_mutex_lock(&relay->mutex);
    if (relay->running && member->of.session)
        take_report(relay, member, now, &report);
    pthread_mutex_unlock(&relay->mutex);
}

static void gone(struct session_tap *tap)
{
    struct member *member = (struct member *)(void *)tap;
    pthread_mutex_lock(&member->relay->mutex);
    member->of.session = NULL;
    pthread_mutex_unlock(&member->relay->mutex);
}

/* --- the caller's side --- */

int relay_add(struct relay *relay, const struct relay_member *member)
{
    if (relay->count == RELAY_MEMBERS_MOST)
        return -ENOSPC;
    struct member *added = &relay->members[relay->count];
    *added = (struct member){.tap = {.heard = heard, .gone = gone}, .relay = relay, .of = *member};
    return relay->count++;
}

void relay_start(struct relay *relay, const uint64_t *clocks)
{
    relay_stop(relay);
    pthread_mutex_lock(&relay->mutex);
    relay->account = (struct relay_account){.least_left = HUGE_VAL};
    for (int i = 0; i < relay->count; i++) {
        struct member *member = &relay->members[i];
        member->end = UINT64_MAX;
        member->reported = member->of.session ? session_time_at(member->of.session, clocks[i]) : -HUGE_VAL;
        member->expires = member->reported + relay->timeout;
    }
    relay->ended = 0;
    relay->running = 1;
    pthread_mutex_unlock(&relay->mutex);
    for (int i = 0; i < relay->count; i++)
        if (relay->members[i].of.session)
            session_add_tap(relay->members[i].of.session, &relay->members[i].tap);
}

void relay_set_end(struct relay *relay, const uint64_t *clocks)
{
    pthread_mutex_lock(&relay->mutex);
    for (int i = 0; i < relay->count; i++)
        relay->members[i].end = clocks[i];
    pthread_mutex_unlock(&relay->mutex);
}

void relay_stop(struct relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    int running = relay->running;
    relay->running = 0;
    pthread_mutex_unlock(&relay->mutex);
    for (int i = 0; running && i < relay->count; i++)
        if (relay->members[i].of.session)
            session_remove_tap(relay->members[i].of.session, &relay->members[i].tap);
}

void relay_account(struct relay *relay, struct relay_account *account)
{
    pthread_mutex_lock(&relay->mutex);
    *account = relay->account;
    pthread_mutex_unlock(&relay->mutex);
}
