/* The receive ring: bytes from the port's interrupt to the frame reader. */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H
#include <stdint.h>

/* A byte came from the host: called by the port's receive interrupt. Lost when the ring is full (the frame's CRC tells). */
void console_byte(uint8_t byte);
#endif
