/* The receive ring: see console.h. */
#include "core/console.h"

#include "core/declare.h"
#include "core/frame.h"
#include "core/sched.h"
#include "hal/console.h"

_Static_assert((CONSOLE_RING & (CONSOLE_RING - 1)) == 0, "the ring's size is a power of two");

uint8_t console_ring[CONSOLE_RING];
volatile console_count console_head;
console_count console_tail;

STARTUP_ZERO(console)
{
    console_head = console_tail = 0;
}

TASK(console)
{
    frame_resume();
    frame_work();
}
