/* The quick way of a print file: plain lines from the file's bytes into the look-ahead, without Python.
 *
 *     bytes --> gcode_read --> G0 G1 G21 G90 G91 G92 M82 M83 M204 --> moves --> look-ahead
 *                          \-> any other line: back to the caller, which reads it in Python
 *
 * Not thread-safe.
 */
#ifndef KLIPKIT_MACHINE_FAST_H
#define KLIPKIT_MACHINE_FAST_H
#include <stddef.h>
#include <stdint.h>

struct moves;

enum { FAST_DONE, FAST_AHEAD, FAST_OTHER, FAST_REFUSED };  /* why fast_run came back */

struct fast {
    uint32_t without;       /* bit n: the n-th command of fast_command has another meaning now, and is left to Python */
    uint64_t lines;         /* carried out so far, empty ones too: the next move is of the line after them */
    int why, refused;       /* refused: what moves.h says of the move, or -errno */
};

/* The commands of this way: "G0" ...; NULL after the last. */
const char *fast_command(int number);

/* Carry out lines of `text` until all are (FAST_DONE), moves are committed beyond the print time `until` (FAST_AHEAD), or a
 * line comes that is Python's (FAST_OTHER) or moves in a way that is refused (FAST_REFUSED). Gives the bytes of the lines
 * carried out: the line that stopped it is not among them, and has changed nothing but perhaps F. */
size_t fast_run(struct fast *fast, struct moves *moves, const char *text, size_t size, double until);
#endif
