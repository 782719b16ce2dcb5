/* Reading and writing memory and registers, for debugging and for values that a chip keeps at known addresses. */
#include "core/declare.h"

RESPONSE(debug_result, "val=%u");

enum { BYTE, HALF, WORD }; /* the order */

COMMAND_ALWAYS(debug_read, "order=%c addr=%u")
{
    uintptr_t address = (uintptr_t)args[1];
    uint32_t value;
    if ((uint8_t)args[0] == BYTE)
        value = *(const volatile uint8_t *)address;
    else if ((uint8_t)args[0] == HALF)
        value = *(const volatile uint16_t *)address;
    else
        value = *(const volatile uint32_t *)address;
    send_debug_result(value);
}

COMMAND_ALWAYS(debug_write, "order=%c addr=%u val=%u")
{
    uintptr_t address = (uintptr_t)args[1];
    if ((uint8_t)args[0] == BYTE)
        *(volatile uint8_t *)address = (uint8_t)args[2];
    else if ((uint8_t)args[0] == HALF)
        *(volatile uint16_t *)address = (uint16_t)args[2];
    else
        *(volatile uint32_t *)address = args[2];
}
