/* The relay of triggers: whom it extends to when, whom it tells of a trigger, and that it lets go of what is gone. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "klipkit/link/thread.h"
#include "klipkit/wire/frame.h"
#include "klipkit/wire/relay.h"
#include "klipkit/wire/session.h"
#include "klipkit/wire/vlq.h"
#include "tests/c/check.h"

enum { STATE = 70, TRIGGER = 71, SET_TIMEOUT = 72, OTHER = 73, OID = 9, PARTS = 3, PATIENCE = 20000 };
static const double TIMEOUT = 0.025, PERIOD = 0.0075;

/* A part: a session, and by hand the MCU behind it, whose clock is frequency (time - off) ticks. */
struct part {
    struct session *session;
    double frequency, off;
    unsigned next;                 /* number of the frame that it expects */
    uint32_t commands[64][3];      /* what came since it was last looked at */
    int count;
    int woken;
};

struct bench {
    struct relay *relay;
    struct part parts[PARTS];
    int count;
};

static uint64_t clock_of(const struct part *part, double time)
{
    return (uint64_t)llround((time - part->off) * part->frequency);
}

static void count_wake(void *owner)
{
    ((struct part *)owner)->woken++;
}

/* The commands of a frame: id and two values each. Gives how many. */
static int read_payload(const uint8_t *bytes, size_t count, uint32_t (*commands)[3])
{
    int found = 0;
    for (size_t at = 0; at < count; found++)
        for (int i = 0; i < 3; i++) {
            size_t used = vlq_decode(bytes + at, count - at, &commands[found][i]);
            CHECK(used, "a command was cut off");
            at += used;
        }
    return found;
}

/* The MCU takes all that was sent by now and acknowledges it. */
static void take(struct part *part, double now)
{
    uint8_t out[FRAME_MOST * 12], ack[FRAME_LEAST];
    size_t count;
    part->count = 0;
    while ((count = session_emit(part->session, now, out, sizeof out))) {
        for (size_t at = 0; at < count; at += out[at]) {
            part->count += read_payload(out + at + FRAME_HEADER, out[at] - (size_t)FRAME_LEAST, part->commands + part->count);
            part->next = (out[at + 1] & 15u) + 1;
        }
        session_feed(part->session, now, ack, frame_seal(ack, 0, part->next));
    }
}

static void say(struct part *part, double now, int32_t id, uint8_t oid, int can_trigger, int reason, uint32_t clock)
{
    uint8_t frame[FRAME_MOST];
    const int64_t values[5] = {id, oid, can_trigger, reason, clock};
    size_t count = 0;
    for (int i = 0; i < 5; i++)
        count += vlq_encode(frame + FRAME_HEADER + count, values[i]);
    session_feed(part->session, now, frame, frame_seal(frame, count, part->next));
}

static void report(struct part *part, double now, double time)
{
    say(part, now, STATE, OID, 1, 0, (uint32_t)clock_of(part, time));
}

/* `count` parts with clocks of their own that start at `start`; the oldest clocks are beyond 32 bits. */
static void bench_start(struct bench *bench, int count, double start)
{
    uint64_t clocks[PARTS];
    *bench = (struct bench){.relay = relay_new(TIMEOUT, PERIOD), .count = count};
    for (int i = 0; i < count; i++) {
        struct part *part = &bench->parts[i];
        *part = (struct part){.session = session_new(), .frequency = 16e6 * (1 + i), .off = -300.0 * i, .next = 1};
        session_set_clock(part->session, part->frequency, 1.0, clock_of(part, 1.0));
        session_set_wake(part->session, count_wake, part);
        struct relay_member member = {
            part->session, session_add_queue(part->session), STATE, TRIGGER, SET_TIMEOUT, OID,
        };
        session_send(part->session, member.queue, (const uint8_t[]){OTHER, 0, 0}, 3, 0, 0);
        take(part, start);
        CHECK(relay_add(bench->relay, &member) == i, "member");
        clocks[i] = clock_of(part, start);
    }
    relay_start(bench->relay, clocks);
}

