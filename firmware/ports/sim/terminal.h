/* The pseudo terminal of klipkit-sim and the symlink to it. */
#ifndef PORTS_SIM_TERMINAL_H
#define PORTS_SIM_TERMINAL_H
#include <stddef.h>
#include <stdint.h>

/* Open a raw terminal and make `link` point to it; gives the master's descriptor, non-blocking. Exits when it cannot: only a
 * symlink to a terminal is replaced. */
int terminal_open(const char *link);

/* Remove the symlink if it is still ours. */
void terminal_close(void);

/* Queue bytes for the client; at most terminal_room() of them. */
void terminal_send(const uint8_t *bytes, size_t count);
size_t terminal_room(void);

/* Hand queued bytes to the kernel as far as it takes them. */
void terminal_flush(void);

/* Take at most `room` bytes that the client sent; 0 when there are none. */
size_t terminal_receive(uint8_t *out, size_t room);
#endif
