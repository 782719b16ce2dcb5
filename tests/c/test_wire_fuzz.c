/* Hostile bytes into a session, and the decoder's law: any split of a stream gives the same frames. */
#include <string.h>

#include "klipkit/wire/frame.h"
#include "klipkit/wire/session.h"
#include "klipkit/wire/vlq.h"
#include "tests/c/wire_check.h"

enum { STREAM = 600, STRINGS = 100000 };

/* Valid frames, garbage, and frames with damage, one after the other. */
static size_t make_stream(struct chance *chance, uint8_t *out)
{
    size_t used = 0;
    while (used < STREAM - 2 * FRAME_MOST) {
        uint8_t *frame = out + used;
        size_t payload = chance_below(chance, 60);
        for (size_t i = 0; i < payload; i++)
            frame[FRAME_HEADER + i] = (uint8_t)(chance_below(chance, 4) ? chance_next(chance) : FRAME_SYNC);
        size_t length = frame_seal(frame, payload, chance_next(chance));
        switch (chance_below(chance, 5)) {
        case 0:
            frame[chance_below(chance, (uint32_t)length)] = (uint8_t)chance_next(chance);
            break;
        case 1:
            length = chance_below(chance, (uint32_t)length);
            break;
        case 2:
            frame[chance_below(chance, 2)] = (uint8_t)chance_next(chance);
            break;
        default:
            break;
        }
        used += length;
    }
    return used;
}

/* The frames of a stream, fed in pieces of up to `piece` bytes, one after the other in `out`. */
static size_t decoded(struct chance *chance, const uint8_t *bytes, size_t count, uint32_t piece, uint8_t *out, uint64_t *invalid)
{
    struct frame_decoder decoder = { 0 };
    size_t written = 0, length, used;
    while (count) {
        size_t part = 1 + chance_below(chance, piece);
        if (part > count)
            part = count;
        for (size_t at = 0; (length = frame_decode(&decoder, bytes + at, part - at, &used)); written += length) {
            memcpy(out + written, decoder.bytes, length);
            at += used;
        }
        bytes += part;
        count -= part;
    }
    *invalid = decoder.invalid;
    return written;
}

static void any_split_gives_the_same_frames(struct chance *chance)
{
    uint8_t stream[STREAM], whole[STREAM], split[STREAM];
    uint64_t whole_invalid, split_invalid;
    size_t count = make_stream(chance, stream);
    size_t expected = decoded(chance, stream, count, STREAM, whole, &whole_invalid);
    size_t got = decoded(chance, stream, count, 1 + chance_below(chance, 90), split, &split_invalid);
    CHECK(got == expected && memcmp(whole, split, got) == 0, "frames of %d and %d bytes", (int)got, (int)expected);
    CHECK(whole_invalid == split_invalid, "%d and %d bytes invalid", (int)whole_invalid, (int)split_invalid);
}

/* Frames with damage, plain noise, or noise that looks like the start of frames. */
static size_t make_hostile(struct chance *chance, uint8_t *bytes)
{
    uint32_t kind = chance_below(chance, 3);
    size_t count = kind ? chance_below(chance, STREAM) : make_stream(chance, bytes);
    for (size_t i = 0; kind && i < count; i++)
        bytes[i] = (uint8_t)chance_next(chance);
    for (size_t i = 0; kind == 2 && i + 1 < count; i += 1 + chance_below(chance, 70)) {
        bytes[i] = (uint8_t)(FRAME_LEAST + chance_below(chance, 60));
        bytes[i + 1] = (uint8_t)(0x10 + chance_below(chance, 16));
    }
    return count;
}

/* One string of hostile bytes; the session keeps its promises whatever comes. Gives the number of messages. */
static int feed_hostile(struct chance *chance, struct session *session, int queue, double now)
{
    uint8_t bytes[STREAM], out[1024];
    session_feed(session, now, bytes, make_hostile(chance, bytes));
    int64_t tickets = session_query(session, queue, bytes, 1 + chance_below(chance, 59), 0, 0);
    session_emit(session, now, out, 64 + chance_below(chance, 900));
    struct session_stats stats;
    session_get_stats(session, &stats);
    CHECK(stats.send_seq - stats.receive_seq <= 12, "%u frames in flight", stats.send_seq - stats.receive_seq);
    CHECK(stats.bytes_invalid <= stats.bytes_received, "more bytes invalid than received");
    CHECK(session_next(session, now) >= now, "the next call lies in the past");
    struct session_message message;
    int messages = 0;
    for (; session_receive(session, &message); messages++)
        CHECK(message.count <= SESSION_PAYLOAD_MOST && (int64_t)message.answers <= tickets, "a message out of bounds");
    return messages;
}

static void hostile_numbers(struct chance *chance)
{
    uint8_t bytes[8], again[8];
    uint32_t value, back;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)chance_next(chance);
    size_t count = chance_below(chance, 9), used = vlq_decode(bytes, count, &value);
    CHECK(used <= count && used <= 5, "%d bytes read of %d", (int)used, (int)count);
    if (used) {
        size_t size = vlq_encode(again, (int32_t)value);
        CHECK(size <= 5 && vlq_decode(again, size, &back) == size && back == value, "%u became %u", value, back);
    }
}

int main(int argc, char **argv)
{
    struct chance chance = { argc > 1 ? strtoull(argv[1], NULL, 10) : 20240607 }; /* other seeds, for the long tests */
    for (int i = 0; i < 5000; i++)
        any_split_gives_the_same_frames(&chance);
    struct session *session = NULL;
    int queue = 0, messages = 0;
    for (int i = 0; i < STRINGS; i++) {
        if (i % 100 == 0) { /* a session anew: also the time before the first ack is under attack */
            session_free(session);
            session = session_new();
            CHECK(session, "no memory");
            queue = session_add_queue(session);
            session_set_wire(session, 0, i % 200 ? 192 : 0);
        }
        messages += feed_hostile(&chance, session, queue, i * 0.01);
        hostile_numbers(&chance);
    }
    session_free(session);
    CHECK(messages > STRINGS, "only %d messages got through: the strings are too broken to test much", messages);
    return 0;
}
