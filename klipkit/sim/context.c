/* Contexts by ucontext, with a guard page under each stack: see inner/context.h. */
#define _GNU_SOURCE
#include "klipkit/sim/inner/context.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define __sanitizer_start_switch_fiber(fake, bottom, size) ((void)(bottom), (void)(size), (void)(fake))
#define __sanitizer_finish_switch_fiber(fake, bottom, size) ((void)(bottom), (void)(size), (void)(fake))
#define __asan_unpoison_memory_region(bottom, size) ((void)(bottom), (void)(size))
#endif

enum { STACK_SIZE = 256 * 1024 }; /* bytes; pages that are never touched cost nothing */

int context_new(struct context *context)
{
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    *context = (struct context){.mapped = guard + STACK_SIZE, .size = STACK_SIZE};
    void *mapping = mmap(NULL, context->mapped, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (mapping == MAP_FAILED)
        return -ENOMEM;
    context->mapping = mapping;
    context->bottom = (char *)mapping + guard;
    return mprotect(mapping, guard, PROT_NONE) ? -ENOMEM : 0;
}

void context_free(struct context *context)
{
    if (!context->mapping)
        return;
    __asan_unpoison_memory_region(context->bottom, context->size);
    munmap(context->mapping, context->mapped);
    context->mapping = NULL;
}

/* Tell the sanitizer where the switch led, and learn from it the stack of where it came from. */
static void arrive(struct context *context)
{
    __sanitizer_finish_switch_fiber(context->fake, &context->came->bottom, &context->came->size);
}

/* makecontext hands over ints only: the pointer comes as two halves. */
static void enter(unsigned upper, unsigned lower)
{
    struct context *context = (struct context *)(uintptr_t)((uint64_t)upper << 32 | lower);
    arrive(context);
    context->entry(context->argument);
    abort();
}

void context_begin(struct context *context, void (*entry)(void *), void *argument)
{
    /* frames that were dropped without returning leave their red zones behind */
    __asan_unpoison_memory_region(context->bottom, context->size);
    context->fake = NULL;
    context->entry = entry;
    context->argument = argument;
    getcontext(&context->registers);
    context->registers.uc_stack.ss_sp = (void *)(uintptr_t)context->bottom;
    context->registers.uc_stack.ss_size = context->size;
    context->registers.uc_link = NULL;
    uint64_t self = (uintptr_t)context;
    makecontext(&context->registers, (void (*)(void))(uintptr_t)enter, 2, (unsigned)(self >> 32), (unsigned)self);
}

void context_switch(struct context *from, struct context *to)
{
    to->came = from;
    __sanitizer_start_switch_fiber(&from->fake, to->bottom, to->size);
    swapcontext(&from->registers, &to->registers);
    arrive(from);
}

void context_leave(struct context *from, struct context *to)
{
    to->came = from;
    __sanitizer_start_switch_fiber(NULL, to->bottom, to->size);
    setcontext(&to->registers);
    abort(); /* setcontext comes back only when its context is damaged */
}
