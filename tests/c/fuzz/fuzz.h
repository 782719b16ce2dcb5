/* What a fuzzed parser gives to its driver: libFuzzer's, or tests/c/fuzz/drive.c. */
#ifndef TESTS_C_FUZZ_FUZZ_H
#define TESTS_C_FUZZ_FUZZ_H
#include <stddef.h>
#include <stdint.h>

#include "tests/c/wire_check.h"

enum { FUZZ_MOST = 1024 };

/* Give these bytes to the parser, in its first state; any fault ends the program. The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* An input that means something to the parser, to be damaged by the driver; gives its size, at most FUZZ_MOST. */
size_t fuzz_make(struct chance *chance, uint8_t *out);
#endif
