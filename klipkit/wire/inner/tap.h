/* Listeners in the thread of a session's driver: each message of the MCU, before anybody else sees it. */
#ifndef KLIPKIT_WIRE_INNER_TAP_H
#define KLIPKIT_WIRE_INNER_TAP_H
#include <stddef.h>
#include <stdint.h>

struct session;

/* One listener on one session; the memory is the listener's. Both functions are called with a lock of the taps held: they may
 * call session functions, but for those below. */
struct session_tap {
    struct session_tap *next;
    void (*heard)(struct session_tap *tap, double now, const uint8_t *bytes, size_t count);
    void (*gone)(struct session_tap *tap);   /* the session is being freed: it must not be used any more */
};

void session_add_tap(struct session *session, struct session_tap *tap);

/* Not called any more once this has come back. Nothing happens when it was not added. */
void session_remove_tap(struct session *session, struct session_tap *tap);
#endif
