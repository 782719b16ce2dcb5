/* The path: what steppers read of a trapezoid queue, as pieces under constant acceleration, shaped.
 *
 *     trapq --> phases --> (taps of input shapers) --> pieces --> stepper, stepper, stepper
 *
 * Steppers that follow the same axes may read one path: what is shaped is then summed once. Times are s from the path's base; mm, s.
 * All zero at first, but for what path_begin sets.
 */
#ifndef KLIPKIT_MOTION_INNER_PATH_H
#define KLIPKIT_MOTION_INNER_PATH_H
#include <stddef.h>
#include <stdint.h>

#include "klipkit/motion/inner/blend.h"
#include "klipkit/motion/shaper.h"

struct trapq;
struct trapq_move;

enum { PATH_READERS_MOST = 8 };

/* What one stepper has come to. */
struct path_reader {
    uint64_t next;          /* the piece */
    uint64_t reads;         /* of the path, that it has seen */
};

struct path {
    const struct trapq *trapq;
    int follows[3];         /* these axes */
    struct shaper shapers[2];
    double smooth_time;     /* of an extruder: phases stay in the blend, see inner/advance.h */
    double delay;           /* how much later the queue must be final, s */
    double base;            /* print time, whole s */
    double until;           /* what is before was read */
    uint64_t number;        /* the move that is read next, and how much of it was read: */
    int phase;
    double phase_done;      /* s */
    struct blend blend;     /* has taps while there is a shaper */
    uint64_t reads;
    struct phase *pieces;   /* those that not all readers have passed, from number `first` on */
    uint64_t first;
    size_t count, room;
    struct path_reader *readers[PATH_READERS_MOST];
    int reader_count;
};

/* Reads from the end of the queue on, whatever was read before. */
void path_begin(struct path *path);
void path_free(struct path *path);

/* It reads what another path, at rest, reads next, under its shapers; a smooth time is none. */
void path_follow(struct path *path, const struct path *other);

/* Would both, at rest, read the same? */
int path_is_like(const struct path *path, const struct path *other);

/* By its axes and shapers: sets the delay. */
void path_set_delay(struct path *path);

/* Is something read that a reader has not passed, or that still moves under the taps? */
int path_is_busy(const struct path *path, const struct path_reader *reader);

/* 0: there are too many. */
int path_join(struct path *path, struct path_reader *reader);
void path_leave(struct path *path, struct path_reader *reader);

/* Reads up to the print time `until`, when no other reader has done so; -ENOMEM. */
int path_read(struct path *path, struct path_reader *reader, double until);

/* The reader's next piece, which it then has passed; NULL for none. */
static inline const struct phase *path_next(const struct path *path, struct path_reader *reader)
{
    size_t at = (size_t)(reader->next - path->first);
    if (at == path->count)
        return NULL;
    reader->next++;
    return &path->pieces[at];
}
#endif
