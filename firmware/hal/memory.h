/* Port contract: the memory that configuration shares out. Nothing is given back but all of it at once. */
#ifndef HAL_MEMORY_H
#define HAL_MEMORY_H
#include <stdint.h>

#include "port.h"

/* `size` bytes, zeroed and aligned for any object; NULL when there are not so many left. */
void *memory_take(uint16_t size);

/* All that is left, as an array of items of `size` bytes, at most `most` of them; tells how many in *count. */
void *memory_take_rest(uint16_t size, uint16_t most, uint16_t *count);

/* All memory is free again. */
void memory_reset(void);
#endif
