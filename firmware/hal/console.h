/* Port contract: the byte stream to the host. The port calls console_byte() of core/console.h for each byte received, in its
 * interrupt. */
#ifndef HAL_CONSOLE_H
#define HAL_CONSOLE_H
#include <stdint.h>

#include "port.h"

/* Bytes that console_send() can take now without waiting. */
uint16_t console_room(void);

/* Queue bytes for sending, at most console_room() of them. */
void console_send(const uint8_t *bytes, uint8_t count);
#endif
