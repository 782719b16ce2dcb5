/* The identify command: hands out the compressed data dictionary in pieces. */
#include "core/declare.h"
#include "hal/dictionary.h"

enum { PIECE_MOST = 50 }; /* fits a frame whatever the offset: id, offset of up to 5 bytes, length */

RESPONSE(identify_response, "offset=%u data=%.*s");

COMMAND_ALWAYS(identify, "offset=%u count=%c")
{
    uint8_t piece[PIECE_MOST];
    uint8_t count = (uint8_t)args[1];
    count = dictionary_read(piece, args[0], count > PIECE_MOST ? PIECE_MOST : count);
    send_identify_response(args[0], count, piece);
}
