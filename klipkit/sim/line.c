/* Bytes under way in one direction, and the damage done to them: see inner/line.h. */
#include "klipkit/sim/inner/line.h"

#include <errno.h>
#include <stdlib.h>

enum { FRAME_LEAST = 5, FRAME_MOST = 64, SYNC = 0x7e, ROOM_FIRST = 256 };

void line_begin(struct line *line, uint64_t byte_time)
{
    line_cut(line);
    line->byte_time = byte_time;
    line_damage(line, 0, 0.0, 0.0, 0);
}

void line_damage(struct line *line, uint64_t seed, double corrupt, double drop, uint64_t delay)
{
    line->draw = seed;
    line->corrupt = corrupt;
    line->drop = drop;
    line->delay = delay;
}

void line_free(struct line *line)
{
    free(line->ring);
    *line = (struct line){0};
}

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014; constants of variant 13). */
static uint64_t draw(struct line *line)
{
    uint64_t z = line->draw += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* A number of 0 .. 1, 1 excluded, from the upper 53 bits of a draw. */
static double share(uint64_t drawn)
{
    return (double)(drawn >> 11) * 0x1p-53;
}

/* Begin a frame of `size` bytes. A single byte is spared, and draws nothing. */
static void begin(struct line *line, size_t size)
{
    line->size = size;
    line->at = 0;
    line->damage = (struct line_damage){.corrupted = size, .dropped = size};
    line->late = 0;
    if (size == 1)
        return;
    uint64_t corrupt = draw(line), drop = draw(line), where = draw(line), mask = draw(line);
    line->damage.mask = (uint8_t)(1 + mask % 255);
    if (share(corrupt) < line->corrupt) {
        line->damage.corrupted = (where & UINT32_MAX) % size;
        line->corrupted++;
    }
    if (share(drop) < line->drop) {
        line->damage.dropped = (where >> 32) % size;
        line->dropped++;
    }
    if (line->delay) {
        line->late = (uint64_t)(share(draw(line)) * (double)line->delay);
        line->delayed++;
    }
}

static int grow(struct line *line, size_t more)
{
    size_t room = line->room ? line->room : ROOM_FIRST;
    while (room < line->count + more)
        room *= 2;
    if (room == line->room)
        return 0;
    struct line_byte *ring = malloc(room * sizeof *ring);
    if (!ring)
        return -ENOMEM;
    for (size_t i = 0; i < line->count; i++)
        ring[i] = *line_at(line, i);
    free(line->ring);
    line->ring = ring;
    line->room = room;
    line->first = 0;
    return 0;
}

static int is_size(uint8_t byte)
{
    return byte >= FRAME_LEAST && byte <= FRAME_MOST;
}

/* A frame's length at the head of some bytes: what its length byte says; a lone sync byte is 1; all when neither fits. */
static size_t frame_size(const uint8_t *bytes, size_t count)
{
    if (is_size(bytes[0]) && bytes[0] <= count)
        return bytes[0];
    return bytes[0] == SYNC ? 1 : count;
}

/* Put the next byte of the frame, through at `free_at`; there is room for it. */
static void add(struct line *line, uint8_t byte)
{
    const struct line_damage *damage = &line->damage;
    size_t at = line->at++, last = line->size - 1;
    if (at == damage->dropped)
        return;
    if (damage->dropped == last)
        last--;
    uint64_t when = line->free_at + line->late;
    line->came = when > line->came ? when : line->came; /* none overtakes the one before it */
    line->ring[(line->first + line->count++) & (line->room - 1)] = (struct line_byte){
        .when = line->came, .byte = at == damage->corrupted ? byte ^ damage->mask : byte, .last = at == last};
}

int line_put(struct line *line, uint64_t now, const uint8_t *bytes, size_t count)
{
    int error = grow(line, count);
    if (error)
        return error;
    if (line->free_at < now)
        line->free_at = now;
    for (const uint8_t *end = bytes + count; bytes < end; bytes += line->size) {
        begin(line, frame_size(bytes, (size_t)(end - bytes)));
        for (size_t i = 0; i < line->size; i++) {
            line->free_at += line->byte_time;
            add(line, bytes[i]);
        }
    }
    return 0;
}

int line_put_byte(struct line *line, uint64_t through, uint8_t byte)
{
    int error = grow(line, 1);
    if (error)
        return error;
    if (line->at == line->size)
        begin(line, is_size(byte) ? byte : 1);
    line->free_at = through;
    add(line, byte);
    return 0;
}

void line_cut(struct line *line)
{
    line->first = line->count = 0;
    line->free_at = line->came = 0;
    line->at = line->size = 0;
}

const struct line_byte *line_at(const struct line *line, size_t index)
{
    return &line->ring[(line->first + index) & (line->room - 1)];
}

void line_take(struct line *line, size_t count)
{
    line->first = (line->first + count) & (line->room - 1);
    line->count -= count;
}

size_t line_waiting(const struct line *line, uint64_t now)
{
    if (line->free_at <= now || !line->byte_time)
        return 0;
    return (size_t)((line->free_at - now - 1) / line->byte_time);
}
