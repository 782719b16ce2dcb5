/* Commands of the configuration's life: asked for, finalized, thrown away. */
#include "core/config.h"

#include "core/declare.h"
#include "core/moves.h"
#include "core/sched.h"
#include "hal/irq.h"
#include "hal/memory.h"
#include "hal/reset.h"

RESPONSE(config, "is_config=%c crc=%u is_shutdown=%c move_count=%hu");

static bool final;
static uint32_t stored_crc;

STARTUP(config)
{
    final = false;
    stored_crc = 0;
    memory_reset();
}

bool config_is_final(void)
{
    return final;
}

COMMAND_ALWAYS(get_config, "")
{
    (void)args;
    send_config(final, stored_crc, sched_is_shutdown(), moves_count());
}

COMMAND(finalize_config, "crc=%u")
{
    if (final)
        shutdown("Already finalized");
    moves_allocate();
    stored_crc = args[0];
    final = true;
}

COMMAND_ALWAYS(emergency_stop, "")
{
    (void)args;
    shutdown("Command request");
}

COMMAND_ALWAYS(clear_shutdown, "")
{
    (void)args;
    sched_clear_shutdown();
}

COMMAND_ALWAYS(reset, "")
{
    (void)args;
    irq_disable();
    reset_chip();
    irq_enable();
}

/* For hosts that restart a board this way because its firmware cannot reset the chip; here it is the same. */
COMMAND_ALWAYS(config_reset, "")
{
    (void)args;
    if (!sched_is_shutdown())
        shutdown("config_reset only available when shutdown");
    irq_disable();
    reset_chip();
    irq_enable();
}
