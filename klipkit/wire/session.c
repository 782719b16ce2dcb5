/* One conversation with one MCU: the queues, the window and the ring put together under one mutex; see session.h. */
#include "klipkit/wire/session.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "klipkit/wire/frame.h"
#include "klipkit/wire/inner/mcu_clock.h"
#include "klipkit/wire/inner/message_ring.h"
#include "klipkit/wire/inner/send_queue.h"
#include "klipkit/wire/inner/tap.h"
#include "klipkit/wire/inner/window.h"

/* A command that fills no frame waits for others, for HOLD s at most: what has left needs no host that is in time. It leaves sooner
 * when it is due in LEAD s, and as many time-outs more: its frame may be lost. */
static const double HOLD = 0.05, LEAD = 0.1, LEAD_MOST = 1.0;
enum { LEAD_TIMEOUTS = 4 };

/* `taps_mutex` is held while listeners are called, so it is taken before any session's `mutex`; the list changes under both. */
struct session {
    pthread_mutex_t taps_mutex, mutex;
    struct session_tap *taps;
    void (*wake)(void *owner);
    void *wake_owner;
    struct mcu_clock mcu;
    struct send_queues queues;
    struct window window;
    struct message_ring ring;
    struct frame_decoder decoder;
    struct session_sent kept[SESSION_SENT_KEPT]; /* a ring: frame n stands at n % SESSION_SENT_KEPT */
    uint64_t kept_count;
    double held_since;         /* the sendable commands are held since then, s; HUGE_VAL: there are none */
    uint64_t reported;         /* queries in frames before this number are reported as executed */
    uint64_t unexpected_bytes; /* bytes of frames whose number the MCU can't have meant */
};

struct session *session_new(void)
{
    struct session *session = calloc(1, sizeof(*session));
    if (!session)
        return NULL;
    if (message_ring_init(&session->ring)) {
        free(session);
        return NULL;
    }
    if (pthread_mutex_init(&session->mutex, NULL) || pthread_mutex_init(&session->taps_mutex, NULL)) {
        message_ring_free(&session->ring);
        free(session);
        return NULL;
    }
    window_init(&session->window);
    session->reported = session->window.executed;
    session->held_since = HUGE_VAL;
    return session;
}

void session_free(struct session *session)
{
    if (!session)
        return;
    pthread_mutex_lock(&session->taps_mutex);
    for (struct session_tap *tap = session->taps, *next; tap; tap = next) {
        next = tap->next;
        tap->gone(tap);
    }
    pthread_mutex_unlock(&session->taps_mutex);
    pthread_mutex_destroy(&session->taps_mutex);
    pthread_mutex_destroy(&session->mutex);
    send_queues_free(&session->queues);
    message_ring_free(&session->ring);
    free(session);
}

void session_set_wire(struct session *session, double byte_time, uint32_t receive_window)
{
    pthread_mutex_lock(&session->mutex);
    session->window.byte_time = byte_time > 0 ? byte_time : 0;
    session->window.receive_window = receive_window;
    pthread_mutex_unlock(&session->mutex);
}

void session_set_clock(struct session *session, double frequency, double time, uint64_t clock)
{
    if (!(frequency > 0) || !isfinite(frequency) || !isfinite(time))
        return;
    pthread_mutex_lock(&session->mutex);
    session->mcu = (struct mcu_clock){ .frequency = frequency, .time = time, .clock = clock };
    send_queues_hold(&session->queues);
    pthread_mutex_unlock(&session->mutex);
}

int session_add_queue(struct session *session)
{
    pthread_mutex_lock(&session->mutex);
    int queue = send_queues_add(&session->queues);
    pthread_mutex_unlock(&session->mutex);
    return queue;
}

static int64_t put(struct session *session, int queue, const uint8_t *bytes, size_t count, const struct send_command *order)
{
    if (count == 0 || count > SESSION_PAYLOAD_MOST)
        return -EMSGSIZE;
    pthread_mutex_lock(&session->mutex);
    int64_t ticket = send_queues_put(&session->queues, queue, order, bytes);
    pthread_mutex_unlock(&session->mutex);
    return ticket;
}

int64_t session_send(struct session *session, int queue, const uint8_t *bytes, size_t count,
                     uint64_t min_clock, uint64_t required_clock)
{
    struct send_command order = { .min_clock = min_clock, .due = required_clock, .count = (uint8_t)count };
    return put(session, queue, bytes, count, &order);
}

int64_t session_query(struct session *session, int queue, const uint8_t *bytes, size_t count,
                      uint64_t min_clock, uint64_t required_clock)
{
    struct send_command order = { .min_clock = min_clock, .due = required_clock, .count = (uint8_t)count, .query = 1 };
    return put(session, queue, bytes, count, &order);
}

int64_t session_purge(struct session *session, int queue)
{
    pthread_mutex_lock(&session->mutex);
    int64_t dropped = send_queues_purge(&session->queues, queue);
    pthread_mutex_unlock(&session->mutex);
    return dropped;
}

