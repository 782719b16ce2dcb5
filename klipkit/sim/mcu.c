/* What all simulated MCUs have, whatever their kind: clock, pins, wire; power-on and reset. */
#include <errno.h>
#include <stdlib.h>

#include "klipkit/sim/inner/world.h"

/* From a reset to the first instruction: about what crystals and clocks take to settle (65 ms on an ATmega2560 with the
 * usual fuses, data sheet 10.4, "Low Power Crystal Oscillator"). */
static const double BOOT_TIME = 0.065;

int sim_mcu_power_on(struct mcu *mcu)
{
    int error = pins_new(mcu);
    if (!error)
        error = events_reserve(&mcu->cosim->events, MCU_EVENTS);
    if (error)
        return error;
    sim_wire_set_up(mcu);
    mcu->base = mcu->cosim->now;
    return mcu->kind->open(mcu);
}

void sim_mcu_crash(struct mcu *mcu)
{
    events_clear(&mcu->cosim->events, &mcu->resume);
    sim_wire_cut(mcu);
    mcu->running = 0;
    mcu->crashed = 1;
    world_stop(mcu->cosim, COSIM_RESET);
}

int sim_mcu_restart(struct mcu *mcu)
{
    pins_float(mcu);
    mcu->resets++;
    mcu->base = mcu->cosim->now + ticks_units(BOOT_TIME);
    mcu->offset = 0;
    mcu->crashed = 0;
    return mcu->kind->reopen(mcu);
}

void sim_mcu_free(struct mcu *mcu)
{
    if (!mcu)
        return;
    mcu->kind->close(mcu);
    sim_wire_free(&mcu->wire);
    free((char *)mcu->path);
    free(mcu->pins);
    free(mcu);
}

uint64_t sim_mcu_clock(const struct mcu *mcu)
{
    uint64_t now = mcu->cosim->now;
    return mcu->offset + (now > mcu->base ? ticks_at(mcu->rate, now - mcu->base) : 0);
}
