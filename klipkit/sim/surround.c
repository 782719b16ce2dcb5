/* What compiled firmware calls: its clock, timer, interrupts, pins, buses and bytes, in virtual time.
 *
 * A read of the clock and a poll take 1/SIM_READS_A_SECOND s, so that polling loops end; nothing else that firmware does takes
 * time. Interrupts are taken at their exact time while the firmware sleeps, polls or reads with interrupts enabled, else at
 * the next of these; within an interrupt no other is taken. `ctx` is a struct compiled, whose first member is its struct mcu.
 */
#include <string.h>

#include "klipkit/sim/inner/world.h"

static int may_take(const struct compiled *own)
{
    return own->enabled && !own->inside && (own->timer_due || own->mcu.wire.arrived);
}

void surround_interrupt(struct compiled *own)
{
    if (own->waiting && may_take(own))
        own->mcu.cosim->next = own;
}

static void timer_due(void *owner)
{
    struct compiled *own = owner;
    own->timer_due = 1;
    surround_interrupt(own);
}

/* Let events happen until one of them is for this MCU. */
static void wait(struct compiled *own)
{
    own->waiting = 1;
    world_give_way(own->mcu.cosim, own);
    own->waiting = 0;
}

/* Take the interrupts that are due, the timer's first. Gives their number. */
static int take_interrupts(struct compiled *own)
{
    int taken = 0;
    for (uint8_t byte; may_take(own); taken++) {
        own->inside = 1;
        if (own->timer_due) {
            own->timer_due = 0;
            own->firmware->timer_interrupt();
        } else if (sim_wire_take(&own->mcu, &byte)) {
            own->firmware->byte_interrupt(byte);
        }
        own->inside = 0;
    }
    return taken;
}

/* Let time pass for the MCU, with what happens in it. */
static void pass(struct compiled *own, uint64_t duration)
{
    struct cosim *cosim = own->mcu.cosim;
    uint64_t end = cosim->now + duration;
    take_interrupts(own);
    while (cosim->now < end) {
        const struct event *first = events_first(&cosim->events);
        if (!first || first->time > end) {
            cosim->now = end;
            return;
        }
        events_set(&cosim->events, &own->mcu.resume, end);
        wait(own);
        events_clear(&cosim->events, &own->mcu.resume);
        take_interrupts(own);
    }
}

/* Whatever runs of this MCU, here or waiting in its context, does not go on: it is begun anew. */
void surround_crash(struct compiled *own)
{
    struct events *events = &own->mcu.cosim->events;
    events_clear(events, &own->timer);
    events_clear(events, &own->watchdog);
    sim_mcu_crash(&own->mcu);
}

/* The event is set anew when it comes, not at each feed. */
static void watchdog_due(void *owner)
{
    struct compiled *own = owner;
    struct cosim *cosim = own->mcu.cosim;
    uint64_t bite = own->fed + ticks_units(1.0 / SIM_WATCHDOG_HZ);
    if (cosim->now < bite)
        events_set(&cosim->events, &own->watchdog, bite);
    else
        surround_crash(own);
}

static void watchdog(void *ctx)
{
    struct compiled *own = ctx;
    own->fed = own->mcu.cosim->now;
    if (!own->watchdog.place)
        watchdog_due(own);
}

static uint32_t read_clock(void *ctx)
{
    struct compiled *own = ctx;
    pass(own, own->read_time);
    return (uint32_t)sim_mcu_clock(&own->mcu);
}

static void set_timer(void *ctx, uint32_t clock)
{
    struct compiled *own = ctx;
    struct cosim *cosim = own->mcu.cosim;
    uint64_t now = sim_mcu_clock(&own->mcu);
    int32_t ahead = (int32_t)(clock - (uint32_t)now);
    own->timer_due = 0;
    /* a clock that has passed is due a read later: code that sets such clocks again and again must not stop time */
    uint64_t time = ahead > 0 ? own->mcu.base + ticks_time(own->mcu.rate, now - own->mcu.offset + (uint32_t)ahead)
                              : cosim->now + own->read_time;
    events_set(&cosim->events, &own->timer, time);
}

