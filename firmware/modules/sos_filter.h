/* A filter of second order sections for samples, in whole numbers. */
#ifndef MODULES_SOS_FILTER_H
#define MODULES_SOS_FILTER_H
#include <stdbool.h>
#include <stdint.h>

struct sos_filter;

/* The filter of `oid`; shutdown when it is none. */
struct sos_filter *sos_filter_find(uint8_t oid);

/* One sample through it; false when a number leaves 32 bits. Interrupts enabled, task level. */
bool sos_filter_apply(struct sos_filter *filter, int32_t sample, int32_t *out);
#endif
