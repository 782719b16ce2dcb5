/* The event queue: a binary heap in the order of time, then of setting, so that equal times keep their order.
 *
 * Each source of events (a timer, a line, a session) owns one event and sets it anew: there are a handful per MCU,
 * however many things happen.
 */
#ifndef KLIPKIT_SIM_INNER_EVENTS_H
#define KLIPKIT_SIM_INNER_EVENTS_H
#include <stddef.h>
#include <stdint.h>

struct event {
    uint64_t time;                /* units of ticks.h */
    uint64_t order;               /* of setting, among equal times */
    size_t place;                 /* in the heap, from 1; 0 while not set */
    void (*due)(void *owner);     /* called after it was taken off the queue */
    void *owner;
};

struct events {
    struct event **heap;          /* from 1 */
    size_t count, room;
    uint64_t next_order;
};

/* Make room for `more` further events, so that setting one cannot fail. 0 or -ENOMEM. */
int events_reserve(struct events *events, size_t more);
void events_free(struct events *events);

/* Set an event (anew, when it was set). */
void events_set(struct events *events, struct event *event, uint64_t time);

/* Set an event that goes after all others of its time, whenever those are set. One such event at most. */
void events_set_last(struct events *events, struct event *event, uint64_t time);

/* Set an event that goes after those of its time that were set by events_set, whenever those are set. */
void events_set_late(struct events *events, struct event *event, uint64_t time);

/* Time of the first event that does something else than `due`; UINT64_MAX when there is none. */
uint64_t events_first_but(const struct events *events, void (*due)(void *owner));

/* Take an event back; nothing happens when it is not set. */
void events_clear(struct events *events, struct event *event);

/* The next event, NULL when none is set. */
struct event *events_first(const struct events *events);
#endif