static void irq_enabled(void *ctx, int enabled)
{
    ((struct compiled *)ctx)->enabled = enabled != 0;
}

static void idle(void *ctx)
{
    while (!take_interrupts(ctx))
        wait(ctx);
}

static void poll(void *ctx)
{
    struct compiled *own = ctx;
    pass(own, own->read_time);
}

static void pin_setup(void *ctx, uint32_t pin, int mode, int level)
{
    pins_set_up(ctx, pin, mode, level);
}

static void pin_write(void *ctx, uint32_t pin, int level)
{
    pins_write(ctx, pin, level);
}

static int pin_read(void *ctx, uint32_t pin)
{
    return pins_read(ctx, pin);
}

static void send(void *ctx, const uint8_t *bytes, size_t count)
{
    sim_wire_send(ctx, bytes, count);
}

static size_t send_room(void *ctx)
{
    return sim_wire_room(ctx);
}

static void reset(void *ctx)
{
    struct compiled *own = ctx;
    world_leave(own->mcu.cosim, own);
}

static int analog_setup(void *ctx, uint32_t pin)
{
    return pins_set_up_analog(ctx, pin);
}

static uint32_t analog_read(void *ctx, uint32_t pin)
{
    const struct mcu *mcu = ctx;
    return pins_read_analog(mcu, pin, mcu->cosim->now);
}

static int pwm_setup(void *ctx, uint32_t pin, uint32_t cycle_ticks, uint32_t value)
{
    (void)cycle_ticks;
    return pins_set_up_pwm(ctx, pin, value);
}

static void pwm_write(void *ctx, uint32_t pin, uint32_t value)
{
    pins_write_pwm(ctx, pin, value);
}

/* Every bus there may be is one: which of them the chip has is in its dictionary. */
static int spi_setup(void *ctx, uint32_t bus, int mode, uint32_t rate)
{
    (void)ctx, (void)bus, (void)mode, (void)rate;
    return 0;
}

static void spi_transfer(void *ctx, uint32_t bus, int mode, uint32_t rate, uint8_t *bytes, size_t count)
{
    const struct cosim_buses *buses = &((struct mcu *)ctx)->buses;
    (void)mode, (void)rate;
    if (buses->spi)
        buses->spi(buses->owner, bus, bytes, count);
    else
        memset(bytes, 0, count);
}

static int i2c_setup(void *ctx, uint32_t bus, uint32_t rate)
{
    (void)ctx, (void)bus, (void)rate;
    return 0;
}

static int i2c_transfer(void *ctx, uint32_t bus, uint32_t address, const uint8_t *write, size_t write_count, uint8_t *read,
                        size_t read_count)
{
    const struct cosim_buses *buses = &((struct mcu *)ctx)->buses;
    if (buses->i2c)
        return buses->i2c(buses->owner, bus, address, write, write_count, read, read_count);
    memset(read, 0, read_count);
    return SIM_I2C_START_NACK;
}

void surround_set_up(struct compiled *own)
{
    own->timer = (struct event){.due = timer_due, .owner = own};
    own->watchdog = (struct event){.due = watchdog_due, .owner = own};
    own->host = (struct sim_host){
        .ctx = own, .read_clock = read_clock, .set_timer = set_timer, .irq_enabled = irq_enabled, .idle = idle,
        .poll = poll, .pin_setup = pin_setup, .pin_write = pin_write, .pin_read = pin_read, .send = send,
        .send_room = send_room, .reset = reset, .analog_setup = analog_setup, .analog_read = analog_read,
        .pwm_setup = pwm_setup, .pwm_write = pwm_write, .spi_setup = spi_setup, .spi_transfer = spi_transfer,
        .i2c_setup = i2c_setup, .i2c_transfer = i2c_transfer, .watchdog = watchdog,
    };
}
