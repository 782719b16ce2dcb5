/* A stack of its own to run on, and switching between such stacks. */
#ifndef KLIPKIT_SIM_INNER_CONTEXT_H
#define KLIPKIT_SIM_INNER_CONTEXT_H
#include <stddef.h>
#include <ucontext.h>

struct context {
    ucontext_t registers;
    void *mapping;        /* guard page and stack; NULL for the context that calls cosim_run */
    size_t mapped;
    const void *bottom;   /* lowest address of the stack, and its size: what the address sanitizer asks for */
    size_t size;
    void *fake;           /* the address sanitizer's own stack of this context */
    struct context *came; /* the context that switched here last */
    void (*entry)(void *);
    void *argument;
};

/* Get a stack with a guard page below. 0 or -ENOMEM. */
int context_new(struct context *context);
void context_free(struct context *context);

/* Begin anew: the next switch to it calls entry(argument), which must not return but end with context_leave. */
void context_begin(struct context *context, void (*entry)(void *), void *argument);

/* Go on in `to`; comes back when something switches to `from`. */
void context_switch(struct context *from, struct context *to);

/* Go on in `to` for good: `from` must begin anew before it is switched to. */
_Noreturn void context_leave(struct context *from, struct context *to);
#endif
