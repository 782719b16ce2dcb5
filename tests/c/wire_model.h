/* A model of the MCU's end of the wire, from the recorded rules: executes frames in order, answers, acks, naks.
 *
 * Commands of the tests say themselves what they are: | length | kind | queue | number 0..3 | min clock 4..11 | filling |.
 */
#ifndef TESTS_C_WIRE_MODEL_H
#define TESTS_C_WIRE_MODEL_H
#include <string.h>

#include "klipkit/wire/frame.h"
#include "tests/c/wire_check.h"

enum { KIND_PLAIN = 0, KIND_QUERY = 1, COMMAND_LEAST = 15, MODEL_QUEUES = 8, MODEL_OUT = 1 << 16 };

struct model {
    struct frame_decoder decoder;
    uint64_t expects;                  /* next sequence number */
    uint64_t invalid_seen;
    int naked;                         /* this run of garbage is answered */
    uint32_t executed[MODEL_QUEUES];   /* commands of each queue */
    uint64_t frames, naks;
    size_t count;                      /* bytes in `out`: what the MCU sends */
    uint8_t out[MODEL_OUT];
};

static inline size_t command_make(uint8_t *out, size_t length, int kind, int queue, uint32_t number, uint64_t min_clock)
{
    memset(out, FRAME_SYNC, length); /* sync bytes in a payload are legal, and the worst filling */
    out[0] = (uint8_t)length;
    out[1] = (uint8_t)kind;
    out[2] = (uint8_t)queue;
    memcpy(out + 3, &number, 4);
    memcpy(out + 7, &min_clock, 8);
    return length;
}

static inline uint32_t command_number(const uint8_t *command)
{
    uint32_t number;
    memcpy(&number, command + 3, 4);
    return number;
}

static inline uint64_t command_min_clock(const uint8_t *command)
{
    uint64_t clock;
    memcpy(&clock, command + 7, 8);
    return clock;
}

static inline void model_send(struct model *model, const uint8_t *payload, size_t count)
{
    CHECK(model->count + FRAME_MOST <= MODEL_OUT, "the model's output is full");
    uint8_t *frame = model->out + model->count;
    if (count)
        memcpy(frame + FRAME_HEADER, payload, count);
    model->count += frame_seal(frame, count, model->expects);
}

static inline void model_execute(struct model *model, const uint8_t *payload, size_t count)
{
    for (size_t at = 0; at < count; at += payload[at]) {
        const uint8_t *command = payload + at;
        CHECK(command[0] >= COMMAND_LEAST && at + command[0] <= count, "a command was split");
        uint32_t *executed = &model->executed[command[2]];
        CHECK(command_number(command) == *executed, "queue %d: command %u came, %u was next", command[2],
              command_number(command), *executed);
        ++*executed;
        if (command[1] == KIND_QUERY)
            model_send(model, command, 7); /* the answer repeats the head of the query */
    }
}

/* Bytes arrive at the MCU; its answers are appended to model->out. */
static inline void model_feed(struct model *model, const uint8_t *bytes, size_t count)
{
    for (;;) {
        size_t used, length = frame_decode(&model->decoder, bytes, count, &used);
        bytes += used;
        count -= used;
        if (model->decoder.invalid != model->invalid_seen && !model->naked) {
            model->naked = 1;
            model->naks++;
            model_send(model, NULL, 0);
        }
        model->invalid_seen = model->decoder.invalid;
        if (!length)
            return;
        model->naked = 0;
        if ((model->decoder.bytes[1] & 15) == (model->expects & 15)) {
            model->expects++;
            model->frames++;
            model_execute(model, model->decoder.bytes + FRAME_HEADER, length - FRAME_LEAST);
        } else {
            model->naks++;
        }
        model_send(model, NULL, 0);
    }
}
#endif
