/* One thread per port: it sleeps in ppoll until bytes come, room comes, the session wants to be asked, or somebody wakes it.
 *
 *     caller --session_send--> session <--feed, emit, next-- this thread <--read, write--> fd
 *            --link_thread_wake--> [wake] ------------------/    \-------> [ready] ------> caller
 */
#define _GNU_SOURCE
#include "klipkit/link/thread.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "klipkit/wire/session.h"

enum { READ_ROOM = 4096, EMIT_ROOM = 1024, HEARD_ROOM = 1024 };

/* Longest sleep, s: bounds the arithmetic of timespec, nothing hangs on it. */
static const double LONGEST_SLEEP = 3600.0;

struct link_thread {
    pthread_t thread;
    struct session *session;
    int fd, ready, wake;
    atomic_int error, stopping;
    atomic_uint_fast64_t wakeups;
    uint8_t out[EMIT_ROOM];        /* emitted, not yet taken by the port: out[written .. emitted] */
    size_t emitted, written;
    uint8_t heard[HEARD_ROOM];     /* the first bytes that came; those below heard_count change no more */
    atomic_size_t heard_count;
};

double link_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void signal_event(int event)
{
    const uint64_t one = 1;
    /* EAGAIN: the counter is full, so it is signalled anyway */
    while (write(event, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

static void clear_event(int event)
{
    uint64_t count;
    while (read(event, &count, sizeof count) < 0 && errno == EINTR)
        continue;
}

static int may_repeat(int error)
{
    return error == EAGAIN || error == EINTR;
}

/* Write what the session has to send, as far as the port takes it. 0 or the errno that ended it. */
static int write_port(struct link_thread *link)
{
    for (;;) {
        if (link->written == link->emitted) {
            link->written = 0;
            link->emitted = session_emit(link->session, link_now(), link->out, sizeof link->out);
            if (!link->emitted)
                return 0;
        }
        ssize_t count = write(link->fd, link->out + link->written, link->emitted - link->written);
        if (count < 0 && errno != EINTR)
            return errno == EAGAIN ? 0 : errno;
        link->written += count > 0 ? (size_t)count : 0;
    }
}

static void keep_first(struct link_thread *link, const uint8_t *bytes, size_t count)
{
    size_t kept = atomic_load_explicit(&link->heard_count, memory_order_relaxed); /* only this thread writes it */
    size_t room = HEARD_ROOM - kept;
    if (!room)
        return;
    count = count < room ? count : room;
    memcpy(link->heard + kept, bytes, count);
    atomic_store_explicit(&link->heard_count, kept + count, memory_order_release);
}

/* Read what the port has, once. 0 or the errno that ended it; an end of file is a port that is gone. */
static int read_port(struct link_thread *link)
{
    uint8_t bytes[READ_ROOM];
    ssize_t count = read(link->fd, bytes, sizeof bytes);
    if (count < 0)
        return may_repeat(errno) ? 0 : errno;
    if (count == 0)
        return EIO;
    keep_first(link, bytes, (size_t)count);
    int before = session_waiting(link->session);
    if (session_feed(link->session, link_now(), bytes, (size_t)count) > before)
        signal_event(link->ready);
    return 0;
}

/* Sleep until there is something to do; the port's events. */
static int wait_port(struct link_thread *link, int *error)
{
    int blocked = link->written < link->emitted; /* the session is asked again when the port takes more */
    double now = link_now();
    double sleep = blocked ? LONGEST_SLEEP : session_next(link->session, now) - now;
    sleep = fmin(fmax(sleep, 0.0), LONGEST_SLEEP);
    struct timespec timeout = {.tv_sec = (time_t)sleep, .tv_nsec = (long)((sleep - floor(sleep)) * 1e9)};
    struct pollfd files[2] = {
        {.fd = link->fd, .events = (short)(POLLIN | (blocked ? POLLOUT : 0))},
        {.fd = link->wake, .events = POLLIN},
    };
    int count = ppoll(files, 2, &timeout, NULL);
    atomic_fetch_add_explicit(&link->wakeups, 1, memory_order_relaxed);
    if (count < 0) {
        *error = may_repeat(errno) ? 0 : errno;
        return 0;
    }
    if (files[1].revents)
        clear_event(link->wake);
    return files[0].revents;
}

/* One turn; 0 or the errno that ended the port. */
static int turn(struct link_thread *link)
{
    int error = write_port(link);
    if (error)
        return error;
    int events = wait_port(link, &error);
    if (error)
        return error;
    if (events & POLLNVAL)
        return EBADF;
    if (events & (POLLIN | POLLHUP | POLLERR)) /* a port that hung up still gives what it has; its end tells why */
        return read_port(link);
    return 0;
}

static void *drive(void *argument)
{
    struct link_thread *link = argument;
    int error = 0;
    while (!error && !atomic_load(&link->stopping))
        error = turn(link);
    if (error) {
        atomic_store(&link->error, error);
        signal_event(link->ready);
    }
    return NULL;
}

/* Signals are for the caller's threads: a new thread inherits that all are blocked. */
static int start_without_signals(struct link_thread *link)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&link->thread, NULL, drive, link);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void wake(void *owner)
{
    link_thread_wake(owner);
}

struct link_thread *link_thread_start(struct session *session, int fd, int ready)
{
    struct link_thread *link = calloc(1, sizeof *link);
    if (!link)
        return NULL;
    link->session = session;
    link->fd = fd;
    link->ready = ready;
    link->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (link->wake >= 0)
        session_set_wake(session, wake, link);
    int error = link->wake < 0 ? errno : start_without_signals(link);
    if (!error)
        return link;
    session_set_wake(session, NULL, NULL);
    if (link->wake >= 0)
        close(link->wake);
    free(link);
    errno = error;
    return NULL;
}

void link_thread_wake(struct link_thread *thread)
{
    signal_event(thread->wake);
}

int link_thread_error(struct link_thread *thread)
{
    return atomic_load(&thread->error);
}

uint64_t link_thread_wakeups(struct link_thread *thread)
{
    return atomic_load(&thread->wakeups);
}

size_t link_thread_heard(struct link_thread *thread, uint8_t *out, size_t room)
{
    size_t count = atomic_load_explicit(&thread->heard_count, memory_order_acquire);
    count = count < room ? count : room;
    memcpy(out, thread->heard, count);
    return count;
}

void link_thread_stop(struct link_thread *thread)
{
    session_set_wake(thread->session, NULL, NULL);
    atomic_store(&thread->stopping, 1);
    signal_event(thread->wake);
    pthread_join(thread->thread, NULL);
    close(thread->wake);
    free(thread);
}