static void bench_stop(struct bench *bench)
{
    relay_free(bench->relay);
    for (int i = 0; i < bench->count; i++)
        session_free(bench->parts[i].session);
}

static void expect(struct part *part, double now, uint32_t command, uint32_t value)
{
    take(part, now);
    CHECK(part->count == 1, "%d commands in place of one", part->count);
    const uint32_t *got = part->commands[0];
    CHECK(got[0] == command && got[1] == OID && got[2] == value, "%u oid=%u %u in place of %u %u", got[0], got[1], got[2],
          command, value);
}

static void expect_timeout(struct part *part, double now, double time)
{
    expect(part, now, SET_TIMEOUT, (uint32_t)clock_of(part, time));
}

static void expect_nothing(struct part *part, double now)
{
    take(part, now);
    CHECK(part->count == 0, "%u was sent", part->commands[0][0]);
}

static void one_mcu_is_extended_by_its_own_reports(void)
{
    struct bench bench;
    bench_start(&bench, 1, 1.0);
    struct part *only = bench.parts;
    report(only, 1.001, 1.0);
    expect_nothing(only, 1.001); /* it has this time-out already */
    report(only, 1.0085, 1.0075);
    expect_timeout(only, 1.0085, 1.0075 + TIMEOUT);
    CHECK(only->woken == 1, "woken %d times", only->woken);
    report(only, 1.010, 1.0085); /* gains too little */
    expect_nothing(only, 1.010);
    struct relay_account account;
    relay_account(bench.relay, &account);
    CHECK(account.reports == 3 && account.extensions == 1 && !account.triggered, "%u %u", account.reports, account.extensions);
    CHECK(fabs(account.least_left - (1.025 - 1.0085)) < 1e-9, "left %f", account.least_left);
    bench_stop(&bench);
}

static void several_are_extended_by_the_oldest_report_of_the_others(void)
{
    struct bench bench;
    bench_start(&bench, 3, 1.0);
    struct part *a = &bench.parts[0], *b = &bench.parts[1], *c = &bench.parts[2];
    report(a, 1.011, 1.010);
    report(b, 1.013, 1.012);
    expect_nothing(a, 1.013); /* c has not reported yet: neither goes on without it */
    expect_nothing(b, 1.013);
    expect_timeout(c, 1.013, 1.010 + TIMEOUT);
    report(c, 1.015, 1.014);
    expect_timeout(a, 1.015, 1.012 + TIMEOUT);
    expect_timeout(b, 1.015, 1.010 + TIMEOUT);
    expect_nothing(c, 1.015);
    for (int i = 2; i < 20; i++) { /* c is silent: a and b reach no further than its last report, a's to be precise */
        report(a, 1.0 + 0.01 * i, 1.0 + 0.01 * i);
        report(b, 1.0 + 0.01 * i, 1.0 + 0.01 * i);
    }
    take(a, 1.2);
    CHECK(a->count == 0, "a went on without c: %d", a->count);
    take(b, 1.2);
    CHECK(b->count == 0, "b went on without c: %d", b->count);
    bench_stop(&bench);
}

static void a_trigger_is_passed_on_to_the_others_once(void)
{
    struct bench bench;
    bench_start(&bench, 3, 1.0);
    struct part *a = &bench.parts[0], *b = &bench.parts[1], *c = &bench.parts[2];
    say(b, 1.02, STATE, OID, 0, RELAY_HIT, (uint32_t)clock_of(b, 1.019));
    expect(a, 1.02, TRIGGER, RELAY_HOST);
    expect_nothing(b, 1.02);
    expect(c, 1.02, TRIGGER, RELAY_HOST);
    CHECK(a->woken == 1 && b->woken == 0 && c->woken == 1, "%d %d %d", a->woken, b->woken, c->woken);
    say(a, 1.021, STATE, OID, 0, RELAY_HOST, 0);
    say(b, 1.022, STATE, OID, 0, RELAY_HIT, 0);
    report(c, 1.023, 1.022); /* was on its way */
    for (int i = 0; i < 3; i++)
        expect_nothing(&bench.parts[i], 1.03);
    struct relay_account account;
    relay_account(bench.relay, &account);
    CHECK(account.triggered && account.member == 1 && account.reason == RELAY_HIT, "%d %d", account.member, account.reason);
    bench_stop(&bench);
}

