/* The table of configured objects: the host's object ids to what the modules made for them. */
#ifndef CORE_OID_H
#define CORE_OID_H
#include <stdint.h>

/* What an object is: one constant oid_kind_<name> of each module; its address is the kind. */
struct oid_kind {
    void (*stop)(void *object); /* make the object safe: called on shutdown with interrupts disabled; NULL when nothing is to do */
};

/* A new zeroed object for `oid`; shutdown when the number is not free, configuration is over, or memory is. */
void *oid_new(uint8_t oid, const struct oid_kind *kind, uint16_t size);

/* The object of `oid`; shutdown "Invalid oid type" when it is of another kind. */
void *oid_find(uint8_t oid, const struct oid_kind *kind);
#endif
