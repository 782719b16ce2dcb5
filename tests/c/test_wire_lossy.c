/* A session and the model MCU over a line that damages and loses frames: all commands arrive once, in order, not too early. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "klipkit/wire/session.h"
#include "tests/c/wire_model.h"

enum { QUEUES = 4, RECEIVE_WINDOW = 192, BACKLOG = 400, PIPE = 1 << 16 };
static const double FREQUENCY = 16e6, BYTE_TIME = 40e-6, LATENCY = 0.2e-3;

/* Bytes under way, in order, each with the time at which it arrives. */
struct pipe {
    uint8_t bytes[PIPE];
    double times[PIPE];
    size_t first, count;
    double free;
};

/* What a line does to frames each way, in parts per million. */
struct harm {
    uint32_t lost;             /* frames that do not arrive */
    uint32_t damaged;          /* frames of which 1 .. damaged_most bytes are changed */
    uint32_t damaged_most;
    uint32_t bytes;            /* bytes changed, whatever frame they are in */
};

struct line {
    struct session *session;
    struct model model;
    struct pipe there, back;
    struct chance chance;
    struct harm harm;
    uint32_t commands;         /* of each queue */
    uint64_t collisions;       /* frames whose damage the checksum does not show */
    double now;
    uint64_t newest;           /* greatest sequence number that left, by the session's own count */
    uint32_t lengths[16];
    uint32_t sent[QUEUES], asked, told;
    int queues[QUEUES], keep_alive;
    uint32_t kept;
};

static void pipe_put(struct pipe *pipe, double now, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK(pipe->count < PIPE, "the line is full");
        pipe->free = fmax(pipe->free, now) + BYTE_TIME;
        size_t at = (pipe->first + pipe->count++) % PIPE;
        pipe->bytes[at] = bytes[i];
        pipe->times[at] = pipe->free + LATENCY;
    }
}

static double pipe_next(const struct pipe *pipe)
{
    return pipe->count ? pipe->times[pipe->first] : HUGE_VAL;
}

static size_t pipe_take(struct pipe *pipe, double now, uint8_t *out)
{
    size_t count = 0;
    for (; pipe->count && pipe->times[pipe->first] <= now; pipe->count--) {
        out[count++] = pipe->bytes[pipe->first];
        pipe->first = (pipe->first + 1) % PIPE;
    }
    return count;
}

static void change(struct line *line, uint8_t *byte)
{
    *byte ^= (uint8_t)(1 + chance_below(&line->chance, 255));
}

static void change_some(struct line *line, uint8_t *bytes, size_t count)
{
    if (chance_hits(&line->chance, line->harm.damaged))
        for (uint32_t left = 1 + chance_below(&line->chance, line->harm.damaged_most); left; left--)
            change(line, bytes + chance_below(&line->chance, (uint32_t)count));
    for (size_t i = 0; line->harm.bytes && i < count; i++)
        if (chance_hits(&line->chance, line->harm.bytes))
            change(line, bytes + i);
}

/* Whether bytes that are not what was sent are a frame all the same: nobody can tell. */
static int is_collision(const uint8_t *sent, const uint8_t *arrived, size_t count)
{
    struct frame_decoder decoder = { 0 };
    size_t used;
    return count > 1 && memcmp(sent, arrived, count) != 0 && frame_decode(&decoder, arrived, count, &used);
}

/* Put one frame (or sync byte) on the line. A collision is counted and lost, as what follows from it is no fault of the session. */
static void damage(struct line *line, struct pipe *pipe, const uint8_t *bytes, size_t count)
{
    uint8_t copy[FRAME_MOST];
    memcpy(copy, bytes, count);
    change_some(line, copy, count);
    int collision = is_collision(bytes, copy, count);
    line->collisions += (uint64_t)collision;
    if (collision || chance_hits(&line->chance, line->harm.lost)) {
        pipe->free = fmax(pipe->free, line->now) + (double)count * BYTE_TIME;
        return;
    }
    pipe_put(pipe, line->now, copy, count);
}

/* No command leaves before its min clock. Arithmetic of doubles is exact to a hundredth of a tick here. */
static void check_min_clocks(const struct line *line, const uint8_t *frame)
{
    for (size_t at = FRAME_HEADER; at + 3 < frame[0]; at += frame[at]) {
        double early = (double)command_min_clock(frame + at) - line->now * FREQUENCY;
        CHECK(early < 0.01, "a command left %.0f ticks early", early);
    }
}

/* What is in flight is within both windows. */
static void check_window(const struct line *line)
{
    struct session_stats stats;
    session_get_stats(line->session, &stats);
    uint32_t held = 0;
    CHECK(stats.send_seq - stats.receive_seq <= 12, "%u frames in flight", stats.send_seq - stats.receive_seq);
    for (uint32_t seq = stats.receive_seq; seq != stats.send_seq; seq++)
        held += line->lengths[seq % 16];
    CHECK(held <= RECEIVE_WINDOW, "%u bytes in flight", held);
}

static void emit(struct line *line)
{
    uint8_t out[256];
    size_t count;
    while ((count = session_emit(line->session, line->now, out, 64 + chance_below(&line->chance, 190)))) {
        for (size_t at = 0, length; at < count; at += length) {
            length = out[at] == FRAME_SYNC ? 1 : out[at];
            if (length > 1 && (out[at + 1] & 15) == (line->newest & 15)) {
                check_min_clocks(line, out + at);
                line->lengths[line->newest++ % 16] = out[at];
            }
            damage(line, &line->there, out + at, length);
        }
        check_window(line);
    }
}

