/* The wire between the host's session and an MCU: bytes both ways at their speed, and when the session wants to be asked. */
#include <errno.h>

#include "klipkit/sim/inner/world.h"
#include "klipkit/wire/session.h"

enum {
    TRANSMIT_BUFFER = 96,      /* bytes, as in the UART builds of the firmware */
    EMIT_ROOM = 1024,          /* bytes: a whole window of 12 frames */
    FEED_ROOM = 256,
};

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
static const uint64_t DIGEST_START = 0xcbf29ce484222325, DIGEST_PRIME = 0x100000001b3;

/* A session that asks for a time that has passed is asked again a microsecond later. */
static const double ASK_AGAIN = 1e-6;

static void digest(uint64_t *of, uint8_t byte)
{
    *of = (*of ^ byte) * DIGEST_PRIME;
}

static void expect_down(struct mcu *mcu)
{
    struct wire *wire = &mcu->wire;
    if (!wire->arrive_down.place && wire->arrived < wire->down.count)
        events_set(&mcu->cosim->events, &wire->arrive_down, line_at(&wire->down, wire->arrived)->when);
}

/* Bytes from the host have come to the MCU. */
static void arrive_down(void *owner)
{
    struct mcu *mcu = owner;
    struct wire *wire = &mcu->wire;
    while (wire->arrived < wire->down.count && line_at(&wire->down, wire->arrived)->when <= mcu->cosim->now)
        wire->arrived++;
    if (!mcu->running)
        sim_wire_lose(mcu);
    expect_down(mcu);
    mcu->kind->bytes_came(mcu);
}

void sim_wire_lose(struct mcu *mcu)
{
    line_take(&mcu->wire.down, mcu->wire.arrived);
    mcu->wire.arrived = 0;
}

int sim_wire_take(struct mcu *mcu, uint8_t *byte)
{
    if (!mcu->wire.arrived)
        return 0;
    *byte = line_at(&mcu->wire.down, 0)->byte;
    digest(&mcu->wire.digest_down, *byte);
    line_take(&mcu->wire.down, 1);
    mcu->wire.arrived--;
    return 1;
}

/* The host sees a frame when its last byte is there: nothing happens on a part of one. */
static void expect_up(struct mcu *mcu)
{
    struct wire *wire = &mcu->wire;
    for (size_t i = 0; !wire->arrive_up.place && i < wire->up.count; i++)
        if (line_at(&wire->up, i)->last)
            events_set(&mcu->cosim->events, &wire->arrive_up, line_at(&wire->up, i)->when);
}

static size_t take_up(struct wire *wire, uint64_t now, uint8_t *out)
{
    size_t count = 0;
    for (; count < FEED_ROOM && count < wire->up.count && line_at(&wire->up, count)->when <= now; count++)
        digest(&wire->digest_up, out[count] = line_at(&wire->up, count)->byte);
    line_take(&wire->up, count);
    return count;
}

/* A frame from the MCU has come to the host. */
static void arrive_up(void *owner)
{
    struct mcu *mcu = owner;
    struct cosim *cosim = mcu->cosim;
    uint8_t bytes[FEED_ROOM];
    for (size_t count; (count = take_up(&mcu->wire, cosim->now, bytes)) > 0;) {
        int before = session_waiting(mcu->wire.session);
        if (session_feed(mcu->wire.session, world_seconds(cosim), bytes, count) > before)
            world_stop(cosim, COSIM_MESSAGES);
    }
    expect_up(mcu);
    sim_wire_pump(mcu);
}

void sim_wire_pump(struct mcu *mcu)
{
    struct cosim *cosim = mcu->cosim;
    struct wire *wire = &mcu->wire;
    if (!wire->session)
        return;
    uint8_t bytes[EMIT_ROOM];
    double now = world_seconds(cosim);
    for (size_t count; (count = session_emit(wire->session, now, bytes, sizeof bytes)) > 0;)
        if (line_put(&wire->down, cosim->now, bytes, count))
            break; /* no memory: lost, as on a bad wire; the session repeats it */
    expect_down(mcu);
    double next = session_next(wire->session, now);
    uint64_t ask = ticks_units(next > now ? next - cosim->start : now - cosim->start + ASK_AGAIN);
    if (ask < TICKS_NEVER)
        events_set(&cosim->events, &wire->emit, ask > cosim->now ? ask : cosim->now + ticks_units(ASK_AGAIN));
    else
        events_clear(&cosim->events, &wire->emit);
}

static void emit(void *owner)
{
    sim_wire_pump(owner);
}

/* Something was queued within the run. */
static void wake(void *owner)
{
    struct mcu *mcu = owner;
    events_set(&mcu->cosim->events, &mcu->wire.emit, mcu->cosim->now);
}

size_t sim_wire_room(const struct mcu *mcu)
{
    size_t waiting = line_waiting(&mcu->wire.up, mcu->cosim->now);
    return waiting < TRANSMIT_BUFFER ? TRANSMIT_BUFFER - waiting : 0;
}

void sim_wire_send(struct mcu *mcu, const uint8_t *bytes, size_t count)
{
    struct wire *wire = &mcu->wire;
    size_t room = sim_wire_room(mcu);
    if (!wire->session || !room || !count)
        return;
    /* what does not fit is lost, as in a full transmit buffer; without memory all is */
    if (line_put(&wire->up, mcu->cosim->now, bytes, count < room ? count : room) == 0)
        expect_up(mcu);
}

void sim_wire_send_byte(struct mcu *mcu, uint64_t through, uint8_t byte)
{
    struct wire *wire = &mcu->wire;
    if (wire->session && line_put_byte(&wire->up, through, byte) == 0)
        expect_up(mcu);
}

void sim_wire_set_up(struct mcu *mcu)
{
    mcu->wire.digest_down = mcu->wire.digest_up = DIGEST_START;
    mcu->wire.emit = (struct event){.due = emit, .owner = mcu};
    mcu->wire.arrive_down = (struct event){.due = arrive_down, .owner = mcu};
    mcu->wire.arrive_up = (struct event){.due = arrive_up, .owner = mcu};
}

void sim_wire_cut(struct mcu *mcu)
{
    struct wire *wire = &mcu->wire;
    events_clear(&mcu->cosim->events, &wire->arrive_up);
    line_cut(&wire->up);
    sim_wire_lose(mcu);
}

/* The seed of one direction of one MCU's wire: they must not meet the same fate. */
static uint64_t line_seed(uint64_t seed, const struct mcu *mcu, unsigned direction)
{
    return seed ^ (2 * (uint64_t)mcu->number + direction) * 0xd1342543de82ef95;
}

int sim_wire_connect(struct mcu *mcu, struct session *session, uint64_t byte_time, const struct cosim_faults *faults)
{
    static const struct cosim_faults none;
    const struct cosim_faults *given = faults ? faults : &none;
    struct wire *wire = &mcu->wire;
    sim_wire_cut(mcu);
    events_clear(&mcu->cosim->events, &wire->arrive_down);
    events_clear(&mcu->cosim->events, &wire->emit);
    if (wire->session)
        session_set_wake(wire->session, NULL, NULL);
    line_begin(&wire->down, byte_time, line_seed(given->seed, mcu, 0), given->corrupt, given->drop);
    line_begin(&wire->up, byte_time, line_seed(given->seed, mcu, 1), given->corrupt, given->drop);
    wire->session = session;
    if (session)
        session_set_wake(session, wake, mcu);
    sim_wire_pump(mcu);
    return 0;
}

void sim_wire_free(struct wire *wire)
{
    line_free(&wire->down);
    line_free(&wire->up);
}
