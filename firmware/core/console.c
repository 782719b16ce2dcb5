/* The receive ring: see console.h. */
#include "core/console.h"

#include "core/declare.h"
#include "core/frame.h"
#include "core/sched.h"
#include "hal/console.h"

_Static_assert((CONSOLE_RING & (CONSOLE_RING - 1)) == 0, "the ring's size is a power of two");

/* console_count is of a type that is read in one piece. */
static uint8_t ring[CONSOLE_RING];
static volatile console_count head; /* bytes received, modulo its type: written by the interrupt */
static console_count tail;          /* bytes taken: written by the task */

STARTUP(console)
{
    head = tail = 0;
}

void console_byte(uint8_t byte)
{
    if ((console_count)(head - tail) == CONSOLE_RING - 1)
        return;
    ring[head & (CONSOLE_RING - 1)] = byte;
    head++;
    if (byte == FRAME_SYNC) /* other bytes can wait for the rest of the frame, or for the heartbeat */
        sched_wake();
}

TASK(console)
{
    frame_resume();
    while (tail != head) {
        uint8_t byte = ring[tail & (CONSOLE_RING - 1)];
        tail++;
        frame_feed(byte);
    }
}