static void queue_some(struct line *line)
{
    for (uint32_t i = chance_below(&line->chance, 8); i > 0; i--) {
        uint32_t queue = chance_below(&line->chance, QUEUES);
        if (line->sent[queue] == line->commands || line->sent[queue] - line->model.executed[queue] > BACKLOG)
            continue;
        uint64_t clock = (uint64_t)(line->now * FREQUENCY);
        uint64_t min_clock = chance_below(&line->chance, 2) ? clock + chance_below(&line->chance, 3000000) : 0;
        uint64_t due = chance_below(&line->chance, 4) ? fmax((double)min_clock, (double)clock) + 200000 : 0;
        int query = chance_below(&line->chance, 10) == 0;
        uint8_t bytes[SESSION_PAYLOAD_MOST];
        size_t length = command_make(bytes, COMMAND_LEAST + chance_below(&line->chance, 45), query, (int)queue,
                                     line->sent[queue]++, min_clock);
        int64_t ticket = query ? session_query(line->session, line->queues[queue], bytes, length, min_clock, due)
                               : session_send(line->session, line->queues[queue], bytes, length, min_clock, due);
        CHECK(ticket > 0, "not queued: %d", (int)ticket);
        line->asked += (uint32_t)query;
    }
}

static void take_messages(struct line *line)
{
    struct session_message message;
    while (session_receive(line->session, &message)) {
        CHECK(message.received <= line->now && message.sent <= message.received, "times of a message");
        if (message.count == 0) {
            line->told++;
            CHECK(message.answers > 0, "a query without a ticket");
        } else {
            CHECK(message.count == 7, "a message of %d bytes", message.count);
        }
    }
}

static void deliver(struct line *line)
{
    static uint8_t bytes[PIPE];
    size_t count = pipe_take(&line->there, line->now, bytes);
    model_feed(&line->model, bytes, count);
    for (size_t at = 0; at < line->model.count; at += line->model.out[at])
        damage(line, &line->back, line->model.out + at, line->model.out[at]);
    line->model.count = 0;
    count = pipe_take(&line->back, line->now, bytes);
    session_feed(line->session, line->now, bytes, count);
    take_messages(line);
}

static int is_done(const struct line *line)
{
    for (int i = 0; i < QUEUES; i++)
        if (line->model.executed[i] != line->commands)
            return 0;
    return 1;
}

/* A command every 10 ms as get_clock does every second: its ack makes good an ack that was lost. */
static void keep_alive(struct line *line)
{
    uint8_t bytes[COMMAND_LEAST];
    command_make(bytes, sizeof(bytes), KIND_PLAIN, QUEUES, line->kept++, 0);
    session_send(line->session, line->keep_alive, bytes, sizeof(bytes), 0, 0);
}

/* One conversation of so many commands in each queue. */
static void converse(struct line *line, uint64_t seed, const struct harm *harm, uint32_t commands, struct session_stats *stats)
{
    memset(line, 0, sizeof(*line));
    line->session = session_new();
    line->chance.state = seed;
    line->harm = *harm;
    line->commands = commands;
    line->newest = 1;
    line->model.expects = 1;
    session_set_wire(line->session, BYTE_TIME, RECEIVE_WINDOW);
    session_set_clock(line->session, FREQUENCY, 0, 0);
    for (int i = 0; i < QUEUES; i++)
        line->queues[i] = session_add_queue(line->session);
    line->keep_alive = session_add_queue(line->session);
    double queueing = 0;
    while (!is_done(line) || line->told != line->asked) {
        if (line->now >= queueing) {
            queue_some(line);
            if (is_done(line))
                keep_alive(line);
            queueing = line->now + 0.01;
        }
        deliver(line);
        emit(line);
        double next = fmin(session_next(line->session, line->now), fmin(pipe_next(&line->there), pipe_next(&line->back)));
        line->now = fmax(line->now, fmin(next, queueing));
        CHECK(line->now < 3600 + commands, "seed %d: not done after an hour", (int)seed);
    }
    session_get_stats(line->session, stats);
    session_free(line->session);
}

static void converse_over(uint64_t seeds, struct harm harm, uint32_t commands, int verbose)
{
    static struct line line;
    struct session_stats total = { 0 };
    double longest = 0;
    uint64_t collisions = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct session_stats stats;
        converse(&line, seed, &harm, commands, &stats);
        longest = fmax(longest, line.now);
        total.naks += stats.naks;
        total.timeouts += stats.timeouts;
        total.frames_sent += stats.frames_sent;
        collisions += line.collisions;
    }
    int harmless = !harm.lost && !harm.damaged && !harm.bytes;
    CHECK(harmless || (total.naks > 0 && total.timeouts > 0), "the line damaged nothing");
    CHECK(!harmless || (total.naks == 0 && total.timeouts == 0), "retransmissions on a perfect line");
    if (verbose)
        printf("%d seeds, %u commands each, %u lost, %u frames and %u bytes damaged ppm: %u frames, %u naks, %u timeouts, "
               "%u collisions, longest %.2f s\n", (int)seeds, QUEUES * commands, harm.lost, harm.damaged, harm.bytes,
               (unsigned)total.frames_sent, (unsigned)total.naks, (unsigned)total.timeouts, (unsigned)collisions, longest);
}

int main(int argc, char **argv)
{
    int verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    uint32_t times = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1; /* 20 times as much, for the long tests */
    converse_over(20 * times, (struct harm){ 0 }, 200, verbose);
    converse_over(500 * times, (struct harm){ .lost = 10000, .damaged = 10000, .damaged_most = 1 }, 200, verbose);
    converse_over(50 * times, (struct harm){ .lost = 100000, .damaged = 100000, .damaged_most = 1 }, 200, verbose);
    converse_over(1, (struct harm){ .lost = 50000, .damaged = 10000, .damaged_most = 3 }, 12500 * times, verbose);
    converse_over(10 * times, (struct harm){ .bytes = 10000 }, 200, verbose);
    return 0;
}
