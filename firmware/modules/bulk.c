/* Bulk data: see bulk.h. */
#include "modules/bulk.h"

#include <stddef.h>

#include "core/declare.h"

RESPONSE(sensor_bulk_data, "oid=%c sequence=%hu data=%*s");
RESPONSE(sensor_bulk_status, "oid=%c clock=%u query_ticks=%u next_sequence=%hu buffered=%u possible_overflows=%hu");

void bulk_reset(struct bulk *bulk)
{
    bulk->sequence = bulk->possible_overflows = 0;
    bulk->count = 0;
}

uint8_t *bulk_append(struct bulk *bulk, uint8_t size)
{
    uint8_t *sample = bulk->bytes + bulk->count;
    bulk->count += size;
    return sample;
}

void bulk_send_full(struct bulk *bulk, uint8_t oid, uint8_t size)
{
    if (bulk->count + size <= BULK_BYTES_MOST)
        return;
    send_sensor_bulk_data(oid, bulk->sequence, bulk->count, bulk->bytes);
    bulk->sequence++;
    bulk->count = 0;
}

void bulk_send_status(const struct bulk *bulk, uint8_t oid, uint32_t clock, uint32_t query_ticks, uint16_t waiting)
{
    uint32_t buffered = (uint32_t)bulk->count + waiting;
    send_sensor_bulk_status(oid, clock, query_ticks, bulk->sequence, buffered, bulk->possible_overflows);
}
