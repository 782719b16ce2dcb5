/* Fuzzed: the host's frame decoder, number reader and session, which take what a wire brings. */
#include <string.h>

#include "klipkit/wire/frame.h"
#include "klipkit/wire/session.h"
#include "klipkit/wire/vlq.h"
#include "tests/c/fuzz/fuzz.h"

enum { QUERY = 20, OUT = 1024 };

static void decode(const uint8_t *bytes, size_t count, size_t piece)
{
    struct frame_decoder decoder = { 0 };
    for (size_t at = 0, length, used; at < count; at += used) {
        size_t part = count - at < piece ? count - at : piece;
        length = frame_decode(&decoder, bytes + at, part, &used);
        CHECK(used <= part && length <= FRAME_MOST, "%zu bytes of %zu, frame of %zu", used, part, length);
        CHECK(length == 0 || (length >= FRAME_LEAST && decoder.bytes[length - 1] == FRAME_SYNC), "no frame");
    }
    CHECK(decoder.invalid <= count, "more bytes invalid than there were");
}

static void read_numbers(const uint8_t *bytes, size_t count)
{
    uint32_t value;
    for (size_t used; (used = vlq_decode(bytes, count, &value)); bytes += used, count -= used)
        CHECK(used <= count && used <= 5, "%zu bytes of %zu", used, count);
}

/* A session in the midst of a conversation. */
static void converse(const uint8_t *bytes, size_t count)
{
    uint8_t out[OUT] = { 0 };
    struct session *session = session_new();
    struct session_message message;
    struct session_stats stats;
    CHECK(session, "no memory");
    int queue = session_add_queue(session);
    session_set_wire(session, 40e-6, 192);
    double now = 0;
    for (size_t at = 0; at < count; now += 0.01) {
        size_t part = 1 + bytes[at] % 64;
        part = part < count - at ? part : count - at;
        session_query(session, queue, out, 1 + bytes[at] % QUERY, 0, 0);
        session_emit(session, now, out, sizeof(out));
        session_feed(session, now, bytes + at, part);
        at += part;
        while (session_receive(session, &message))
            CHECK(message.count <= SESSION_PAYLOAD_MOST, "a message of %d bytes", message.count);
    }
    session_get_stats(session, &stats);
    CHECK(stats.send_seq - stats.receive_seq <= 12, "%u frames in flight", stats.send_seq - stats.receive_seq);
    CHECK(stats.bytes_invalid <= stats.bytes_received, "more bytes invalid than received");
    session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (!count)
        return 0;
    decode(bytes, count, 1 + bytes[0] % 70);
    read_numbers(bytes, count);
    converse(bytes, count);
    return 0;
}

/* Frames with numbers that mostly go up by one or stay, and some noise between them. */
size_t fuzz_make(struct chance *chance, uint8_t *out)
{
    size_t used = 0;
    uint64_t number = 1;
    for (uint32_t frames = 1 + chance_below(chance, 12); frames; frames--) {
        size_t payload = chance_below(chance, 3) ? 0 : chance_below(chance, 60);
        for (size_t i = 0; i < payload; i++)
            out[used + FRAME_HEADER + i] = (uint8_t)chance_next(chance);
        number += chance_below(chance, 4) ? chance_below(chance, 2) : chance_below(chance, 16);
        used += frame_seal(out + used, payload, number);
        if (chance_below(chance, 8) == 0)
            out[used++] = (uint8_t)chance_next(chance);
    }
    return used;
}
