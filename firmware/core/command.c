/* Messages: commands, see command.h. Responses are in response.c. */
#include "core/command.h"

#include <stddef.h>
#include <string.h>

#include "core/declare.h"
#include "core/frame.h"
#include "core/oid.h"
#include "core/sched.h"

RESPONSE(is_shutdown, "static_string_id=%hu");

static const uint8_t *place, *end; /* the payload that is not parsed yet */

static uint8_t next_byte(void)
{
    if (place == end)
        shutdown("Command parser error");
    return *place++;
}

static uint16_t read_number(void)
{
    uint16_t number = 0;
    uint8_t byte;
    do {
        byte = next_byte();
        number = (uint16_t)(number << 7) | (byte & 0x7f);
    } while (byte & 0x80);
    return number;
}

/* The number at `*from`, which moves behind it. */
static uint32_t read_value(const uint8_t **from)
{
    const uint8_t *at = *from;
    if (at == end)
        shutdown("Command parser error");
    uint8_t byte = *at++;
    uint32_t value = byte & 0x7f;
    if ((byte & 0x60) == 0x60)
        value |= ~(uint32_t)0x7f; /* negative */
    while (byte & 0x80) {
        if (at == end)
            shutdown("Command parser error");
        byte = *at++;
        /* value << 7: chips of 8 bits move bytes faster than bits */
        value = value >> 1 << 8 | (uint8_t)((uint8_t)value << 7) | (byte & 0x7f);
    }
    *from = at;
    return value;
}

/* Not inlined: the registers that it takes are those of all other parameters. */
static __attribute__((noinline)) uint32_t *read_bytes(uint32_t *args)
{
    uint8_t count = next_byte();
    if (count > end - place)
        shutdown("Command parser error");
    *args++ = count;
    *args++ = (uint32_t)(place - frame_payload());
    place += count;
    return args;
}

static void read_values(uint32_t *args, uint8_t values, uint8_t bytes_at)
{
    for (uint8_t i = 0; i < values; i++) {
        if (i == bytes_at)
            args = read_bytes(args);
        else
            *args++ = read_value(&place);
    }
}

/* Out of the way of what runs all the time. */
static __attribute__((noinline)) void refuse(void)
{
    send_is_shutdown(sched_shutdown_text());
}

static void run_one(void)
{
    static uint32_t args[COMMAND_VALUES_MOST]; /* a slow chip reaches them more cheaply than on the stack */
    uint16_t number = read_number();
    if (number >= declared_command_count || !declared_commands[number].run)
        shutdown("Invalid command");
    const FLASH struct command_row *row = &declared_commands[number];
    read_values(args, row->values, row->bytes_at);
    if (number >= declared_always_count && sched_is_shutdown())
        refuse();
    else
        row->run(args, row->kind ? oid_find((uint8_t)args[0], row->kind) : NULL);
}

void command_run(const uint8_t *payload, uint8_t count)
{
    place = payload;
    end = payload + count;
    while (place != end)
        run_one();
}

const uint8_t *command_bytes(uint32_t offset)
{
    return frame_payload() + offset;
}
