/* Trigger synchronisation: who can trigger, and who is told of it. */
#ifndef MODULES_TRSYNC_H
#define MODULES_TRSYNC_H
#include <stdint.h>

struct trsync;

/* Belongs to who is told; `told` is NULL while it is registered nowhere. */
struct trsync_listener {
    struct trsync_listener *next;
    void (*told)(struct trsync_listener *listener); /* interrupts disabled */
};

/* The trsync of `oid`; shutdown when it is none. */
struct trsync *trsync_find(uint8_t oid);

/* Have `told` called at the next trigger, once; shutdown when the listener is registered already. Interrupts disabled. */
void trsync_listen(struct trsync *trsync, struct trsync_listener *listener, void (*told)(struct trsync_listener *listener));

/* Trigger, if it is armed, and tell the host. Interrupts disabled. */
void trsync_fire(struct trsync *trsync, uint8_t reason);
#endif
