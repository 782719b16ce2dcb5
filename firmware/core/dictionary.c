/* The data dictionary as made by the build: compressed, in flash. */
#include "core/declare.h"
#include "hal/dictionary.h"

uint8_t dictionary_read(uint8_t *out, uint32_t offset, uint8_t count)
{
    if (offset >= declared_dictionary_size)
        return 0;
    if (count > declared_dictionary_size - offset)
        count = (uint8_t)(declared_dictionary_size - offset);
    for (uint8_t i = 0; i < count; i++)
        out[i] = declared_dictionary[offset + i];
    return count;
}
