/* A generator of random numbers for the C tests of the wire. */
#ifndef TESTS_C_WIRE_CHECK_H
#define TESTS_C_WIRE_CHECK_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/c/check.h"

/* A generator of our own (splitmix64): the same numbers on each machine. */
struct chance {
    uint64_t state;
};

static inline uint64_t chance_next(struct chance *chance)
{
    uint64_t z = chance->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint32_t chance_below(struct chance *chance, uint32_t bound)
{
    return (uint32_t)(chance_next(chance) % bound);
}

/* True with a probability in parts per million. */
static inline int chance_hits(struct chance *chance, uint32_t ppm)
{
    return chance_below(chance, 1000000) < ppm;
}
#endif
