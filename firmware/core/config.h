/* The configuration's state: open until finalize_config. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H
#include <stdbool.h>

bool config_is_final(void);
#endif