static void the_end_of_the_move_ends_it_for_all(void)
{
    struct bench bench;
    bench_start(&bench, 2, 1.0);
    struct part *a = &bench.parts[0], *b = &bench.parts[1];
    relay_set_end(bench.relay, (const uint64_t[]){clock_of(a, 1.02), clock_of(b, 1.02)});
    report(a, 1.0195, 1.0195);
    expect_nothing(a, 1.0195);
    take(b, 1.0195);
    report(b, 1.0215, 1.0201);
    expect(a, 1.0215, TRIGGER, RELAY_PAST_END);
    expect(b, 1.0215, TRIGGER, RELAY_PAST_END);
    bench_stop(&bench);
}

static void what_is_not_its_own_is_ignored(void)
{
    struct bench bench;
    bench_start(&bench, 2, 1.0);
    struct part *a = &bench.parts[0], *b = &bench.parts[1];
    say(a, 1.02, STATE, OID + 1, 0, RELAY_HIT, 0);
    say(a, 1.02, OTHER, OID, 0, RELAY_HIT, 0);
    uint8_t cut[FRAME_MOST] = {0};
    cut[FRAME_HEADER] = STATE;
    session_feed(a->session, 1.02, cut, frame_seal(cut, 1, a->next));
    expect_nothing(b, 1.02);
    relay_stop(bench.relay);
    say(a, 1.03, STATE, OID, 0, RELAY_HIT, 0);
    expect_nothing(b, 1.03);
    bench_stop(&bench);
}

static void a_session_that_is_freed_is_let_go_of(void)
{
    struct bench bench;
    bench_start(&bench, 2, 1.0);
    struct part *a = &bench.parts[0], *b = &bench.parts[1];
    session_free(b->session);
    report(a, 1.0075, 1.0075);
    say(a, 1.015, STATE, OID, 0, RELAY_HIT, 0);
    expect_nothing(a, 1.015);
    b->session = NULL;
    bench_stop(&bench);
}

static void it_starts_anew(void)
{
    struct bench bench;
    bench_start(&bench, 2, 1.0);
    struct part *a = &bench.parts[0], *b = &bench.parts[1];
    say(a, 1.01, STATE, OID, 0, RELAY_HIT, 0);
    expect(b, 1.01, TRIGGER, RELAY_HOST);
    relay_start(bench.relay, (const uint64_t[]){clock_of(a, 2.0), clock_of(b, 2.0)});
    report(a, 2.0075, 2.0075);
    expect_timeout(b, 2.0075, 2.0075 + TIMEOUT);
    bench_stop(&bench);
}

/* --- in the links' threads --- */

/* An MCU on a socket: acknowledges what comes; tells when a trigger is among it. */
struct far_end {
    int fd;
    atomic_uint next;
    atomic_int triggers;
};

static void take_frame(struct far_end *far, const uint8_t *frame)
{
    uint32_t commands[32][3];
    uint8_t ack[FRAME_LEAST];
    for (int i = read_payload(frame + FRAME_HEADER, frame[0] - (size_t)FRAME_LEAST, commands) - 1; i >= 0; i--)
        if (commands[i][0] == TRIGGER)
            atomic_fetch_add(&far->triggers, 1);
    atomic_store(&far->next, (frame[1] & 15u) + 1);
    CHECK(write(far->fd, ack, frame_seal(ack, 0, far->next)) > 0, "%s", strerror(errno));
}

