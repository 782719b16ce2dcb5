/* The quick reader of plain G-code (see reader.h). */
#include "klipkit/gcode/reader.h"

#include <string.h>

enum { DIGITS_MOST = 15, NUMBER_MOST = 9999, SIZE_MOST = 65536 };

/* Whole numbers below 10^15 and these powers are exact, so their quotient is rounded once. */
static const double POWERS[DIGITS_MOST + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                               1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* 0 for A .. 25 for Z, of either case; more for anything else. */
static unsigned letter_of(char c)
{
    return ((unsigned char)c | 0x20u) - 'a';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* A decimal number at `at`; NULL when there is none that is read exactly. */
static const char *read_number(const char *at, const char *end, double *value)
{
    int negative = at < end && *at == '-', digits = 0, decimals = 0;
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    int64_t whole = 0;
    for (; at < end && is_digit(*at) && digits <= DIGITS_MOST; at++, digits++)
        whole = whole * 10 + (*at - '0');
    if (at < end && *at == '.')
        for (at++; at < end && is_digit(*at) && digits + decimals <= DIGITS_MOST; at++, decimals++)
            whole = whole * 10 + (*at - '0');
    digits += decimals;
    if (digits == 0 || digits > DIGITS_MOST)
        return NULL;
    double found = (double)whole;
    if (decimals)
        found /= POWERS[decimals];
    *value = negative ? -found : found;
    return at;
}

/* The command's letter and number; NULL when it is not plain. */
static const char *read_command(const char *at, const char *end, struct gcode_line *line)
{
    unsigned letter = letter_of(*at++);
    int number = 0;
    if (letter > 25 || letter == 'N' - 'A' || at == end || !is_digit(*at) || (*at == '0' && at + 1 < end && is_digit(at[1])))
        return NULL;
    for (; at < end && is_digit(*at) && number <= NUMBER_MOST; at++)
        number = number * 10 + (*at - '0');
    if (number > NUMBER_MOST || (at < end && !is_blank(*at) && *at != ';' && letter_of(*at) > 25))
        return NULL;
    line->letter = (char)('A' + letter);
    line->number = number;
    return at;
}

/* Nothing, or a comment without a NUL, which is a sign of another kind of file. */
static int is_comment(const char *at, const char *end)
{
    return at == end || (*at == ';' && !memchr(at, 0, (size_t)(end - at)));
}

static int read_words(const char *at, const char *end, struct gcode_line *line)
{
    line->given = 0;
    at = read_command(at, end, line);
    while (at && (at = skip_blanks(at, end)) < end && *at != ';') {
        unsigned letter = letter_of(*at);
        if (letter > 25)
            return GCODE_OTHER;
        line->given |= 1u << letter;
        at = read_number(at + 1, end, &line->value[letter]);
    }
    return at && is_comment(at, end) ? GCODE_PLAIN : GCODE_OTHER;
}

void gcode_read(const char *text, size_t size, struct gcode_line *line)
{
    const char *feed = memchr(text, '\n', size), *end = feed ? feed : text + size;
    line->size = (size_t)(end - text) + (feed != NULL);
    while (end > text && end[-1] == '\r') /* only here: inside a line it may be another system's end of line */
        end--;
    const char *at = skip_blanks(text, end);
    line->kind = GCODE_OTHER;
    if (line->size <= SIZE_MOST)
        line->kind = is_comment(at, end) ? GCODE_EMPTY : read_words(at, end, line);
}
