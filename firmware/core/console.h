/* The receive ring, between the interrupt of the port and the reader of frames.
 *
 * Inline, because on a slow chip a call costs more than the rest of the interrupt; the AVR port has console_byte() in assembly.
 */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H
#include <stdint.h>

#include "core/frame.h"
#include "core/sched.h"
#include "hal/console.h"

/* console_count is of a type that is read in one piece; the counts are of bytes, modulo its type. */
extern uint8_t console_ring[CONSOLE_RING];
extern volatile console_count console_head; /* bytes received: written by the interrupt */
extern console_count console_tail;          /* bytes taken: written by the task */

/* For the task: the byte at `place` of those received, which is there; and to be done with the first `count` of them. */
static inline uint8_t console_peek(uint8_t place)
{
    return console_ring[(console_count)(console_tail + place) & (CONSOLE_RING - 1)];
}

static inline void console_drop(uint8_t count)
{
    console_tail = (console_count)(console_tail + count);
}

/* A received byte: called in the port's interrupt. It is lost when the ring is full, of bytes without a sync perhaps: then a frame
 * that follows shall not be lost as well. */
static inline void console_byte(uint8_t byte)
{
    console_count head = console_head;
    if ((console_count)(head - console_tail) == CONSOLE_RING - 1) {
        sched_wake();
        return;
    }
    console_ring[head & (CONSOLE_RING - 1)] = byte;
    console_head = (console_count)(head + 1);
    if (byte == FRAME_SYNC) /* other bytes can wait for the rest of the frame, or for the heartbeat */
        sched_wake();
}
#endif
