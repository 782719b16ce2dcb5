/* The link thread on ptys and sockets: frames get through, blocked output, unplugging, stopping, and no busy loop. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "klipkit/link/thread.h"
#include "klipkit/wire/crc16.h"
#include "klipkit/wire/session.h"
#include "tests/c/check.h"

enum { PATIENCE = 20000 }; /* ms until a test gives up: never waited for when all is well */

struct bench {
    int fd, peer, ready;
    struct session *session;
    struct link_thread *link;
    int queue;
};

static void bench_start(struct bench *bench)
{
    bench->ready = eventfd(0, EFD_NONBLOCK);
    bench->session = session_new();
    bench->queue = session_add_queue(bench->session);
    CHECK(fcntl(bench->fd, F_SETFL, O_NONBLOCK) == 0, "non-blocking");
    bench->link = link_thread_start(bench->session, bench->fd, bench->ready);
    CHECK(bench->link, "start: %s", strerror(errno));
}

static struct bench on_sockets(void)
{
    int fds[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair");
    return (struct bench){.fd = fds[0], .peer = fds[1]};
}

static struct bench on_pty(void)
{
    struct bench bench = {.peer = posix_openpt(O_RDWR | O_NOCTTY)};
    CHECK(bench.peer >= 0 && grantpt(bench.peer) == 0 && unlockpt(bench.peer) == 0, "pty: %s", strerror(errno));
    bench.fd = open(ptsname(bench.peer), O_RDWR | O_NOCTTY);
    struct termios raw;
    CHECK(bench.fd >= 0 && tcgetattr(bench.fd, &raw) == 0, "pty: %s", strerror(errno));
    cfmakeraw(&raw);
    CHECK(tcsetattr(bench.fd, TCSANOW, &raw) == 0, "raw");
    return bench;
}

static void bench_stop(struct bench *bench)
{
    link_thread_stop(bench->link);
    session_free(bench->session);
    close(bench->fd);
    close(bench->ready);
    if (bench->peer >= 0)
        close(bench->peer);
}

static void wait_readable(int fd, const char *what)
{
    struct pollfd file = {.fd = fd, .events = POLLIN};
    CHECK(poll(&file, 1, PATIENCE) == 1, "%s did not come", what);
}

static void read_whole(int fd, uint8_t *bytes, size_t count)
{
    for (size_t used = 0; used < count;) {
        wait_readable(fd, "a byte");
        ssize_t got = read(fd, bytes + used, count - used);
        CHECK(got > 0, "read: %s", strerror(errno));
        used += (size_t)got;
    }
}

/* Read one frame as the MCU does: sync bytes before it are skipped. Gives its length. */
static size_t read_frame(int fd, uint8_t *frame)
{
    do
        read_whole(fd, frame, 1);
    while (frame[0] == 0x7e);
    CHECK(frame[0] >= 5 && frame[0] <= 64, "length %d", frame[0]);
    read_whole(fd, frame + 1, frame[0] - 1u);
    uint16_t crc = crc16(frame, frame[0] - 3u);
    CHECK(frame[frame[0] - 3] == crc >> 8 && frame[frame[0] - 2] == (crc & 255), "damaged frame");
    return frame[0];
}

static void write_frame(int fd, unsigned seq, const void *payload, size_t count)
{
    uint8_t frame[64] = {(uint8_t)(count + 5), (uint8_t)(0x10 | (seq & 15))};
    memcpy(frame + 2, payload, count);
    uint16_t crc = crc16(frame, count + 2);
    frame[count + 2] = (uint8_t)(crc >> 8);
    frame[count + 3] = (uint8_t)crc;
    frame[count + 4] = 0x7e;
    CHECK(write(fd, frame, count + 5) == (ssize_t)(count + 5), "write: %s", strerror(errno));
}

static void clear_ready(struct bench *bench)
{
    uint64_t count;
    wait_readable(bench->ready, "the signal of ready");
    CHECK(read(bench->ready, &count, sizeof count) == sizeof count, "eventfd");
}

/* One question and its answer, through the thread both ways. */
static void ask(struct bench *bench)
{
    uint8_t frame[64];
    CHECK(session_query(bench->session, bench->queue, (const uint8_t *)"ask", 3, 0, 0) > 0, "query");
    link_thread_wake(bench->link);
    CHECK(read_frame(bench->peer, frame) == 8 && memcmp(frame + 2, "ask", 3) == 0, "another frame");
    unsigned seq = (frame[1] & 15) + 1u;
    write_frame(bench->peer, seq, "answer", 6);
    write_frame(bench->peer, seq, "", 0);
    struct session_message message = {.count = 1};
    for (int answered = 0; !answered || message.count;) {
        clear_ready(bench);
        while (session_receive(bench->session, &message))
            answered += message.count == 6 && memcmp(message.bytes, "answer", 6) == 0;
    }
}

static void questions_are_answered(struct bench bench)
{
    bench_start(&bench);
    for (int i = 0; i < 50; i++)
        ask(&bench);
    CHECK(link_thread_error(bench.link) == 0, "%s", strerror(link_thread_error(bench.link)));
    bench_stop(&bench);
}

static void an_idle_thread_sleeps(struct bench bench)
{
    bench_start(&bench);
    ask(&bench);
    uint64_t before = link_thread_wakeups(bench.link);
    usleep(200000);
    uint64_t woken = link_thread_wakeups(bench.link) - before;
    CHECK(woken <= 3, "%llu wake-ups in 0.2 s of rest", (unsigned long long)woken);
    bench_stop(&bench);
}

/* Fill the port before the thread starts: its first write finds no room. */
static size_t fill(struct bench *bench)
{
    static const uint8_t dust[4096];
    size_t filled = 0;
    CHECK(fcntl(bench->fd, F_SETFL, O_NONBLOCK) == 0, "non-blocking");
    for (ssize_t count; (count = write(bench->fd, dust, sizeof dust)) > 0; filled += (size_t)count)
        continue;
    for (ssize_t count; (count = write(bench->fd, dust, 1)) > 0; filled += (size_t)count)
        continue;
    return filled;
}

static void a_port_that_takes_nothing_is_waited_for(void)
{
    struct bench bench = on_sockets();
    size_t filled = fill(&bench);
    bench_start(&bench);
    session_send(bench.session, bench.queue, (const uint8_t *)"late", 4, 0, 0);
    link_thread_wake(bench.link);
    usleep(100000);
    CHECK(link_thread_wakeups(bench.link) <= 20, "%llu wake-ups of a blocked port",
          (unsigned long long)link_thread_wakeups(bench.link));
    CHECK(link_thread_error(bench.link) == 0, "%s", strerror(link_thread_error(bench.link)));
    uint8_t dust[4096], frame[64];
    for (size_t left = filled; left; left -= left < sizeof dust ? left : sizeof dust)
        read_whole(bench.peer, dust, left < sizeof dust ? left : sizeof dust);
    CHECK(read_frame(bench.peer, frame) == 9 && memcmp(frame + 2, "late", 4) == 0, "what was held back is damaged");
    bench_stop(&bench);
}

static void a_command_without_an_answer_is_repeated(void)
{
    struct bench bench = on_sockets();
    bench_start(&bench);
    session_send(bench.session, bench.queue, (const uint8_t *)"lost", 4, 0, 0);
    link_thread_wake(bench.link);
    uint8_t first[64], frame[64];
    read_frame(bench.peer, first);
    for (int i = 0; i < 3; i++)
        CHECK(read_frame(bench.peer, frame) == 9 && memcmp(frame, first, 9) == 0, "repetition %d differs", i);
    CHECK(link_thread_wakeups(bench.link) < 50, "%llu wake-ups", (unsigned long long)link_thread_wakeups(bench.link));
    bench_stop(&bench);
}

/* The first bytes are kept, whatever they are and however they come, and no more than fit. */
static void the_first_bytes_are_kept(void)
{
    enum { SENT = 1500, KEPT = 1024 };
    struct bench bench = on_sockets();
    bench_start(&bench);
    uint8_t sent[SENT], heard[2 * KEPT];
    for (int i = 0; i < SENT; i++)
        sent[i] = (uint8_t)(i * 7);
    CHECK(link_thread_heard(bench.link, heard, sizeof heard) == 0, "nothing came yet");
    for (int at = 0; at < SENT; at += 100)
        CHECK(write(bench.peer, sent + at, 100) == 100, "write: %s", strerror(errno));
    size_t count = 0;
    for (int ms = 0; count < KEPT && ms < PATIENCE; ms++) {
        count = link_thread_heard(bench.link, heard, sizeof heard);
        poll(NULL, 0, 1);
    }
    CHECK(count == KEPT && memcmp(heard, sent, KEPT) == 0, "%zu bytes kept", count);
    CHECK(link_thread_heard(bench.link, heard, 10) == 10, "as many as there is room for");
    bench_stop(&bench);
}

static void an_unplugged_port_is_an_error_at_once(struct bench bench, int while_sending)
{
    bench_start(&bench);
    ask(&bench);
    if (while_sending)
        session_send(bench.session, bench.queue, (const uint8_t *)"gone", 4, 0, 0);
    close(bench.peer);
    bench.peer = -1;
    link_thread_wake(bench.link);
    while (!link_thread_error(bench.link))
        clear_ready(&bench);
    int error = link_thread_error(bench.link);
    CHECK(error == EIO || error == EPIPE || error == ECONNRESET, "%s", strerror(error));
    uint64_t before = link_thread_wakeups(bench.link);
    usleep(20000);
    CHECK(link_thread_wakeups(bench.link) == before, "a thread of a dead port goes on");
    bench_stop(&bench);
}

static void no_signal_is_taken(void)
{
    sigset_t pending;
    sigpending(&pending);
    CHECK(!sigismember(&pending, SIGPIPE), "SIGPIPE reached the caller");
}

static void a_closed_descriptor_is_an_error(void)
{
    struct bench bench = on_sockets();
    close(bench.fd);
    bench.ready = eventfd(0, EFD_NONBLOCK);
    bench.session = session_new();
    bench.link = link_thread_start(bench.session, 9999, bench.ready); /* no such descriptor */
    clear_ready(&bench);
    CHECK(link_thread_error(bench.link) == EBADF, "%s", strerror(link_thread_error(bench.link)));
    link_thread_stop(bench.link);
    session_free(bench.session);
    close(bench.ready);
    close(bench.peer);
}

int main(void)
{
    questions_are_answered(on_sockets());
    questions_are_answered(on_pty());
    an_idle_thread_sleeps(on_sockets());
    an_idle_thread_sleeps(on_pty());
    a_port_that_takes_nothing_is_waited_for();
    a_command_without_an_answer_is_repeated();
    for (int while_sending = 0; while_sending < 2; while_sending++) {
        an_unplugged_port_is_an_error_at_once(on_sockets(), while_sending);
        an_unplugged_port_is_an_error_at_once(on_pty(), while_sending);
    }
    the_first_bytes_are_kept();
    no_signal_is_taken();
    a_closed_descriptor_is_an_error();
    return 0;
}
