/* Port contract: the compressed data dictionary. core/dictionary.c serves the one made by the build; a port whose dictionary is
 * known only at start has its own. */
#ifndef HAL_DICTIONARY_H
#define HAL_DICTIONARY_H
#include <stdint.h>

/* Copy at most `count` bytes from `offset` on; gives the number copied, 0 at or beyond the end. */
uint8_t dictionary_read(uint8_t *out, uint32_t offset, uint8_t count);
#endif
