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
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { SLICE_US = 250, STALL_US = 10000, READ_BYTES = 512, BITS = 10, OFF_MOST_PERCENT = 4, NOISE = 0x5a };

/* struct termios2 of linux/asm-generic/termbits.h, whose header cannot be included beside termios.h; the speeds are last. */
struct speeds {
    uint32_t modes[4];
    uint8_t line, characters[19];
    uint32_t input, output;
};
enum { GET_SPEEDS = (int)0x802c542a }; /* TCGETS2 */

struct terminal {
    int master;
    bool is_board;   /* it has a boot loader, and is reset when it is opened */
    bool is_open;
    bool is_audible; /* host and chip have one speed */
};

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

/* The pty's master side, with the symlink made; -1 with a message when that fails. */
static int open_pty(const char *link, bool keep_slave)
{
    struct termios raw = {0};
    char name[128], old[128];
    int master, slave;
    cfmakeraw(&raw);
    if (openpty(&master, &slave, name, &raw, NULL)) {
        fprintf(stderr, "cannot open a pty: %s\n", strerror(errno));
        return -1;
    }
    if (!keep_slave)
        close(slave);
    if (readlink(link, old, sizeof old) > 0)
        unlink(link); /* a symlink is one of ours that was left */
    if (symlink(name, link)) {
        fprintf(stderr, "cannot make the link %s: %s\n", link, strerror(errno));
        return -1;
    }
    fcntl(master, F_SETFL, O_NONBLOCK);
    return master;
}

/* Whether the host's speed is the chip's, as far as a UART can tell; the wire goes at the host's. */
static bool has_speed(struct terminal *terminal, struct desk *desk)
{
    struct speeds speeds;
    uint64_t frequency = desk->chip->avr->frequency;
    if (ioctl(terminal->master, (unsigned)GET_SPEEDS, &speeds) || !speeds.output)
        return false;
    desk->wire_cycles = frequency * BITS / speeds.output;
    uint64_t own = desk->chip->uart.send_cycles, off = own > desk->wire_cycles ? own - desk->wire_cycles : desk->wire_cycles - own;
    return off * 100 <= own * OFF_MOST_PERCENT;
}

/* Look whether a host is there: the master side is hung up while nobody has the slave side open. */
static void look(struct terminal *terminal, struct desk *desk)
{
    struct pollfd state = {.fd = terminal->master};
    poll(&state, 1, 0);
    bool is_open = !(state.revents & POLLHUP);
    if (is_open && !terminal->is_open)
        chip_reset(desk->chip);
    terminal->is_open = is_open;
    terminal->is_audible = is_open && has_speed(terminal, desk);
}

static void disturb(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] ^= NOISE;
}

/* Bytes that the host does not take are lost, as on a line where nobody listens. */
static void exchange(struct terminal *terminal, struct desk *desk)
{
    uint8_t bytes[READ_BYTES];
    struct bytes *sent = &desk->sent;
    if (terminal->is_board)
        look(terminal, desk);
    ssize_t count = read(terminal->master, bytes, sizeof bytes);
    if (count > 0) {
        if (!terminal->is_audible)
            disturb(bytes, (size_t)count);
        desk_send(desk, bytes, (size_t)count);
    }
    if (sent->begin == sent->end)
        return;
    if (!terminal->is_audible)
        disturb(sent->data + sent->begin, sent->end - sent->begin);
    if (terminal->is_open)
        count = write(terminal->master, sent->data + sent->begin, sent->end - sent->begin);
    sent->begin = sent->end;
}

static void pace(struct desk *desk, struct terminal *terminal)
{
    const avr_t *avr = desk->chip->avr;
    uint64_t begun = microseconds(), cycles = avr->cycle;
    while (!ended && desk_run(desk, avr->cycle + (uint64_t)avr->frequency * SLICE_US / 1000000, false)) {
        exchange(terminal, desk);
        uint64_t due = begun + (avr->cycle - cycles) * 1000000 / avr->frequency, now = microseconds();
        if (now > due + STALL_US)
            begun += now - due;
        else if (due > now)
            usleep((useconds_t)(due - now));
    }
}

int terminal_run(struct desk *desk, const char *link)
{
    bool is_board = desk->chip->avr->reset_pc != 0;
    struct terminal terminal = {.is_board = is_board, .is_open = !is_board, .is_audible = !is_board};
    terminal.master = open_pty(link, !is_board);
    if (terminal.master < 0)
        return 3;
    signal(SIGINT, end);
    signal(SIGTERM, end);
    pace(desk, &terminal);
    unlink(link);
    if (!ended)
        fprintf(stderr, "the chip's CPU has stopped at %#x\n", desk->chip->avr->pc);
    return ended ? 0 : 3;
}
