/* A small zlib packer: see deflate.h.
 *
 * Repeats of 3 to 258 bytes are found through the last place of each hash of three bytes; numbers in comments are sections of
 * RFC 1951.
 */
#include "ports/sim/deflate.h"

#include <stdlib.h>
#include <string.h>

enum { REPEAT_LEAST = 3, REPEAT_MOST = 258, DISTANCE_MOST = 32768, HASH_SIZE = 4096, BLOCK_END = 256 };

struct stream {
    uint8_t *out;
    size_t used;
    uint32_t bits; /* not yet written, lowest first */
    int bit_count;
};

static void put_bits(struct stream *stream, uint32_t value, int count)
{
    stream->bits |= value << stream->bit_count;
    stream->bit_count += count;
    while (stream->bit_count >= 8) {
        stream->out[stream->used++] = (uint8_t)stream->bits;
        stream->bits >>= 8;
        stream->bit_count -= 8;
    }
}

/* Huffman codes stand highest bit first (3.1.1). */
static void put_code(struct stream *stream, uint32_t code, int count)
{
    uint32_t turned = 0;
    for (int i = 0; i < count; i++)
        turned |= (code >> i & 1) << (count - 1 - i);
    put_bits(stream, turned, count);
}

/* The fixed literal and length codes (3.2.6). */
static void put_symbol(struct stream *stream, uint32_t symbol)
{
    if (symbol < 144)
        put_code(stream, 0x30 + symbol, 8);
    else if (symbol < 256)
        put_code(stream, 0x190 + symbol - 144, 9);
    else if (symbol < 280)
        put_code(stream, symbol - 256, 7);
    else
        put_code(stream, 0xc0 + symbol - 280, 8);
}

/* A length or distance: groups of `per` symbols, each group with one more extra bit than the one before (3.2.5). Gives the
 * symbol, the extra bits and their number. */
static uint32_t grouped(uint32_t value, uint32_t per, uint32_t *extra, int *extra_bits)
{
    uint32_t group = 0, start = 2 * per;
    if (value < start) {
        *extra = 0;
        *extra_bits = 0;
        return value;
    }
    uint32_t width = 2;
    for (group = 1; value - start >= per * width; group++) {
        start += per * width;
        width *= 2;
    }
    *extra_bits = (int)group;
    *extra = (value - start) % width;
    return per * (group + 1) + (value - start) / width;
}

static void put_repeat(struct stream *stream, uint32_t length, uint32_t distance)
{
    uint32_t extra;
    int extra_bits;
    if (length == REPEAT_MOST) { /* a symbol of its own */
        put_symbol(stream, 285);
    } else {
        uint32_t symbol = 257 + grouped(length - REPEAT_LEAST, 4, &extra, &extra_bits);
        put_symbol(stream, symbol);
        put_bits(stream, extra, extra_bits);
    }
    uint32_t symbol = grouped(distance - 1, 2, &extra, &extra_bits);
    put_code(stream, symbol, 5);
    put_bits(stream, extra, extra_bits);
}

static uint32_t hash(const uint8_t *bytes)
{
    return ((uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2]) * 2654435761u >> 20 & (HASH_SIZE - 1);
}

static size_t repeat_length(const uint8_t *bytes, size_t from, size_t at, size_t count)
{
    size_t most = count - at < REPEAT_MOST ? count - at : REPEAT_MOST, length = 0;
    while (length < most && bytes[from + length] == bytes[at + length])
        length++;
    return length;
}

static void put_block(struct stream *stream, const uint8_t *bytes, size_t count)
{
    static size_t newest[HASH_SIZE]; /* place + 1 of the newest three bytes of a hash */
    memset(newest, 0, sizeof newest);
    put_bits(stream, 3, 3); /* the last block, of fixed codes (3.2.3) */
    for (size_t at = 0; at < count;) {
        size_t length = 0, from = 0;
        if (count - at >= REPEAT_LEAST) {
            size_t *place = &newest[hash(bytes + at)];
            from = *place - 1;
            if (*place && at - from <= DISTANCE_MOST)
                length = repeat_length(bytes, from, at, count);
            *place = at + 1;
        }
        if (length >= REPEAT_LEAST) {
            put_repeat(stream, (uint32_t)length, (uint32_t)(at - from));
            at += length;
        } else {
            put_symbol(stream, bytes[at++]);
        }
    }
    put_symbol(stream, BLOCK_END);
    put_bits(stream, 0, 7); /* fills the last byte */
    stream->bits = 0;
    stream->bit_count = 0;
}

/* Adler-32 (RFC 1950, section 8). */
static uint32_t checksum(const uint8_t *bytes, size_t count)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < count; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

uint8_t *zlib_pack(const uint8_t *bytes, size_t count, size_t *packed)
{
    /* A literal is 9 bits at most, a repeat less than its bytes; 16 bytes more for header, end and checksum. */
    struct stream stream = {.out = malloc(count + count / 8 + 16)};
    if (!stream.out)
        return NULL;
    put_bits(&stream, 0x78, 8); /* deflate, window of 32 KB */
    put_bits(&stream, 0x01, 8); /* fastest; makes the header a multiple of 31 */
    put_block(&stream, bytes, count);
    uint32_t sum = checksum(bytes, count);
    for (int shift = 24; shift >= 0; shift -= 8)
        put_bits(&stream, sum >> shift & 0xff, 8);
    *packed = stream.used;
    return stream.out;
}
