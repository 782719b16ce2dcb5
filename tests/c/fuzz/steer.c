/* What libFuzzer gets besides the parser: inputs that mean something among those that it makes, and cheap sanitizers. */
#define _GNU_SOURCE /* stack_t */
#include <signal.h>
#include <string.h>

#include "tests/c/fuzz/fuzz.h"

enum { ANEW = 4 }; /* one in so many inputs is made from nothing, the others from earlier ones */

const char *__asan_default_options(void);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t count, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t count, size_t most);

/* Nothing here takes an input less seriously: no traces of where memory was allocated (an input that fails is run again by hand),
 * and freed memory is kept for 1 MB of later ones. */
const char *__asan_default_options(void)
{
    return "malloc_context_size=0:max_malloc_fill_size=0:quarantine_size_mb=1:thread_local_quarantine_size_kb=64:"
           "allocator_release_to_os_interval_ms=-1:detect_stack_use_after_return=0";
}

/* The address sanitizer asks before each longjmp, several times an input. There is none. */
int sigaltstack(const stack_t *restrict wanted, stack_t *restrict was)
{
    (void)wanted;
    if (was)
        *was = (stack_t){ .ss_flags = SS_DISABLE };
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t count, size_t most, unsigned seed)
{
    struct chance chance = { seed };
    uint8_t made[FUZZ_MOST];
    if (chance_below(&chance, ANEW))
        return LLVMFuzzerMutate(bytes, count, most);
    count = fuzz_make(&chance, made);
    count = count < most ? count : most;
    memcpy(bytes, made, count);
    return count;
}
