/* The chip behind a pty, in real time. */
#ifndef KLIPKIT_SIM_AVR_TERMINAL_H
#define KLIPKIT_SIM_AVR_TERMINAL_H
#include "desk.h"

/* Serve a pty named by the symlink `link` until a signal ends it; gives the exit status. A chip that starts in a boot loader is
 * reset whenever a host opens the pty, as DTR does on a board, and hears noise when the host's speed is not its own. */
int terminal_run(struct desk *desk, const char *link);
#endif
