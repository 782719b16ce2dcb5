/* Bulk data: samples of a sensor gathered into messages that are counted, so that the host sees which are lost. */
#ifndef MODULES_BULK_H
#define MODULES_BULK_H
#include <stdbool.h>
#include <stdint.h>

enum { BULK_BYTES_MOST = 51 };

struct bulk {
    uint16_t sequence;            /* of the next message */
    uint16_t possible_overflows;  /* times that the sensor may have lost samples */
    uint8_t count;
    uint8_t bytes[BULK_BYTES_MOST];
};

/* Begin anew. */
void bulk_reset(struct bulk *bulk);

/* Room for a sample of `size` bytes, to be filled in by the caller; bulk_send_full() was called since the one before. */
uint8_t *bulk_append(struct bulk *bulk, uint8_t size);

/* Send what is gathered if no other sample of `size` bytes fits in. */
void bulk_send_full(struct bulk *bulk, uint8_t oid, uint8_t size);

/* Answer a query of the sensor's state: `waiting` bytes of samples were in it at `clock` or up to query_ticks later. */
void bulk_send_status(const struct bulk *bulk, uint8_t oid, uint32_t clock, uint32_t query_ticks, uint16_t waiting);
#endif
