/* Commands that ask for the clock, and those that test the line. */
#include "core/command.h"
#include "core/declare.h"
#include "core/stats.h"
#include "hal/clock.h"

RESPONSE(clock, "clock=%u");
RESPONSE(uptime, "high=%u clock=%u");
RESPONSE(pong, "data=%*s");

COMMAND_ALWAYS(get_clock, "")
{
    (void)args;
    send_clock(clock_read());
}

COMMAND_ALWAYS(get_uptime, "")
{
    (void)args;
    uint32_t now = clock_read();
    send_uptime(stats_clock_high(now), now);
}

COMMAND_ALWAYS(debug_nop, "")
{
    (void)args;
}

COMMAND_ALWAYS(debug_ping, "data=%*s")
{
    send_pong((uint8_t)args[0], command_bytes(args[1]));
}
