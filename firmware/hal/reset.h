/* Port contract: restarting the chip, and the watchdog that does so when the main loop hangs. */
#ifndef HAL_RESET_H
#define HAL_RESET_H
#include "port.h"

/* Restart the chip. May return before the restart happens. */
void reset_chip(void);

/* Called once from each pass of the main loop, at least every 0.1 s; a port with a watchdog restarts it here. */
void watchdog_feed(void);
#endif