int session_receive(struct session *session, struct session_message *message)
{
    pthread_mutex_lock(&session->mutex);
    int found = message_ring_take(&session->ring, message);
    pthread_mutex_unlock(&session->mutex);
    return found;
}

uint64_t session_acknowledged(struct session *session)
{
    pthread_mutex_lock(&session->mutex);
    uint64_t ticket = session->window.newest_executed;
    pthread_mutex_unlock(&session->mutex);
    return ticket;
}

void session_get_stats(struct session *session, struct session_stats *stats)
{
    pthread_mutex_lock(&session->mutex);
    const struct window *window = &session->window;
    *stats = window->stats;
    stats->bytes_invalid = session->decoder.invalid + session->unexpected_bytes;
    stats->messages_dropped = session->ring.dropped;
    stats->send_seq = (uint32_t)window->sent;
    stats->receive_seq = (uint32_t)window->acknowledged;
    stats->round_trip = window->smoothed;
    stats->deviation = window->deviation;
    stats->retransmit_after = window->timeout;
    stats->ready_bytes = session->queues.ready_bytes;
    stats->upcoming_bytes = session->queues.upcoming_bytes;
    pthread_mutex_unlock(&session->mutex);
}

int session_waiting(struct session *session)
{
    pthread_mutex_lock(&session->mutex);
    int count = (int)session->ring.count;
    pthread_mutex_unlock(&session->mutex);
    return count;
}

double session_time_at(struct session *session, uint64_t clock)
{
    pthread_mutex_lock(&session->mutex);
    double time = session->mcu.frequency > 0 ? mcu_clock_time(&session->mcu, clock) : HUGE_VAL;
    pthread_mutex_unlock(&session->mutex);
    return time;
}

uint64_t session_clock_at(struct session *session, double time)
{
    pthread_mutex_lock(&session->mutex);
    const struct mcu_clock *mcu = &session->mcu;
    uint64_t clock = mcu->frequency > 0 ? mcu->clock + (uint64_t)llround((time - mcu->time) * mcu->frequency) : 0;
    pthread_mutex_unlock(&session->mutex);
    return clock;
}

/* --- listeners and the driver's wake-up --- */

void session_add_tap(struct session *session, struct session_tap *tap)
{
    pthread_mutex_lock(&session->taps_mutex);
    pthread_mutex_lock(&session->mutex);
    tap->next = session->taps;
    session->taps = tap;
    pthread_mutex_unlock(&session->mutex);
    pthread_mutex_unlock(&session->taps_mutex);
}

void session_remove_tap(struct session *session, struct session_tap *tap)
{
    pthread_mutex_lock(&session->taps_mutex);
    pthread_mutex_lock(&session->mutex);
    struct session_tap **place = &session->taps;
    while (*place && *place != tap)
        place = &(*place)->next;
    if (*place)
        *place = tap->next;
    pthread_mutex_unlock(&session->mutex);
    pthread_mutex_unlock(&session->taps_mutex);
}

void session_set_wake(struct session *session, void (*wake)(void *owner), void *owner)
{
    pthread_mutex_lock(&session->mutex);
    session->wake = wake;
    session->wake_owner = owner;
    pthread_mutex_unlock(&session->mutex);
}

void session_wake(struct session *session)
{
    pthread_mutex_lock(&session->mutex);
    if (session->wake)
        session->wake(session->wake_owner);
    pthread_mutex_unlock(&session->mutex);
}

/* --- receiving --- */

/* A message without bytes for each query in a frame that the MCU has executed. */
static void report_queries(struct session *session, double now)
{
    for (; session->reported < session->window.executed; session->reported++) {
        const struct sent_frame *frame = window_before(&session->window, session->reported + 1);
        for (unsigned i = 0; frame && i < frame->queries; i++) {
            struct session_message *message = message_ring_add(&session->ring);
            message->received = now;
            message->sent = frame->repeated ? 0 : frame->done;
            message->answers = frame->tickets[i];
            message->count = 0;
        }
    }
}

static void receive_frame(struct session *session, double now, size_t length)
{
    struct window *window = &session->window;
    const uint8_t *bytes = session->decoder.bytes;
    int empty = length == FRAME_LEAST;
    int contact = window->contact;
    uint64_t number = window_receive(window, now, bytes[1] & 0x0f, empty);
    if (!contact && !window->contact)
        session->reported = window->executed; /* numbers were adopted: nothing of ours was executed */
    report_queries(session, now);
    window->stats.frames_received++;
    if (!number)
        session->unexpected_bytes += length;
    if (empty)
        return;
    const struct sent_frame *frame = number ? window_before(window, number) : NULL;
    struct session_message *message = message_ring_add(&session->ring);
    message->received = now;
    message->sent = frame && !frame->repeated ? frame->done : 0;
    message->answers = window->newest_acknowledged;
    message->count = (uint8_t)(length - FRAME_LEAST);
    memcpy(message->bytes, bytes + FRAME_HEADER, message->count);
}

