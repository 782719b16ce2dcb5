/* What firmware/dictionary.py sees in the place of core/declare.h: each declaration as DECLARED(word, ...). */
#ifndef CORE_DECLARE_H
#define CORE_DECLARE_H
#include <stdint.h>

#define COMMAND(name, format) DECLARED(command, name, format)
#define COMMAND_TO(kind, name, format) DECLARED(command_to, kind, name, format)
#define COMMAND_ALWAYS(name, format) DECLARED(command_always, name, format)
#define RESPONSE(name, format) DECLARED(response, name, format)
#define CONSTANT(name, value) DECLARED(constant, name, value)
#define ENUMERATION(table, name, value) DECLARED(enumeration, table, name, value)
#define ENUMERATION_RANGE(table, name, first, count) DECLARED(range, table, name, first, count)
#define STARTUP(name) DECLARED(startup, name)
#define STARTUP_ZERO(name) DECLARED(startup_zero, name)
#define TASK(name) DECLARED(task, name)
#define ON_SHUTDOWN(name) DECLARED(on_shutdown, name)
#define shutdown(message) DECLARED(text, UNIT, __LINE__, message)
#endif
