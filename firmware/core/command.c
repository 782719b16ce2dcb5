/* Messages: commands, see command.h. Responses are in response.c. */
#include "core/command.h"

#include <stddef.h>
#include <string.h>

#include "core/declare.h"
#include "core/frame.h"
#include "core/oid.h"
#include "core/sched.h"
#include "core/values.h"

RESPONSE(is_shutdown, "static_string_id=%hu");

/* A number of a command at `*from`, which moves behind it. */
static uint16_t read_number(const uint8_t **from)
{
    const uint8_t *at = *from;
    uint8_t byte = *at++;
    uint16_t number = byte & 0x7f;
    while (byte & 0x80) {
        byte = *at++;
        number = (uint16_t)(number << 7) | (byte & 0x7f);
    }
    *from = at;
    return number;
}

/* The values of a command with bytes among them: `row->bytes_at` values, the bytes' count and place, the other values. */
static const uint8_t *read_with_bytes(const uint8_t *at, const uint8_t *end, uint32_t *args, const FLASH struct command_row *row)
{
    uint8_t before = row->bytes_at;
    at = values_read(at, args, before);
    if (at >= end || *at > end - at - 1)
        return NULL;
    args[before] = *at;
    args[before + 1] = (uint32_t)(at + 1 - frame_payload());
    return values_read(at + 1 + *at, args + before + 2, row->values - before - 1);
}

/* Out of the way of what runs all the time. */
static __attribute__((noinline)) void refuse(void)
{
    send_is_shutdown(sched_shutdown_text());
}

/* Execute the command at `at`; gives the place behind it. What is read beyond `end` is there, but is not the command's. */
static const uint8_t *run_one(const uint8_t *at, const uint8_t *end)
{
    static uint32_t args[COMMAND_VALUES_MOST]; /* a slow chip reaches them more cheaply than on the stack */
    uint16_t number = read_number(&at);
    if (number >= declared_command_count || at > end)
        shutdown("Invalid command");
    const FLASH struct command_row *row = &declared_commands[number];
    void (*run)(const uint32_t *, void *) = row->run;
    if (!run)
        shutdown("Invalid command");
    if (row->bytes_at == COMMAND_NO_BYTES)
        at = values_read(at, args, row->values);
    else
        at = read_with_bytes(at, end, args, row);
    if (!at || at > end)
        shutdown("Command parser error");
    if (number >= declared_always_count && sched_is_shutdown())
        refuse();
    else
        run(args, row->kind ? oid_find((uint8_t)args[0], row->kind) : NULL);
    return at;
}

void command_run(const uint8_t *payload, uint8_t count)
{
    const uint8_t *end = payload + count;
    while (payload != end)
        payload = run_one(payload, end);
}

const uint8_t *command_bytes(uint32_t offset)
{
    return frame_payload() + offset;
}
