/* Mutated lines of G-code through the quick reader and the quick way: whatever they say, nothing leaves its bounds. */
#include <string.h>

#include "klipkit/gcode/reader.h"
#include "klipkit/machine/bounds.h"
#include "klipkit/machine/fast.h"
#include "klipkit/machine/moves.h"
#include "tests/c/motion_check.h"

enum { LINE_MOST = 160, BATCH = 40, LINES = 100000, LETTERS = 26 };
static const double KEEP = 5; /* s of moves held behind the look-ahead */

static const char *const SEEDS[] = {
    "G1 X12.5 Y-3 E.04 F6000", "G0 X1Y2Z.3", "g1x10y-.5", "G1 E-1.5 F1800", "G1 E1.5", "G92 E0", "G92", "G92 X5 Y5 Z0 E2",
    "G90", "G91", "M82", "M83", "G21", "M204 S1500", "M204 P900 T700", "; wall", "", "G28", "M117 text", "G1 X1e5",
    "G1 F0.0001", "G1 X999999999999999", "G1 X-0.00000000000001", "N5 G1 X1*77", "SET_PIN PIN=a VALUE=1", "\xef\xbb\xbfG1 X1",
    "G1 Xnan", "M204 S0", "G1 X5 Y5 E0.1 ; done\r", "(note)", "%",
};
enum { SEED_COUNT = sizeof(SEEDS) / sizeof(SEEDS[0]) };
static const char ALPHABET[] = "GMXYZEFSPTN0123456789.+-; \t\r\n*%(gx";

static uint32_t below(struct chance *chance, uint32_t limit)
{
    return (uint32_t)(chance_unit(chance) * limit);
}

static char any_byte(struct chance *chance)
{
    return below(chance, 8) ? ALPHABET[below(chance, sizeof(ALPHABET) - 1)] : (char)below(chance, 256);
}

/* Up to four bytes changed, taken out, put in or doubled; often none. */
static size_t mutate(struct chance *chance, char *line, size_t size)
{
    for (uint32_t n = below(chance, 2) * below(chance, 5); n; n--) {
        size_t at = below(chance, (uint32_t)size + 1);
        uint32_t way = below(chance, 3);
        if (way == 0 && at < size) {
            line[at] = any_byte(chance);
        } else if (way == 1 && at < size) {
            memmove(line + at, line + at + 1, --size - at);
        } else if (size < LINE_MOST - 1) {
            memmove(line + at + 1, line + at, size++ - at);
            line[at] = any_byte(chance);
        }
    }
    return size;
}

/* A line into `out`, mostly with its end; gives its bytes, at least one. */
static size_t make_line(struct chance *chance, char *out)
{
    const char *seed = SEEDS[below(chance, SEED_COUNT)];
    size_t size = strlen(seed);
    memcpy(out, seed, size);
    size = mutate(chance, out, size);
    if (size == 0 || below(chance, 20))
        out[size++] = '\n';
    return size;
}

struct machine {
    struct bounds bounds;
    struct moves_extruder extruder;
    struct moves moves;
    struct trapq *trapq, *filament;
    struct fast fast;
    uint64_t moved, plain;
};

static void begin(struct machine *machine, int kind)
{
    *machine = (struct machine){
        .bounds = {.kind = kind, .known = {1, 1, 1}, .low = {-50, -50, -5}, .high = {100, 100, 100}, .z_velocity = 20,
                   .z_accel = 100, .taper = 60, .slow = 40, .slower = 50, .radius = 60, .velocity = 300, .accel = 3000},
        .extruder = {.present = 1, .area = 2.4, .nozzle = 0.4, .ratio_most = 20, .length_most = 50, .velocity_most = 100,
                     .accel_most = 1000},
    };
    struct lookahead_limits limits = {300, 3000, 5, 0.5};
    machine->trapq = trapq_new();
    machine->filament = trapq_new();
    struct lookahead *lookahead = lookahead_new(machine->trapq);
    CHECK(machine->trapq && machine->filament && lookahead, "no memory");
    CHECK(!lookahead_set_extruder(lookahead, machine->filament, 0, 1), "no extruder");
    moves_begin(&machine->moves, lookahead, &machine->bounds, &machine->extruder);
    CHECK(!moves_set_limits(&machine->moves, &limits), "no limits");
}

static void end(struct machine *machine)
{
    CHECK(lookahead_flush(machine->moves.lookahead) >= 0, "what was taken cannot be planned");
    lookahead_free(machine->moves.lookahead);
    trapq_free(machine->trapq);
    trapq_free(machine->filament);
}

/* A text ends where its memory does: the address sanitizer sees a byte too far. */
static char *ending(const char *text, size_t size)
{
    char *copy = malloc(size);
    CHECK(copy, "no memory");
    memcpy(copy, text, size);
    return copy;
}

