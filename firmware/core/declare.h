/* The words that declare what goes into the data dictionary, beside the code that does it.
 *
 * firmware/dictionary.py reads them from the preprocessed sources (there, reading/core/declare.h takes the place of this file)
 * and writes declared.h and declared.c: dispatch table, message ids, one send function for each response, text numbers.
 *
 *     COMMAND(get_clock, "") { send_clock(clock_read()); }
 *     RESPONSE(clock, "clock=%u");
 *
 * A command gets its parameters in order as 32-bit values; "%*s" gives two: the number of bytes, and where they stand, for
 * command_bytes(). Handlers run with interrupts enabled.
 */
#ifndef CORE_DECLARE_H
#define CORE_DECLARE_H
#include <stdint.h>

#include "declared.h"

/* A command of the host, refused while shut down. */
#define COMMAND(name, format) \
    void command_##name(const uint32_t *args, void *object __attribute__((unused)))
/* The same, to an object: its first parameter is the oid of one of the kind oid_kind_<kind>, which the handler gets as `object`. */
#define COMMAND_TO(kind, name, format) \
    void command_##name(const uint32_t *args __attribute__((unused)), void *object)
/* A command that is executed while shut down as well. */
#define COMMAND_ALWAYS(name, format) COMMAND(name, format)
/* A message to the host: send_<name>(...), one argument for each parameter (bytes: count, pointer). */
#define RESPONSE(name, format) _Static_assert(1, #name)
/* Members of the dictionary's config and enumerations objects; values are literals. */
#define CONSTANT(name, value) _Static_assert(1, #name)
#define ENUMERATION(table, name, value) _Static_assert(1, name)
#define ENUMERATION_RANGE(table, name, first, count) _Static_assert(1, name)

/* Runs at start, with interrupts disabled: sets the file's static data to its initial state. */
#define STARTUP(name) void startup_##name(void)
/* The same, when that state is zero all over: not called on a chip, where a start finds it so. */
#define STARTUP_ZERO(name) void startup_##name(void)
/* Runs in each pass of the main loop. */
#define TASK(name) void task_##name(void)
/* Runs on each shutdown, with interrupts disabled, before the host is told. */
#define ON_SHUTDOWN(name) void on_shutdown_##name(void)

/* Stop everything for `text`, which the host shows; does not return. UNIT is the file's name, given by the build. */
#define shutdown(text) sched_shutdown(DECLARE_TEXT(UNIT, __LINE__))
#define DECLARE_TEXT(unit, line) DECLARE_JOIN(unit, line)
#define DECLARE_JOIN(unit, line) TEXT_##unit##_##line

_Noreturn void sched_shutdown(uint8_t text);
#endif
