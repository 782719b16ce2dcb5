/* Port contract: tables that stay in flash.
 *
 * The port's port.h defines FLASH, the qualifier of data in program memory: `const FLASH struct entry TABLE[]`, read through
 * `const FLASH` pointers. It is `__flash` on AVR and nothing where flash is in the address space of data.
 */
#ifndef HAL_FLASH_H
#define HAL_FLASH_H
#include "port.h"
#endif
