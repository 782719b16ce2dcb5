/* The chip behind a pty: paced to real time; when the computer stalls, the chip's time stands still as well.
 *
 * A chip that caught up would run fast for a while, and a host that measures clocks would be misled; one that lost time looks to
 * the host like one whose answers were late.
 */
#define _GNU_SOURCE /* openpty */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { SLICE_US = 250, STALL_US = 10000, READ_BYTES = 512 };

static volatile sig_atomic_t ended;

static void end(int number)
{
    (void)number;
    ended = 1;
}

static uint64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The pty's master side, with the symlink made; -1 with a message when that fails. The slave side is kept open, so that a host
 * may come and go. */
static int open_pty(const char *link)
{
    struct termios raw = {0};
    char name[128], old[128];
    int master, slave;
    cfmakeraw(&raw);
    if (openpty(&master, &slave, name, &raw, NULL)) {
        fprintf(stderr, "cannot open a pty: %s\n", strerror(errno));
        return -1;
    }
    if (readlink(link, old, sizeof old) > 0)
        unlink(link); /* a symlink is one of ours that was left */
    if (symlink(name, link)) {
        fprintf(stderr, "cannot make the link %s: %s\n", link, strerror(errno));
        return -1;
    }
    fcntl(master, F_SETFL, O_NONBLOCK);
    return master;
}

/* Bytes that the host does not take are lost, as on a line where nobody listens. */
static void exchange(struct desk *desk, int master)
{
    uint8_t bytes[READ_BYTES];
    struct bytes *sent = &desk->sent;
    ssize_t count = read(master, bytes, sizeof bytes);
    if (count > 0)
        desk_send(desk, bytes, (size_t)count);
    if (sent->begin == sent->end)
        return;
    count = write(master, sent->data + sent->begin, sent->end - sent->begin);
    sent->begin = sent->end;
    (void)count;
}

static void pace(struct desk *desk, int master)
{
    const avr_t *avr = desk->chip->avr;
    uint64_t begun = microseconds(), cycles = avr->cycle;
    while (!ended && desk_run(desk, avr->cycle + (uint64_t)avr->frequency * SLICE_US / 1000000, false)) {
        exchange(desk, master);
        uint64_t due = begun + (avr->cycle - cycles) * 1000000 / avr->frequency, now = microseconds();
        if (now > due + STALL_US)
            begun += now - due;
        else if (due > now)
            usleep((useconds_t)(due - now));
    }
}

int terminal_run(struct desk *desk, const char *link)
{
    int master = open_pty(link);
    if (master < 0)
        return 3;
    signal(SIGINT, end);
    signal(SIGTERM, end);
    pace(desk, master);
    unlink(link);
    if (!ended)
        fprintf(stderr, "the chip's CPU has stopped at %#x\n", desk->chip->avr->pc);
    return ended ? 0 : 3;
}
