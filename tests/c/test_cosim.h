/* What the C tests of the co-simulator share: checks, the fake firmware's object, a session that speaks to it. */
#ifndef TEST_COSIM_H
#define TEST_COSIM_H
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware/ports/sim/abi.h"
#include "klipkit/sim/cosim.h"
#include "klipkit/sim/models.h"
#include "klipkit/wire/session.h"
#include "tests/c/check.h"

enum { PIN_TOGGLE, PIN_BYTES, PIN_INPUT, PIN_COPY, PIN_DIR, PIN_STEP, PIN_COUNT };

static const char *const PIN_NAMES[PIN_COUNT] = {"toggle", "bytes", "input", "copy", "dir", "step"};
static char object_path[64];

static inline struct sim_persona fake_persona(uint32_t frequency, uint32_t period)
{
    return (struct sim_persona){
        .mcu = "fake", .clock_frequency = frequency, .move_memory = period, .pins = PIN_NAMES, .pin_count = PIN_COUNT,
        .constants = "", .enumerations = "",
    };
}

/* Compile the fake firmware; removed at exit. */
static inline void remove_object(void)
{
    unlink(object_path);
}

static inline const char *fake_object(void)
{
    if (object_path[0])
        return object_path;
    char command[256];
    snprintf(object_path, sizeof object_path, "/tmp/klipkit-fake-%ld.so", (long)getpid());
    snprintf(command, sizeof command,
             "gcc -std=c11 -O1 -Wall -Wextra -shared -fPIC -fvisibility=hidden -I. -o %s tests/c/fake_firmware.c "
             "klipkit/wire/crc16.c", object_path);
    atexit(remove_object);
    int status = system(command);
    CHECK(status == 0, "cannot build the fake firmware (run from the top folder): %s", command);
    return object_path;
}

static inline int add_fake(struct cosim *cosim, const struct sim_persona *persona, uint64_t offset, double drift)
{
    int mcu = cosim_add_mcu(cosim, fake_object(), persona, offset, drift);
    CHECK(mcu >= 0, "cosim_add_mcu: %s", strerror(-mcu));
    return mcu;
}

/* A rail that one carriage moves by 1 mm a step; it stands at 0. */
static inline int add_rail(struct cosim *cosim, int carriage, double low, double high)
{
    int rail = cosim_add_rail(cosim, 0.0, low, high);
    CHECK(rail >= 0 && cosim_rail_by(cosim, rail, carriage, 1.0) == 0, "rail %d", rail);
    return rail;
}

/* Run to a time whatever comes in between. */
static inline void run_through(struct cosim *cosim, double until)
{
    int why;
    while ((why = cosim_run(cosim, until)) != COSIM_TIME)
        CHECK(why > 0, "cosim_run: %s", strerror(-why));
}

/* Ask the fake and take all that comes until the query is reported as executed. Gives the last answer's first two bytes. */
static inline uint16_t ask(struct cosim *cosim, struct session *session, int queue, const void *payload, size_t count)
{
    int64_t ticket = session_query(session, queue, payload, count, 0, 0);
    CHECK(ticket > 0, "session_query gave %lld", (long long)ticket);
    uint16_t last = 0;
    for (double end = cosim_now(cosim) + 60.0;;) {
        int why = cosim_run(cosim, end);
        CHECK(why == COSIM_MESSAGES || why == COSIM_RESET, "no answer in 60 s: %d", why);
        struct session_message message;
        while (session_receive(session, &message)) {
            if (message.count == 0 && message.answers >= (uint64_t)ticket)
                return last;
            if (message.count >= 2)
                last = (uint16_t)(message.bytes[0] << 8 | message.bytes[1]);
        }
    }
}

/* One fake MCU with a session, asked once. */
struct bench {
    struct cosim *cosim;
    struct session *session;
    int queue, mcu;
    int carriage, driver; /* of a test that adds them */
};

/* Its persona stays the caller's. */
static inline struct bench bench_with(const struct sim_persona *persona, double byte_time)
{
    struct bench bench = {.cosim = cosim_new(0.0), .session = session_new()};
    bench.mcu = add_fake(bench.cosim, persona, 0, 0.0);
    session_set_wire(bench.session, byte_time, 0);
    bench.queue = session_add_queue(bench.session);
    CHECK(cosim_connect(bench.cosim, bench.mcu, bench.session, byte_time, NULL) == 0, "connect");
    ask(bench.cosim, bench.session, bench.queue, "first", 5);
    return bench;
}

static inline void bench_free(struct bench *bench)
{
    cosim_free(bench->cosim);
    session_free(bench->session);
}

/* Set an output pin of the fake. */
static inline void bench_put(struct bench *bench, uint32_t pin, int level)
{
    uint8_t command[3] = {'P', (uint8_t)pin, (uint8_t)level};
    ask(bench->cosim, bench->session, bench->queue, command, sizeof command);
}

/* Steps of the fake's carriage. */
static inline void bench_step(struct bench *bench, int direction, int count)
{
    for (; count > 0; count -= 200) {
        uint8_t command[3] = {'S', (uint8_t)direction, (uint8_t)(count < 200 ? count : 200)};
        ask(bench->cosim, bench->session, bench->queue, command, sizeof command);
    }
}
#endif