/* Listeners may send to any session, so the mutex is let go; the decoder's bytes are the driver's. */
static void tell_taps(struct session *session, double now, size_t payload)
{
    pthread_mutex_unlock(&session->mutex);
    pthread_mutex_lock(&session->taps_mutex);
    for (struct session_tap *tap = session->taps; tap; tap = tap->next)
        tap->heard(tap, now, session->decoder.bytes + FRAME_HEADER, payload);
    pthread_mutex_unlock(&session->taps_mutex);
    pthread_mutex_lock(&session->mutex);
}

int session_feed(struct session *session, double now, const uint8_t *bytes, size_t count)
{
    pthread_mutex_lock(&session->mutex);
    session->window.stats.bytes_received += count;
    size_t length, used;
    while ((length = frame_decode(&session->decoder, bytes, count, &used))) {
        bytes += used;
        count -= used;
        receive_frame(session, now, length);
        if (session->taps && length > FRAME_LEAST)
            tell_taps(session, now, length - FRAME_LEAST);
    }
    int waiting = (int)session->ring.count;
    pthread_mutex_unlock(&session->mutex);
    return waiting;
}

/* --- sending --- */

/* From when on the sendable commands are to leave, s; HUGE_VAL when there are none. */
static double leaves_at(const struct session *session)
{
    const struct send_command *urgent = send_queues_urgent(&session->queues);
    if (!urgent)
        return HUGE_VAL;
    if (urgent->due == 0 || !(session->mcu.frequency > 0) || session->queues.ready_bytes >= SESSION_PAYLOAD_MOST)
        return -HUGE_VAL;
    double lead = fmin(LEAD + LEAD_TIMEOUTS * session->window.base, LEAD_MOST);
    return fmin(mcu_clock_time(&session->mcu, urgent->due) - lead, session->held_since + HOLD);
}

/* Commands may have become sendable, which are held from now on. */
static void advance(struct session *session, double now)
{
    send_queues_advance(&session->queues, &session->mcu, now);
    if (!send_queues_urgent(&session->queues))
        session->held_since = HUGE_VAL;
    else if (isinf(session->held_since))
        session->held_since = now;
}

static void keep(struct session *session, const struct sent_frame *frame, size_t payload)
{
    struct session_sent *kept = &session->kept[session->kept_count++ % SESSION_SENT_KEPT];
    kept->when = frame->done;
    kept->count = (uint8_t)payload;
    memcpy(kept->bytes, frame->bytes + FRAME_HEADER, payload);
}

size_t session_sent_last(struct session *session, struct session_sent *out)
{
    pthread_mutex_lock(&session->mutex);
    size_t count = session->kept_count < SESSION_SENT_KEPT ? (size_t)session->kept_count : SESSION_SENT_KEPT;
    for (size_t i = 0; i < count; i++)
        out[i] = session->kept[(session->kept_count - count + i) % SESSION_SENT_KEPT];
    pthread_mutex_unlock(&session->mutex);
    return count;
}

/* Fill one frame with the most urgent commands and send it; gives its length. */
static size_t send_frame(struct session *session, double now, uint8_t *out)
{
    struct sent_frame *frame = window_slot(&session->window);
    const struct send_command *command;
    size_t used = 0;
    while ((command = send_queues_urgent(&session->queues)) && used + command->count <= SESSION_PAYLOAD_MOST) {
        memcpy(frame->bytes + FRAME_HEADER + used, command->bytes, command->count);
        used += command->count;
        if (command->ticket > frame->newest)
            frame->newest = command->ticket;
        if (command->query)
            frame->tickets[frame->queries++] = command->ticket;
        send_queues_take(&session->queues);
    }
    window_commit(&session->window, now, used);
    session->held_since = send_queues_urgent(&session->queues) ? now : HUGE_VAL;
    keep(session, frame, used);
    memcpy(out, frame->bytes, frame->length);
    return frame->length;
}

size_t session_emit(struct session *session, double now, uint8_t *out, size_t room)
{
    pthread_mutex_lock(&session->mutex);
    window_check_timer(&session->window, now);
    size_t used = window_resend(&session->window, now, out, room);
    advance(session, now);
    while (room - used >= FRAME_MOST && window_is_open(&session->window) && now >= leaves_at(session))
        used += send_frame(session, now, out + used);
    pthread_mutex_unlock(&session->mutex);
    return used;
}

/* When a command may become sendable next, s; HUGE_VAL for never. */
static double next_upcoming(const struct session *session)
{
    const struct send_heap *upcoming = &session->queues.upcoming;
    if (!upcoming->count || !(session->mcu.frequency > 0))
        return HUGE_VAL;
    return mcu_clock_time(&session->mcu, upcoming->entries[0].key);
}

double session_next(struct session *session, double now)
{
    pthread_mutex_lock(&session->mutex);
    double next = session->window.resending ? now : session->window.deadline;
    if (window_is_open(&session->window)) {
        advance(session, now);
        next = fmin(next, fmin(leaves_at(session), next_upcoming(session)));
    }
    pthread_mutex_unlock(&session->mutex);
    return fmax(next, now);
}
