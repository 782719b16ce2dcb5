/* One direction of a wire: bytes under way, each with the time at which it arrives, and the damage done to frames.
 *
 * A byte takes `byte_time`; the next one begins when the one before it is through. Damage is drawn per frame, four numbers
 * of splitmix64 for each and one more where frames are delayed (none for a single byte), so that the fate of frame n hangs on
 * the seed and n alone.
 */
#ifndef KLIPKIT_SIM_INNER_LINE_H
#define KLIPKIT_SIM_INNER_LINE_H
#include <stddef.h>
#include <stdint.h>

struct line_byte {
    uint64_t when;     /* it has arrived, units of ticks.h */
    uint8_t byte;
    uint8_t last;      /* of its frame */
};

/* What happens to one frame: places are indices of its bytes, or its size for none. */
struct line_damage {
    size_t corrupted, dropped;
    uint8_t mask;             /* bits of the corrupted byte that are turned over: not 0 */
};

struct line {
    struct line_byte *ring;   /* room is a power of two */
    size_t first, count, room;
    uint64_t byte_time;       /* units */
    uint64_t free_at;         /* the last byte is through */
    uint64_t draw;            /* state of splitmix64 */
    double corrupt, drop;     /* probability for each frame */
    uint64_t delay, late;     /* units: of each frame at most, and of the one that is being put */
    uint64_t came;            /* when the last byte arrives */
    uint64_t corrupted, dropped, delayed; /* frames so far */
    size_t size, at;          /* of the frame that is being put: its bytes, and how many were */
    struct line_damage damage;
};

/* Begin a line anew, empty and whole. */
void line_begin(struct line *line, uint64_t byte_time);

/* Do damage from now on: probabilities for each frame, and the longest delay of one, units. `seed` should differ between lines. */
void line_damage(struct line *line, uint64_t seed, double corrupt, double drop, uint64_t delay);
void line_free(struct line *line);

/* Put bytes on it at `now`: whole frames, or anything else, which counts as one frame. 0 or -ENOMEM (nothing was put). */
int line_put(struct line *line, uint64_t now, const uint8_t *bytes, size_t count);

/* Put one byte of frames that come byte by byte; it has arrived at `through`, no sooner than those before it. 0 or -ENOMEM. */
int line_put_byte(struct line *line, uint64_t through, uint8_t byte);

/* Lose all that is under way, and the rest of the frame that is being put. */
void line_cut(struct line *line);

/* The byte at `index` from the oldest. */
const struct line_byte *line_at(const struct line *line, size_t index);
void line_take(struct line *line, size_t count);

/* Bytes that wait to begin their way at `now`, not counting the one that is on it. */
size_t line_waiting(const struct line *line, uint64_t now);
#endif
