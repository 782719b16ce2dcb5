/* Bytes under way in one direction, and the damage done to them: see inner/line.h. */
#include "klipkit/sim/inner/line.h"

#include <errno.h>
#include <stdlib.h>

enum { FRAME_LEAST = 5, FRAME_MOST = 64, ROOM_FIRST = 256 };

void line_begin(struct line *line, uint64_t byte_time, uint64_t seed, double corrupt, double drop)
{
    line->first = line->count = 0;
    line->byte_time = byte_time;
    line->free_at = 0;
    line->draw = seed;
    line->corrupt = corrupt;
    line->drop = drop;
    line->corrupted = line->dropped = 0;
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

/* What happens to one frame: places are indices of its bytes, or `count` for none. */
struct damage {
    size_t corrupted, dropped;
    uint8_t mask;      /* bits of the corrupted byte that are turned over: not 0 */
};

static struct damage draw_damage(struct line *line, size_t count)
{
    uint64_t corrupt = draw(line), drop = draw(line), where = draw(line), mask = draw(line);
    struct damage damage = {.corrupted = count, .dropped = count, .mask = (uint8_t)(1 + mask % 255)};
    if (share(corrupt) < line->corrupt) {
        damage.corrupted = (where & UINT32_MAX) % count;
        line->corrupted++;
    }
    if (share(drop) < line->drop) {
        damage.dropped = (where >> 32) % count;
        line->dropped++;
    }
    return damage;
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

/* A frame's length at the head of some bytes: what its length byte says; a lone sync byte is 1; all when neither fits. */
static size_t frame_size(const uint8_t *bytes, size_t count)
{
    if (bytes[0] >= FRAME_LEAST && bytes[0] <= FRAME_MOST && bytes[0] <= count)
        return bytes[0];
    return bytes[0] == 0x7e ? 1 : count;
}

static void append(struct line *line, uint8_t byte)
{
    size_t index = (line->first + line->count++) & (line->room - 1);
    line->ring[index] = (struct line_byte){.when = line->free_at, .byte = byte};
}

static void put_frame(struct line *line, const uint8_t *bytes, size_t count, struct damage damage)
{
    size_t before = line->count;
    for (size_t i = 0; i < count; i++) {
        line->free_at += line->byte_time;
        if (i != damage.dropped)
            append(line, i == damage.corrupted ? bytes[i] ^ damage.mask : bytes[i]);
    }
    if (line->count > before)
        line->ring[(line->first + line->count - 1) & (line->room - 1)].last = 1;
}

int line_put(struct line *line, uint64_t now, const uint8_t *bytes, size_t count)
{
    int error = grow(line, count);
    if (error)
        return error;
    if (line->free_at < now)
        line->free_at = now;
    for (size_t done = 0, size; done < count; done += size) {
        size = frame_size(bytes + done, count - done);
        struct damage damage = size == 1 ? (struct damage){1, 1, 0} : draw_damage(line, size);
        put_frame(line, bytes + done, size, damage);
    }
    return 0;
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
