/* Messages: commands of a frame to their handlers, responses to frames.
 *
 * Numbers travel as variable length quantities, 7 bits a byte, highest first, modulo 2^32; a message is its id and its
 * parameters. An id is read as bare 7-bit groups: that gives the place in the dispatch table, and stands for the id that the
 * dictionary names (96..127 for -32..-1).
 */
#ifndef CORE_COMMAND_H
#define CORE_COMMAND_H
#include <stdbool.h>
#include <stdint.h>

#include "hal/flash.h"

enum {
    COMMAND_VALUES_MOST = 16,
    COMMAND_NO_BYTES = 0xff,
};

struct oid_kind;

/* A row of the dispatch table; `run` is NULL at numbers that are no command. */
struct command_row {
    void (*run)(const uint32_t *args, void *object);
    const struct oid_kind *kind; /* of the object that the first parameter names, NULL when it names none */
    uint8_t values;      /* parameters, "%*s" counted once */
    uint8_t bytes_at;    /* the parameter that is "%*s", COMMAND_NO_BYTES when none is */
};

/* A response: its parameters, two bits each from the lowest on, then a 1. */
struct response_row {
    uint16_t number, sizes;
};

enum response_size {
    RESPONSE_BYTES, /* the last parameter */
    RESPONSE_1,
    RESPONSE_2,
    RESPONSE_4,
};

/* Execute the commands in `count` bytes of payload; COMMAND_VALUES_MOST readable bytes follow them, of which those that are not
 * the frame's checksum are zeros. */
void command_run(const uint8_t *payload, uint8_t count);

/* The bytes of a "%*s" parameter, by the second of its two values; they are gone when the handler returns. */
const uint8_t *command_bytes(uint32_t place);

/* Send a response: called by the send functions in declared.h. `args` are the values of the parameters that are not bytes, packed,
 * lowest byte first. Bytes that do not fit into the frame are left out as a whole. A response raised while another is encoded (from an interrupt) is lost. */
void command_respond(const FLASH struct response_row *row, const void *args, const void *bytes, uint8_t count);
#endif
