/* The pseudo terminal of klipkit-sim: see terminal.h.
 *
 * The slave side is kept open here as well, so the terminal outlives its clients and keeps its settings. What no client reads
 * fills the kernel's buffer, then ours, and is dropped after that, as a chip drops what its UART cannot take.
 */
#define _DEFAULT_SOURCE /* cfmakeraw */
#define _XOPEN_SOURCE 600 /* posix_openpt */
#include "ports/sim/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "ports/sim/options.h"

enum { DEVICE = 3, QUEUE_BYTES = 4096, PATH_BYTES = 256 };

static int master, slave;
static const char *link_path;
static char terminal_path[PATH_BYTES];
static uint8_t queue[QUEUE_BYTES];
static size_t queued;

static void make_raw(void)
{
    struct termios settings;
    if (tcgetattr(slave, &settings) < 0)
        options_fail(DEVICE, "terminal: %s", strerror(errno));
    cfmakeraw(&settings);
    if (tcsetattr(slave, TCSANOW, &settings) < 0)
        options_fail(DEVICE, "terminal: %s", strerror(errno));
}

/* Where a symlink points, "" for anything else. */
static void read_link(char *target)
{
    ssize_t count = readlink(link_path, target, PATH_BYTES - 1);
    target[count > 0 ? count : 0] = '\0';
}

static void make_link(void)
{
    char target[PATH_BYTES];
    read_link(target);
    if (strncmp(target, "/dev/pts/", 9) == 0)
        unlink(link_path);
    if (symlink(terminal_path, link_path) < 0)
        options_fail(DEVICE, "--pty: cannot make the link: %s; only a link to a terminal is replaced", strerror(errno));
}

int terminal_open(const char *link)
{
    link_path = link;
    master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        options_fail(DEVICE, "no pseudo terminal: %s", strerror(errno));
    snprintf(terminal_path, sizeof terminal_path, "%s", ptsname(master));
    slave = open(terminal_path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        options_fail(DEVICE, "no pseudo terminal: %s", strerror(errno));
    make_raw();
    if (chmod(terminal_path, 0660) < 0)
        options_fail(DEVICE, "terminal: %s", strerror(errno));
    make_link();
    return master;
}

void terminal_close(void)
{
    char target[PATH_BYTES];
    read_link(target);
    if (strcmp(target, terminal_path) == 0)
        unlink(link_path);
}

size_t terminal_room(void)
{
    return QUEUE_BYTES - queued;
}

void terminal_send(const uint8_t *bytes, size_t count)
{
    memcpy(queue + queued, bytes, count);
    queued += count;
    terminal_flush();
}

void terminal_flush(void)
{
    if (!queued)
        return;
    ssize_t written = write(master, queue, queued);
    if (written <= 0)
        return; /* full, or interrupted: later */
    queued -= (size_t)written;
    memmove(queue, queue + written, queued);
}

size_t terminal_receive(uint8_t *out, size_t room)
{
    ssize_t count = read(master, out, room);
    return count > 0 ? (size_t)count : 0;
}
