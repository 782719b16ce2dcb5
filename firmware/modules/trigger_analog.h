/* Level detectors behind a filter: sensors give them their samples. */
#ifndef MODULES_TRIGGER_ANALOG_H
#define MODULES_TRIGGER_ANALOG_H
#include <stdint.h>

struct trigger_analog;

/* The detector of `oid`; shutdown when it is none. */
struct trigger_analog *trigger_analog_find(uint8_t oid);

/* A sample that was there at `clock`. Both do nothing for a NULL detector. Task level. */
void trigger_analog_take(struct trigger_analog *detector, int32_t sample, uint32_t clock);

/* The sensor has no sample, for a reason of its own: 0 and up. */
void trigger_analog_fail(struct trigger_analog *detector, uint8_t reason, uint32_t clock);
#endif
