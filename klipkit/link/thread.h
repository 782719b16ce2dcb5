/* The driver of a session on a real file descriptor (serial port, pty, socket): one thread that never calls Python.
 *
 * The thread owns reading and writing of `fd`; closing it stays with the caller, after link_thread_stop. Its clock is
 * CLOCK_MONOTONIC in seconds. `ready` is an eventfd of the caller that is signalled when messages came in and when the port
 * is gone.
 */
#ifndef KLIPKIT_LINK_THREAD_H
#define KLIPKIT_LINK_THREAD_H
#include <stddef.h>
#include <stdint.h>

struct session;
struct link_thread;

/* Start to drive; NULL and errno when the thread can't be made. `fd` and `ready` are in non-blocking mode; the session, `fd` and
 * `ready` stay the caller's and must live until link_thread_stop has come back. */
struct link_thread *link_thread_start(struct session *session, int fd, int ready);

/* New commands were queued: look at the session now. */
void link_thread_wake(struct link_thread *thread);

/* 0 while the port works, else the errno that ended it (EIO or ENODEV when unplugged). */
int link_thread_error(struct link_thread *thread);

/* Times that the thread woke up from its sleep so far: what tells a busy loop. */
uint64_t link_thread_wakeups(struct link_thread *thread);

/* Copy the first bytes that came from the port, whatever they were (1024 at most are kept); gives how many. What tells a
 * stranger at the other end. */
size_t link_thread_heard(struct link_thread *thread, uint8_t *out, size_t room);

/* Stop and free; what is queued stays in the session. */
void link_thread_stop(struct link_thread *thread);

/* The thread's clock: CLOCK_MONOTONIC, s. */
double link_now(void);
#endif
