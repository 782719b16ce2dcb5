/* The quick way of a print file (see fast.h). */
#include "klipkit/machine/fast.h"

#include <math.h>

#include "klipkit/gcode/reader.h"
#include "klipkit/machine/moves.h"

#define GIVEN(letter) (1u << ((letter) - 'A'))

static const char WORDS[] = "XYZEF";

/* What is given of the words of a move, in their order. */
static uint32_t pick(const struct gcode_line *line, double words[5])
{
    uint32_t given = 0;
    for (int i = 0; i < 5; i++) {
        int letter = WORDS[i] - 'A';
        words[i] = line->value[letter];
        given |= (line->given >> letter & 1) << i;
    }
    return given;
}

static int move(struct moves *moves, const struct gcode_line *line)
{
    double words[5];
    uint32_t given = pick(line, words);
    return moves_line(moves, given, words);
}

static int set_origin(struct moves *moves, const struct gcode_line *line)
{
    double words[5];
    uint32_t given = pick(line, words);
    moves_set_origin(moves, given, words);
    return MOVES_FINE;
}

static int millimetres(struct moves *moves, const struct gcode_line *line)
{
    (void)moves;
    (void)line;
    return MOVES_FINE;
}

static int absolute(struct moves *moves, const struct gcode_line *line)
{
    (void)line;
    moves->is_relative = 0;
    return MOVES_FINE;
}

static int relative(struct moves *moves, const struct gcode_line *line)
{
    (void)line;
    moves->is_relative = 1;
    return MOVES_FINE;
}

static int absolute_filament(struct moves *moves, const struct gcode_line *line)
{
    (void)line;
    moves->is_relative_e = 0;
    return MOVES_FINE;
}

static int relative_filament(struct moves *moves, const struct gcode_line *line)
{
    (void)line;
    moves->is_relative_e = 1;
    return MOVES_FINE;
}

/* M204 S, or the lesser of P and T; without them Python says what is missing. */
static int set_accel(struct moves *moves, const struct gcode_line *line)
{
    const double *value = line->value;
    double accel = line->given & GIVEN('S') ? value['S' - 'A'] : fmin(value['P' - 'A'], value['T' - 'A']);
    if (accel <= 0)
        return MOVES_NO_SPEED;
    return moves_set_accel(moves, accel);
}

static int names_accel(const struct gcode_line *line)
{
    uint32_t both = GIVEN('P') | GIVEN('T');
    return line->given & GIVEN('S') || (line->given & both) == both;
}

static const struct {
    const char *name;
    char letter;
    int number;
    int (*carry_out)(struct moves *moves, const struct gcode_line *line);
    int (*is_ours)(const struct gcode_line *line);  /* NULL: each such line is */
} LIST[] = {
    {"G1", 'G', 1, move, NULL},
    {"G0", 'G', 0, move, NULL},
    {"G92", 'G', 92, set_origin, NULL},
    {"M204", 'M', 204, set_accel, names_accel},
    {"G21", 'G', 21, millimetres, NULL},
    {"G90", 'G', 90, absolute, NULL},
    {"G91", 'G', 91, relative, NULL},
    {"M82", 'M', 82, absolute_filament, NULL},
    {"M83", 'M', 83, relative_filament, NULL},
};
enum { COUNT = sizeof(LIST) / sizeof(LIST[0]) };

const char *fast_command(int number)
{
    return number < 0 || number >= COUNT ? NULL : LIST[number].name;
}

/* The command of a line in the list; COUNT when it is Python's. */
static int find(const struct fast *fast, const struct gcode_line *line)
{
    int i = 0;
    if (line->kind != GCODE_PLAIN)
        return COUNT;
    while (i < COUNT && (LIST[i].number != line->number || LIST[i].letter != line->letter))
        i++;
    if (i == COUNT || fast->without >> i & 1 || (LIST[i].is_ours && !LIST[i].is_ours(line)))
        return COUNT;
    return i;
}

size_t fast_run(struct fast *fast, struct moves *moves, const char *text, size_t size, double until)
{
    size_t at = 0;
    struct gcode_line line;
    fast->why = FAST_DONE;
    for (; at < size && fast->why == FAST_DONE; at += line.size, fast->lines++) {
        gcode_read(text + at, size - at, &line);
        if (line.kind == GCODE_EMPTY)
            continue;
        int command = find(fast, &line);
        lookahead_set_line(moves->lookahead, fast->lines + 1);
        fast->refused = command == COUNT ? MOVES_FINE : LIST[command].carry_out(moves, &line);
        if (command == COUNT || fast->refused) {
            fast->why = command == COUNT ? FAST_OTHER : FAST_REFUSED;
            return at;
        }
        if (lookahead_print_time(moves->lookahead) > until)
            fast->why = FAST_AHEAD;
    }
    return at;
}
