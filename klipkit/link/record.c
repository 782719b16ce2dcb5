/* A peer that takes every frame at once (see record.h). */
#include "klipkit/link/record.h"

#include <errno.h>
#include <unistd.h>

#include "klipkit/wire/frame.h"
#include "klipkit/wire/session.h"

static int write_all(int descriptor, const uint8_t *bytes, size_t count)
{
    while (count) {
        ssize_t written = write(descriptor, bytes, count);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        }
    }
    return 0;
}

/* Counts the frames in what was sent and gives the number that the next one will have. */
static unsigned count_frames(struct record *record, const uint8_t *bytes, size_t count)
{
    unsigned next = 0;
    for (size_t at = 0; at < count; at += bytes[at]) {
        next = (bytes[at + 1] & 0x0fu) + 1;
        record->frames++;
    }
    record->bytes += count;
    return next;
}

int record_take(struct record *record, struct session *session, double now)
{
    uint8_t out[FRAME_MOST * 12], ack[FRAME_LEAST];
    size_t count;
    while ((count = session_emit(session, now, out, sizeof(out)))) {
        unsigned next = count_frames(record, out, count);
        int error = record->descriptor < 0 ? 0 : write_all(record->descriptor, out, count);
        if (error)
            return error;
        session_feed(session, now, ack, frame_seal(ack, 0, next));
    }
    return 0;
}
