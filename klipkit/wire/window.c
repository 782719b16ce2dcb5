/* The send window: sequence numbers, acks and naks, retransmission and its timer; see inner/window.h for the picture. */
#include "klipkit/wire/inner/window.h"

#include <math.h>
#include <string.h>

#include "klipkit/wire/frame.h"

/* Bounds of the retransmission time-out, s: as recorded from the stock host (26, 51, 101 ... 3200 ms, then every 5 s). */
static const double TIMEOUT_LEAST = 0.025, TIMEOUT_MOST = 5.0;

/* The stock host doubles from the first time-out on. A line between two ends is not congested: a time-out means a damaged frame
 * or ack, and commands have a time. So the first ones come at the same distance, and any progress ends the doubling, unless it
 * is always repeated frames that are acknowledged: then the round trip may be longer than the time-out. */
enum { FIRST_SEQ = 1, NUMBERS = 16, QUICK = 2, UNCLEAR_MOST = 3 };

static struct sent_frame *slot(const struct window *window, uint64_t number)
{
    return (struct sent_frame *)&window->frames[number % WINDOW_SLOTS];
}

static int is_outstanding(const struct window *window)
{
    return window->acknowledged != window->sent;
}

void window_init(struct window *window)
{
    window->executed = window->acknowledged = window->sent = window->emptied = FIRST_SEQ;
    window->timeout = window->base = TIMEOUT_LEAST;
    window->deadline = HUGE_VAL;
}

int window_is_open(const struct window *window)
{
    if (window->resending)
        return 0;
    if (!is_outstanding(window))
        return 1;
    /* Before the first ack only one frame is sent: its number is a guess. */
    if (!window->contact || window->sent - window->acknowledged >= WINDOW_FRAMES)
        return 0;
    if (!window->receive_window)
        return 1;
    /* The MCU's buffer also holds a frame until it is executed, not only until it is acknowledged by a response. */
    uint32_t held = window->unacknowledged_bytes;
    if (window->executed != window->acknowledged)
        held += slot(window, window->executed)->length;
    return held + FRAME_MOST <= window->receive_window;
}

struct sent_frame *window_slot(struct window *window)
{
    struct sent_frame *frame = slot(window, window->sent);
    frame->newest = 0;
    frame->queries = frame->repeated = 0;
    return frame;
}

/* Account for bytes put on the wire. */
static void occupy_line(struct window *window, double now, size_t count)
{
    window->line_free = fmax(window->line_free, now) + (double)count * window->byte_time;
    window->stats.bytes_sent += count;
}

void window_commit(struct window *window, double now, size_t payload)
{
    struct sent_frame *frame = slot(window, window->sent);
    frame->length = (uint8_t)frame_seal(frame->bytes, payload, window->sent);
    occupy_line(window, now, frame->length);
    frame->done = window->line_free;
    if (!is_outstanding(window))
        window->deadline = frame->done + window->timeout;
    window->unacknowledged_bytes += frame->length;
    window->stats.frames_sent++;
    window->sent++;
}

/* Start to retransmit all that is outstanding. Naks up to `nak_ignored` are taken as answers to frames already repeated. */
static void start_resending(struct window *window, uint64_t nak_ignored)
{
    window->resending = window->sync_due = 1;
    window->resend = window->repeated_from = window->acknowledged;
    window->nak_ignored = nak_ignored;
    window->deadline = HUGE_VAL;
    window->stats.retransmit_seq = (uint32_t)window->sent;
    for (uint64_t number = window->acknowledged; number != window->sent; number++)
        slot(window, number)->repeated = 1;
}

void window_check_timer(struct window *window, double now)
{
    if (now < window->deadline)
        return;
    window->stats.timeouts++;
    if (++window->in_vain > QUICK || window->unclear > UNCLEAR_MOST)
        window->timeout = fmin(2 * window->timeout, TIMEOUT_MOST);
    start_resending(window, window->sent);
}

size_t window_resend(struct window *window, double now, uint8_t *out, size_t room)
{
    if (!window->resending)
        return 0;
    size_t used = 0;
    if (window->sync_due && room) {
        out[used++] = FRAME_SYNC;
        window->sync_due = 0;
        occupy_line(window, now, 1);
    }
    while (window->resend != window->sent && slot(window, window->resend)->length <= room - used) {
        struct sent_frame *frame = slot(window, window->resend++);
        memcpy(out + used, frame->bytes, frame->length);
        used += frame->length;
        occupy_line(window, now, frame->length);
        frame->done = window->line_free;
    }
    window->stats.bytes_retransmitted += used;
    if (window->resend == window->sent) {
        window->resending = 0;
        window->deadline = window->line_free + window->timeout;
    }
    return used;
}

