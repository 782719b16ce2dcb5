/* The wire between the host's session and an MCU: bytes both ways at their speed, and when the session wants to be asked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/sim/inner/world.h"
#include "klipkit/wire/session.h"

enum {
    TRANSMIT_BUFFER = 96,      /* bytes, as in the UART builds of the firmware */
    EMIT_ROOM = 1024,          /* bytes: a whole window of 12 frames */
    FEED_ROOM = 256,
    PUT_MOST = 4096,           /* bytes of cosim_put on their way, as in the buffers of a kernel and its driver */
    TAKEN_MOST = 65536,        /* bytes that wait for cosim_take */
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

static int make_room(struct wire *wire)
{
    if (wire->taken_count + FEED_ROOM <= wire->taken_room)
        return 0;
    size_t room = wire->taken_room ? 2 * wire->taken_room : FEED_ROOM;
    uint8_t *taken = room <= TAKEN_MOST ? realloc(wire->taken, room) : NULL;
    if (!taken)
        return -ENOMEM;
    wire->taken = taken;
    wire->taken_room = room;
    return 0;
}

/* Bytes have come to the host's end. */
static void hand_over(struct mcu *mcu, const uint8_t *bytes, size_t count)
{
    struct wire *wire = &mcu->wire;
    if (wire->session) {
        int before = session_waiting(wire->session);
        if (session_feed(wire->session, world_seconds(mcu->cosim), bytes, count) > before)
            world_stop(mcu->cosim, COSIM_MESSAGES);
    } else if (make_room(wire) == 0) {
        memcpy(wire->taken + wire->taken_count, bytes, count);
        wire->taken_count += count;
        world_stop(mcu->cosim, COSIM_MESSAGES);
    }
}

/* A frame from the MCU has come to the host. */
static void arrive_up(void *owner)
{
    struct mcu *mcu = owner;
    uint8_t bytes[FEED_ROOM];
    if (mcu->cosim->stalled && mcu->wire.session)
        return; /* they wait, as in the kernel's buffer */
    for (size_t count; (count = take_up(&mcu->wire, mcu->cosim->now, bytes)) > 0;)
        hand_over(mcu, bytes, count);
    expect_up(mcu);
    sim_wire_pump(mcu);
}

void sim_wire_pump(struct mcu *mcu)
{
    struct cosim *cosim = mcu->cosim;
    struct wire *wire = &mcu->wire;
    if (!wire->session || cosim->stalled)
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

static int is_plugged(const struct wire *wire)
{
    return wire->session || wire->is_open;
}

void sim_wire_send(struct mcu *mcu, const uint8_t *bytes, size_t count)
{
    struct wire *wire = &mcu->wire;
    size_t room = sim_wire_room(mcu);
    if (!is_plugged(wire) || !room || !count)
        return;
    /* what does not fit is lost, as in a full transmit buffer; without memory all is */
    if (line_put(&wire->up, mcu->cosim->now, bytes, count < room ? count : room) == 0)
        expect_up(mcu);
}

void sim_wire_send_byte(struct mcu *mcu, uint64_t through, uint8_t byte)
{
    struct wire *wire = &mcu->wire;
    if (is_plugged(wire) && line_put_byte(&wire->up, through, byte) == 0)
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

void sim_wire_damage(struct mcu *mcu, const struct cosim_faults *faults)
{
    static const struct cosim_faults none;
    const struct cosim_faults *given = faults ? faults : &none;
    uint64_t delay = ticks_units(given->delay);
    line_damage(&mcu->wire.down, line_seed(given->seed, mcu, 0), given->corrupt, given->drop, delay);
    line_damage(&mcu->wire.up, line_seed(given->seed, mcu, 1), given->corrupt, given->drop, delay);
}

int sim_wire_connect(struct mcu *mcu, struct session *session, uint64_t byte_time, const struct cosim_faults *faults)
{
    struct wire *wire = &mcu->wire;
    sim_wire_cut(mcu);
    events_clear(&mcu->cosim->events, &wire->arrive_down);
    events_clear(&mcu->cosim->events, &wire->emit);
    if (wire->session)
        session_set_wake(wire->session, NULL, NULL);
    line_begin(&wire->down, byte_time);
    line_begin(&wire->up, byte_time);
    sim_wire_damage(mcu, faults);
    wire->session = session;
    wire->is_open = 0;
    wire->taken_count = 0;
    if (session)
        session_set_wake(session, wake, mcu);
    sim_wire_pump(mcu);
    return 0;
}

void sim_wire_free(struct wire *wire)
{
    line_free(&wire->down);
    line_free(&wire->up);
    free(wire->taken);
}

int cosim_damage(struct cosim *cosim, int mcu, const struct cosim_faults *faults)
{
    struct mcu *on = world_mcu(cosim, mcu);
    if (!on)
        return -EINVAL;
    sim_wire_damage(on, faults);
    return 0;
}

int cosim_see_damage(const struct cosim *cosim, int mcu, struct cosim_damaged *out)
{
    const struct mcu *on = world_mcu(cosim, mcu);
    if (!on)
        return -EINVAL;
    const struct line *down = &on->wire.down, *up = &on->wire.up;
    *out = (struct cosim_damaged){.corrupted = down->corrupted + up->corrupted, .dropped = down->dropped + up->dropped,
                                  .delayed = down->delayed + up->delayed};
    return 0;
}

int cosim_put(struct cosim *cosim, int mcu, const uint8_t *bytes, size_t count)
{
    struct mcu *on = world_mcu(cosim, mcu);
    if (!on || !on->wire.is_open)
        return -EINVAL;
    int error = count ? line_put(&on->wire.down, cosim->now, bytes, count) : 0;
    expect_down(on);
    return error;
}

size_t cosim_put_room(const struct cosim *cosim, int mcu)
{
    const struct mcu *on = world_mcu(cosim, mcu);
    return on && on->wire.is_open && on->wire.down.count < PUT_MOST ? PUT_MOST - on->wire.down.count : 0;
}

size_t cosim_take(struct cosim *cosim, int mcu, uint8_t *out, size_t room)
{
    struct mcu *on = world_mcu(cosim, mcu);
    if (!on)
        return 0;
    struct wire *wire = &on->wire;
    size_t count = wire->taken_count < room ? wire->taken_count : room;
    if (count) {
        memcpy(out, wire->taken, count);
        memmove(wire->taken, wire->taken + count, wire->taken_count - count);
    }
    wire->taken_count -= count;
    return count;
}

void cosim_stall(struct cosim *cosim, int stalled)
{
    int was = cosim->stalled;
    cosim->stalled = stalled != 0;
    for (size_t i = 0; was && !stalled && i < cosim->mcu_count; i++)
        arrive_up(cosim->mcus[i]);
}