static void *serve(void *argument)
{
    struct far_end *far = argument;
    uint8_t bytes[4096];
    for (ssize_t count; (count = read(far->fd, bytes, sizeof bytes)) > 0;)
        for (ssize_t at = 0; at < count; at += bytes[at]) {
            while (at < count && bytes[at] == FRAME_SYNC)
                at++;
            if (at == count)
                break;
            CHECK(at + bytes[at] <= count, "a frame came in parts");
            take_frame(far, bytes + at);
        }
    return NULL;
}

static void write_state(int fd, unsigned next, int can_trigger)
{
    uint8_t frame[FRAME_MOST];
    const int64_t values[5] = {STATE, OID, can_trigger, can_trigger ? 0 : RELAY_HIT, 0};
    size_t count = 0;
    for (int i = 0; i < 5; i++)
        count += vlq_encode(frame + FRAME_HEADER + count, values[i]);
    size_t length = frame_seal(frame, count, next);
    CHECK(write(fd, frame, length) == (ssize_t)length, "%s", strerror(errno));
}

struct live {
    struct session *session;
    struct link_thread *link;
    struct far_end end;
    pthread_t thread;
    int fd, ready, queue;
};

static void live_start(struct live *live)
{
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0, "socketpair");
    *live = (struct live){.fd = pair[0], .end = {.fd = pair[1], .next = 1}, .ready = eventfd(0, EFD_NONBLOCK)};
    live->session = session_new();
    live->queue = session_add_queue(live->session);
    session_set_clock(live->session, 16e6, link_now(), 0);
    live->link = link_thread_start(live->session, live->fd, live->ready);
    CHECK(live->link && pthread_create(&live->thread, NULL, serve, &live->end) == 0, "thread");
    session_send(live->session, live->queue, (const uint8_t[]){OTHER, 0, 0}, 3, 0, 0); /* makes contact */
    link_thread_wake(live->link);
    while (!session_acknowledged(live->session))
        poll(NULL, 0, 1);
}

static void live_stop(struct live *live)
{
    link_thread_stop(live->link);
    session_free(live->session);
    close(live->fd);
    CHECK(pthread_join(live->thread, NULL) == 0, "join");
    close(live->end.fd);
    close(live->ready);
}

/* Two links; nobody but their threads looks at the sessions. Over and over, the relay made and freed beside running threads. */
static void links_relay_by_themselves(void)
{
    struct live lives[2];
    for (int i = 0; i < 2; i++)
        live_start(&lives[i]);
    for (int round = 0; round < 200; round++) {
        struct relay *relay = relay_new(TIMEOUT, PERIOD);
        for (int i = 0; i < 2; i++)
            relay_add(relay, &(struct relay_member){lives[i].session, lives[i].queue, STATE, TRIGGER, SET_TIMEOUT, OID});
        relay_start(relay, (const uint64_t[]){0, 0});
        for (int i = 0; i < 2; i++)
            write_state(lives[i].end.fd, lives[i].end.next, 1);
        struct far_end *from = &lives[round & 1].end, *to = &lives[!(round & 1)].end;
        write_state(from->fd, from->next, 0);
        int waited = 0;
        while (atomic_load(&to->triggers) <= round / 2 && waited++ < PATIENCE)
            poll(NULL, 0, 1);
        CHECK(waited < PATIENCE, "round %d: no trigger came", round);
        relay_free(relay);
    }
    for (int i = 0; i < 2; i++)
        live_stop(&lives[i]);
}

int main(void)
{
    one_mcu_is_extended_by_its_own_reports();
    several_are_extended_by_the_oldest_report_of_the_others();
    a_trigger_is_passed_on_to_the_others_once();
    the_end_of_the_move_ends_it_for_all();
    what_is_not_its_own_is_ignored();
    a_session_that_is_freed_is_let_go_of();
    it_starts_anew();
    links_relay_by_themselves();
    return 0;
}