/* RFC 6298 section 2, bounded. */
static void estimate(struct window *window, double sample)
{
    if (window->smoothed > 0) {
        window->deviation += (fabs(window->smoothed - sample) - window->deviation) / 4;
        window->smoothed += (sample - window->smoothed) / 8;
    } else {
        window->smoothed = sample;
        window->deviation = sample / 2;
    }
    window->base = fmin(fmax(window->smoothed + 4 * window->deviation, TIMEOUT_LEAST), TIMEOUT_MOST);
    window->shortest = window->shortest > 0 ? fmin(window->shortest, sample) : sample;
}

/* All frames before `number` are acknowledged. */
static void acknowledge(struct window *window, double now, uint64_t number)
{
    for (; window->acknowledged != number; window->acknowledged++) {
        const struct sent_frame *frame = slot(window, window->acknowledged);
        window->unacknowledged_bytes -= frame->length;
        if (frame->newest > window->newest_acknowledged)
            window->newest_acknowledged = frame->newest;
    }
    const struct sent_frame *last = slot(window, number - 1);
    window->unclear = last->repeated ? window->unclear + 1 : 0;
    if (!last->repeated)
        estimate(window, fmax(now - last->done, 1e-6));
    if (window->unclear <= UNCLEAR_MOST)
        window->timeout = window->base;
    window->in_vain = 0;
    window->contact = 1;
    if (window->resending && window->resend < number)
        window->resend = number;
    if (!is_outstanding(window)) {
        window->resending = 0;
        window->deadline = HUGE_VAL;
    } else if (!window->resending) {
        window->deadline = fmax(now, slot(window, number)->done) + window->timeout;
    }
}

/* The MCU expects a number that has nothing to do with ours: count on from it. A frame that is outstanding was discarded by
 * the MCU; it gets the new number and goes out again. */
static uint64_t adopt(struct window *window, unsigned nibble)
{
    uint64_t number = (window->acknowledged / NUMBERS + 1) * NUMBERS + nibble;
    struct sent_frame *frame = slot(window, number);
    int outstanding = is_outstanding(window);
    if (outstanding) {
        if (frame != slot(window, window->acknowledged))
            *frame = *slot(window, window->acknowledged);
        frame_seal(frame->bytes, frame->length - (size_t)FRAME_LEAST, number);
    }
    window->executed = window->acknowledged = window->emptied = number;
    window->sent = number + (uint64_t)outstanding;
    slot(window, number - 1)->length = 0;
    if (outstanding)
        start_resending(window, number);
    return number;
}

/* The MCU has executed all frames before `number`. */
static void execute(struct window *window, uint64_t number)
{
    for (; window->executed < number; window->executed++)
        if (slot(window, window->executed)->newest > window->newest_executed)
            window->newest_executed = slot(window, window->executed)->newest;
}

/* Whether a nak is of a frame that was sent once, and just now: naks of copies that were sent before it come before it was whole,
 * or, where the MCU slept, long after. */
static int is_of_a_new_frame(const struct window *window, double now, uint64_t number)
{
    const struct sent_frame *frame = slot(window, number);
    double since = now - frame->done;
    return !frame->repeated && since >= FRAME_LEAST * window->byte_time && since < TIMEOUT_LEAST;
}

/* Whether a nak is of the repeated copy of a frame: naks of what was sent before it, which the MCU discarded as well, come sooner
 * than a round trip after it. */
static int is_of_the_repeated_copy(const struct window *window, double now, uint64_t number)
{
    const struct sent_frame *frame = slot(window, number);
    double least = fmax(0.9 * window->shortest, 0.5 * window->smoothed);
    return !window->resending && number == window->repeated_from && frame->repeated && least > 0 && now - frame->done >= least;
}

/* An empty frame: the first with its number is an ack, another a nak. */
static void receive_empty(struct window *window, double now, uint64_t number)
{
    if (number > window->emptied) {
        window->emptied = number;
        return;
    }
    if (!is_outstanding(window))
        return;
    window->stats.naks++;
    if (number > window->nak_ignored || is_of_a_new_frame(window, now, number) ||
        is_of_the_repeated_copy(window, now, number))
        start_resending(window, number);
}

uint64_t window_receive(struct window *window, double now, unsigned nibble, int empty)
{
    uint64_t number = window->acknowledged / NUMBERS * NUMBERS + nibble;
    if (number < window->acknowledged)
        number += NUMBERS;
    if (number > window->sent)
        return window->contact ? 0 : adopt(window, nibble);
    if (number > window->acknowledged)
        acknowledge(window, now, number);
    execute(window, empty ? number : number - 1);
    if (empty)
        receive_empty(window, now, number);
    return number;
}

const struct sent_frame *window_before(const struct window *window, uint64_t number)
{
    const struct sent_frame *frame = slot(window, number - 1);
    return frame->length ? frame : NULL;
}
