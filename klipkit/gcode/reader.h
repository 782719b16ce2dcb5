/* The quick reader of plain G-code: a line of a print file as numbers, from the file's bytes.
 *
 *     G1 X12.5 Y-3 E.04 ; wall     ->  letter 'G', number 1, X, Y and E given
 *
 * A plain line is a letter and a whole number, then letters each followed by a decimal number of at most 15 digits, which is
 * therefore read to the same double as any correct reader does. What is not plain (extended commands, line numbers,
 * checksums, text, a malformed word) is left to gcode/words.py, which reads every line of the dialect.
 */
#ifndef KLIPKIT_GCODE_READER_H
#define KLIPKIT_GCODE_READER_H
#include <stddef.h>
#include <stdint.h>

enum { GCODE_EMPTY, GCODE_PLAIN, GCODE_OTHER };

struct gcode_line {
    int kind;               /* empty (or a comment), plain, or other: only the size is known */
    size_t size;            /* bytes, with the end of line */
    char letter;            /* of the command, upper case */
    int number;
    uint32_t given;         /* bit n: the n-th letter of the alphabet, from A = 0, was given */
    double value[26];       /* of those given */
};

/* Read the first line of `text`, of which `size` > 0 bytes are there; without an end of line it goes to the end of the text. */
void gcode_read(const char *text, size_t size, struct gcode_line *line);
#endif
