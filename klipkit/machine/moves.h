/* G-code's moves in the machine's terms: modes, origins, factors and limits, from words to the look-ahead.
 *
 *     words --> absolute or relative --> + origin (G92, SET_GCODE_OFFSET) --> position --> bounds, extruder's limits --> look-ahead
 *
 * One struct holds what G-code has said so far; the quick way of a print file (fast.h) and the general one of Python
 * (commands/moves.py) both move by it, so they mean the same. Words and rules: Klipper's G-Codes.md. Units: mm, s.
 */
#ifndef KLIPKIT_MACHINE_MOVES_H
#define KLIPKIT_MACHINE_MOVES_H
#include <stdint.h>

#include "klipkit/motion/lookahead.h"

struct bounds;

enum { MOVES_AXES = 4, MOVES_E = 3 };   /* x, y, z and the filament */

/* What was wrong with a move; negative numbers are of errno. */
enum {
    MOVES_FINE,
    MOVES_OUTSIDE,          /* out of the machine's reach */
    MOVES_UNKNOWN,          /* of an axis that is not homed */
    MOVES_NOT_FINITE,       /* a number of which none can be made */
    MOVES_NO_SPEED,         /* F0 or less; an acceleration of 0 or less */
    MOVES_NO_EXTRUDER,
    MOVES_TOO_COLD,
    MOVES_TOO_LONG,         /* filament alone */
    MOVES_TOO_THICK,        /* more filament on its way than the cross-section allows */
};

/* The extruder in use. */
struct moves_extruder {
    int present, is_cold;       /* cold: below its min_extrude_temp */
    double area;                /* of the filament, mm^2 */
    double nozzle;              /* diameter */
    double ratio_most;          /* mm of filament a mm of way */
    double length_most, velocity_most, accel_most;  /* of filament alone */
};

/* What G-code has said. */
struct moves {
    int is_relative, is_relative_e;     /* G91, M83 */
    double position[4];                 /* where the last move ends, before any transform */
    double origin[4];                   /* the position that G-code calls 0 */
    double offset[4];                   /* the part of it that SET_GCODE_OFFSET has set */
    double feed;                        /* F as it was said: mm/min */
    double speed_factor, extrude_factor;
    struct lookahead_limits limits;     /* of the machine, as SET_VELOCITY_LIMIT and M204 have set them */
    struct lookahead *lookahead;
    const struct bounds *bounds;
    const struct moves_extruder *extruder;
    int is_left_out;                    /* moves are of an object that is not to be printed: positions change, nothing moves */
    int is_apart;                       /* the toolhead is not at `position`, since moves were left out: the next one brings it there */
    double left_out;                    /* filament of such moves, mm: position[3] less the look-ahead's */
    double wanted[4];                   /* the end of a move that was refused, and its filament a mm */
    double ratio;
};

/* Limits of moves from now on; as lookahead_set_limits. moves_set_accel changes the one that M204 sets. */
int moves_set_limits(struct moves *moves, const struct lookahead_limits *limits);
int moves_set_accel(struct moves *moves, double accel);

/* All at 0, absolute, factors 1, at a speed of 25 mm/s. The pointers are borrowed; extruder->present 0 for none. */
void moves_begin(struct moves *moves, struct lookahead *lookahead, const struct bounds *bounds,
                 const struct moves_extruder *extruder);

/* G1: `given` has bit n set when words[n] was given: x, y, z, e; bit 4: words[4] is F. Gives one of the above; unless fine
 * nothing moves and all is as before, but for the modes and F. */
int moves_line(struct moves *moves, uint32_t given, const double words[5]);

/* Where those words lead; F is taken, nothing moves. MOVES_FINE or MOVES_NO_SPEED. */
int moves_end(struct moves *moves, uint32_t given, const double words[5], double end[4]);

/* Go to a position, at `velocity` mm/s at most (and the limits'). As moves_line. */
int moves_to(struct moves *moves, const double position[4], double velocity);

/* G92: the present place gets other coordinates; given 0: all become 0. */
void moves_set_origin(struct moves *moves, uint32_t given, const double words[4]);

/* M220 and M221, as factors > 0: G-code's coordinates of the present place stay. */
void moves_set_speed_factor(struct moves *moves, double factor);
void moves_set_extrude_factor(struct moves *moves, double factor);

/* SET_GCODE_OFFSET: an axis' offset becomes this; the toolhead does not move, its coordinate changes. */
void moves_set_offset(struct moves *moves, int axis, double offset);

/* The toolhead was put elsewhere (homing, SET_KINEMATIC_POSITION): the position is the look-ahead's. */
void moves_take_position(struct moves *moves);
#endif
