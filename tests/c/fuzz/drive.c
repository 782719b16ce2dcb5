/* Drives a fuzzed parser with inputs made from a seed: some whole, some with a few bytes changed, moved, left out or doubled.
 *
 *     fuzz INPUTS [SEED]
 */
#include <string.h>

#include "tests/c/fuzz/fuzz.h"

static size_t mutate(struct chance *chance, uint8_t *bytes, size_t count)
{
    if (!count)
        return 0;
    size_t at = chance_below(chance, (uint32_t)count), length = 1 + chance_below(chance, 8);
    if (length > count - at)
        length = count - at;
    switch (chance_below(chance, 6)) {
    case 0:
        bytes[at] ^= (uint8_t)(1 << chance_below(chance, 8));
        break;
    case 1:
        bytes[at] = (uint8_t)chance_next(chance);
        break;
    case 2:
        for (size_t i = 0; i < length; i++)
            bytes[at + i] = chance_below(chance, 2) ? 0xff : 0x80;
        break;
    case 3:
        memmove(bytes + at, bytes + at + length, count - at - length);
        return count - length;
    case 4:
        if (count + length > FUZZ_MOST)
            break;
        memmove(bytes + at + length, bytes + at, count - at);
        return count + length;
    default:
        return at; /* cut */
    }
    return count;
}

int main(int argc, char **argv)
{
    uint64_t inputs = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    struct chance chance = { argc > 2 ? strtoull(argv[2], NULL, 10) : 1 };
    uint8_t made[FUZZ_MOST];
    for (uint64_t i = 0; i < inputs; i++) {
        size_t count = fuzz_make(&chance, made);
        for (uint32_t times = chance_below(&chance, 4); times; times--)
            count = mutate(&chance, made, count);
        uint8_t *input = malloc(count + 1); /* of its own size, so that a byte too far is seen */
        CHECK(input, "no memory");
        memcpy(input, made, count);
        LLVMFuzzerTestOneInput(input, count);
        free(input);
    }
    return 0;
}
