/* A record of where carriages were: a point whenever one of them has moved far enough since the last point. */
#include <errno.h>
#include <stdlib.h>

#include "klipkit/sim/inner/world.h"

enum { POINTS_FIRST = 1024 };

static int has_room(struct record *record)
{
    if (record->count < record->room)
        return 1;
    size_t room = record->room ? 2 * record->room : POINTS_FIRST;
    struct recorded *points = realloc(record->points, room * sizeof *points);
    if (!points)
        return 0;
    record->points = points;
    record->room = room;
    return 1;
}

/* Put down where all are. Without memory the point is lost, and counted. */
static void put(struct cosim *cosim)
{
    struct record *record = &cosim->record;
    int fits = has_room(record);
    struct recorded point = {.time = cosim->now};
    for (size_t i = 0; i < record->carriage_count; i++)
        record->last[i] = point.steps[i] = (int32_t)record->carriages[i]->position;
    if (fits)
        record->points[record->count++] = point;
    record->lost += !fits;
}

void record_moved(struct cosim *cosim, const struct carriage *carriage)
{
    struct record *record = &cosim->record;
    size_t index = carriage->recorded - 1;
    if (llabs(carriage->position - record->last[index]) >= record->apart[index])
        put(cosim);
}

int cosim_record(struct cosim *cosim, const int *carriages, const uint32_t *apart, size_t count)
{
    struct record *record = &cosim->record;
    if (record->carriage_count || count > COSIM_RECORD_MOST)
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        if (!models_at(&cosim->models.carriages, carriages[i]) || !apart[i])
            return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        record->carriages[i] = models_at(&cosim->models.carriages, carriages[i]);
        record->carriages[i]->recorded = i + 1;
        record->apart[i] = apart[i];
    }
    record->carriage_count = count;
    put(cosim);
    return 0;
}

size_t cosim_recorded(struct cosim *cosim, struct cosim_point *out, size_t room)
{
    struct record *record = &cosim->record;
    size_t left = record->count - record->taken, count = left < room ? left : room;
    for (size_t i = 0; i < count; i++) {
        const struct recorded *point = &record->points[record->taken + i];
        out[i].time = cosim->start + ticks_seconds(point->time);
        for (size_t of = 0; of < COSIM_RECORD_MOST; of++)
            out[i].steps[of] = point->steps[of];
    }
    record->taken += count;
    if (record->taken == record->count)
        record->taken = record->count = 0;
    return count;
}
