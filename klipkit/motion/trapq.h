/* The trapezoid queue: what the toolhead does, as moves along straight lines over print time.
 *
 *      v |   cruise_v ______________
 *        |           /              \          each move speeds up at `accel`, cruises, slows down at `accel`
 *        |  start_v /                \
 *        |         | accel_t cruise_t decel_t
 *        +---------+--------------------------- print time, s
 *
 * Moves stand in order of print time and do not overlap; between two of them the toolhead rests. They are numbered from 0 as
 * they are appended; readers keep the number they have come to. Units: mm, s. Not thread-safe.
 */
#ifndef KLIPKIT_MOTION_TRAPQ_H
#define KLIPKIT_MOTION_TRAPQ_H
#include <stdint.h>

struct trapq;

struct trapq_move {
    double print_time;                  /* when it begins, s */
    double accel_t, cruise_t, decel_t;  /* s, each may be 0 */
    double start_v, cruise_v, accel;    /* mm/s, mm/s, mm/s^2 */
    double start[3];                    /* position at print_time, mm */
    double direction[3];                /* unit vector; all 0: rests; an extruder's: lookahead.h */
    uint64_t line;                      /* of the file that it comes from; 0: none */
    double time_least;                  /* what it would take at the speed asked for, without speeding up and slowing down, s */
};

/* A new empty queue, NULL when there is no memory. */
struct trapq *trapq_new(void);
void trapq_free(struct trapq *trapq);

/* Append a move (copied). -EINVAL: it begins more than 1 ns before the end of the one before it, a time is negative, a
 * number is not finite; -ENOMEM. */
int trapq_append(struct trapq *trapq, const struct trapq_move *move);

/* From `print_time` on the toolhead rests at `position`, wherever it was before: a move without length. As trapq_append. */
int trapq_set_position(struct trapq *trapq, double print_time, const double position[3]);

/* Forget moves that ended before `print_time`, except the newest one. Readers must have come past them. */
void trapq_expire(struct trapq *trapq, double print_time);

/* Forget all moves. */
void trapq_discard(struct trapq *trapq);

/* The number of the oldest move held, and the number after that of the newest. */
uint64_t trapq_begin(const struct trapq *trapq);
uint64_t trapq_end(const struct trapq *trapq);

/* A move held, by its number; NULL when it is not held. Valid until the queue is changed. */
const struct trapq_move *trapq_get(const struct trapq *trapq, uint64_t number);

/* The line of the newest move that has begun at `print_time`; 0 when none has, or it comes from none. */
uint64_t trapq_line(const struct trapq *trapq, double print_time);

/* When a move ends, s. */
double trapq_move_end(const struct trapq_move *move);

/* Where the toolhead is at `print_time` (mm), and its speed (mm/s). -ENOENT when that is before the oldest move held. */
int trapq_position(const struct trapq *trapq, double print_time, double position[3], double *velocity);
#endif