static void check_line(const struct gcode_line *line, size_t size)
{
    CHECK(line->size > 0 && line->size <= size, "%d of %d bytes", (int)line->size, (int)size);
    CHECK(line->kind == GCODE_EMPTY || line->kind == GCODE_PLAIN || line->kind == GCODE_OTHER, "kind %d", line->kind);
    if (line->kind != GCODE_PLAIN)
        return;
    CHECK(line->letter >= 'A' && line->letter <= 'Z' && line->number >= 0 && line->given >> LETTERS == 0, "no command");
    for (int n = 0; n < LETTERS; n++)
        CHECK(!(line->given >> n & 1) || fabs(line->value[n]) < 1e15, "%c is %g", 'A' + n, line->value[n]);
}

/* Each line by gcode_read; gives how many there are. */
static uint64_t read_all(struct machine *machine, const char *text, size_t size)
{
    uint64_t lines = 0;
    struct gcode_line line;
    for (size_t at = 0; at < size; at += line.size, lines++) {
        gcode_read(text + at, size - at, &line);
        check_line(&line, size - at);
        CHECK(at + line.size == size || text[at + line.size - 1] == '\n', "a line ends in the middle");
        machine->plain += line.kind == GCODE_PLAIN;
    }
    return lines;
}

static void check_place(const struct machine *machine)
{
    const struct moves *moves = &machine->moves;
    double place[3];
    lookahead_position(moves->lookahead, place);
    for (int axis = 0; axis < MOVES_AXES; axis++) {
        CHECK(isfinite(moves->position[axis]) && isfinite(moves->origin[axis]), "axis %d is nowhere", axis);
        if (axis != MOVES_E)
            CHECK(fabs(moves->position[axis] - place[axis]) < 1e-6, "axis %d is in two places", axis);
    }
    for (int axis = 0; axis < 3; axis++)
        CHECK(place[axis] >= -60 && place[axis] <= 100, "axis %d is at %g, out of bounds", axis, place[axis]);
    CHECK(moves->feed > 0 && moves->limits.accel > 0, "no speed");
    CHECK(isfinite(lookahead_print_time(moves->lookahead)), "no time");
}

/* The whole text by fast_run; a line that it does not take is skipped, as if Python had carried it out. */
static void run_all(struct machine *machine, struct chance *chance, const char *text, size_t size, uint64_t lines)
{
    struct fast *fast = &machine->fast;
    struct gcode_line line;
    fast->lines = 0;
    for (size_t at = 0; at < size;) {
        double until = lookahead_print_time(machine->moves.lookahead) + chance_unit(chance);
        size_t done = fast_run(fast, &machine->moves, text + at, size - at, until);
        CHECK(done <= size - at, "%d of %d bytes", (int)done, (int)(size - at));
        at += done;
        CHECK(fast->why != FAST_DONE || at == size, "done in the middle");
        CHECK(fast->why != FAST_AHEAD || done > 0, "ahead without a line");
        check_place(machine);
        if (fast->why == FAST_OTHER || fast->why == FAST_REFUSED) {
            CHECK((fast->refused != MOVES_FINE) == (fast->why == FAST_REFUSED), "refused %d", fast->refused);
            gcode_read(text + at, size - at, &line);
            at += line.size;
            fast->lines++;
        }
        trapq_expire(machine->trapq, lookahead_print_time(machine->moves.lookahead) - KEEP);
        trapq_expire(machine->filament, lookahead_print_time(machine->moves.lookahead) - KEEP);
    }
    CHECK(fast->lines == lines, "%d lines of %d", (int)fast->lines, (int)lines);
    machine->moved = trapq_end(machine->trapq);
}

int main(int argc, char **argv)
{
    struct chance chance = {20240611};
    uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : LINES, lines = 0, moved = 0, plain = 0;
    char text[BATCH * LINE_MOST];
    for (int kind = 0; lines < wanted; kind = !kind) {
        struct machine machine;
        begin(&machine, kind ? BOUNDS_DELTA : BOUNDS_BOX);
        for (int batch = 0; batch < 25; batch++) {
            size_t size = 0;
            for (int n = 0; n < BATCH; n++)
                size += make_line(&chance, text + size);
            char *copy = ending(text, size);
            machine.fast.without = below(&chance, 10) ? 0 : below(&chance, 512);
            uint64_t found = read_all(&machine, copy, size);
            run_all(&machine, &chance, copy, size, found);
            lines += found;
            free(copy);
        }
        moved += machine.moved;
        plain += machine.plain;
        end(&machine);
    }
    if (argc > 1)
        printf("%llu lines, %llu plain, %llu moves\n", (unsigned long long)lines, (unsigned long long)plain,
               (unsigned long long)moved);
    CHECK(plain > lines / 3 && moved > lines / 50, "the lines are too broken to test much");
    return 0;
}
