/* The table of configured objects: see oid.h. */
#include "core/oid.h"

#include <stddef.h>

#include "core/config.h"
#include "core/declare.h"
#include "hal/memory.h"

struct row {
    const struct oid_kind *kind; /* NULL: free */
    void *object;
};

static struct row *table;
static uint8_t size;

STARTUP_ZERO(oid)
{
    table = NULL;
    size = 0;
}

ON_SHUTDOWN(oid)
{
    for (uint8_t i = 0; i < size; i++)
        if (table[i].kind && table[i].kind->stop)
            table[i].kind->stop(table[i].object);
}

static void *take(uint16_t bytes)
{
    void *memory = memory_take(bytes);
    if (!memory)
        shutdown("alloc_chunk failed");
    return memory;
}

COMMAND(allocate_oids, "count=%c")
{
    if (table || config_is_final()) /* what is left of the memory is the move queue's then */
        shutdown("oids already allocated");
    uint8_t count = (uint8_t)args[0];
    table = take(count * sizeof(struct row) + 1); /* + 1: a table of none is one as well */
    size = count;
}

void *oid_new(uint8_t oid, const struct oid_kind *kind, uint16_t bytes)
{
    if (oid >= size || table[oid].kind || config_is_final())
        shutdown("Can't assign oid");
    table[oid].object = take(bytes);
    table[oid].kind = kind;
    return table[oid].object;
}

void *oid_find(uint8_t oid, const struct oid_kind *kind)
{
    if (oid >= size || table[oid].kind != kind)
        shutdown("Invalid oid type");
    return table[oid].object;
}
