/* SPI devices: selection, transfers for the host, and what is sent to a chip at shutdown. The buses are in spi_bus.c, spi_pins.c. */
#include "modules/spi.h"

#include <stddef.h>
#include <string.h>

#include "core/command.h"
#include "core/config.h"
#include "core/declare.h"
#include "core/frame.h"
#include "core/oid.h"
#include "hal/irq.h"
#include "hal/memory.h"

RESPONSE(spi_transfer_response, "oid=%c response=%*s");

/* Bytes for a chip at shutdown. */
struct farewell {
    struct farewell *next; /* of all there are */
    struct spi_device *device;
    uint8_t count;
    uint8_t bytes[];
};

static struct farewell *farewells;

STARTUP_ZERO(spi)
{
    farewells = NULL;
}

/* --- devices --- */

static void select(const struct spi_device *device, bool selected)
{
    if (device->has_select)
        gpio_out_write(device->select, selected == device->active_high);
}

/* An exchange may have been abandoned half way. Interrupts disabled. */
static void deselect(void *object)
{
    select(object, false);
}

const struct oid_kind oid_kind_spi_device = {deselect};
static const struct oid_kind FAREWELL = {NULL};

struct spi_device *spi_find(uint8_t oid)
{
    return oid_find(oid, &oid_kind_spi_device);
}

void spi_set_way(struct spi_device *device, const struct spi_way *way, const void *bus, uint16_t size)
{
    if (device->way || config_is_final())
        shutdown("Invalid spi config");
    device->bus = memory_take(size);
    if (!device->bus)
        shutdown("alloc_chunk failed");
    memcpy(device->bus, bus, size);
    device->way = way;
}

static void transfer(struct spi_device *device, uint8_t *bytes, uint8_t count)
{
    device->way->prepare(device);
    select(device, true);
    device->way->exchange(device, bytes, count);
    select(device, false);
}

void spi_transfer(struct spi_device *device, uint8_t *bytes, uint8_t count)
{
    if (!device->way)
        shutdown("Invalid spi config");
    transfer(device, bytes, count);
}

/* --- commands --- */

COMMAND(config_spi, "oid=%c pin=%u cs_active_high=%c")
{
    bool active_high = (uint8_t)args[2] != 0;
    struct gpio_out pin = gpio_out_setup(args[1], !active_high);
    struct spi_device *device = oid_new(args[0], &oid_kind_spi_device, sizeof *device);
    device->select = pin;
    device->active_high = active_high;
    device->has_select = true;
}

COMMAND(config_spi_without_cs, "oid=%c")
{
    oid_new(args[0], &oid_kind_spi_device, sizeof(struct spi_device));
}

COMMAND_TO(spi_device, spi_transfer, "oid=%c data=%*s")
{
    uint8_t bytes[FRAME_PAYLOAD_MOST], count = (uint8_t)args[1];
    memcpy(bytes, command_bytes(args[2]), count);
    spi_transfer(object, bytes, count);
    send_spi_transfer_response((uint8_t)args[0], count, bytes);
}

COMMAND_TO(spi_device, spi_send, "oid=%c data=%*s")
{
    uint8_t bytes[FRAME_PAYLOAD_MOST], count = (uint8_t)args[1];
    memcpy(bytes, command_bytes(args[2]), count);
    spi_transfer(object, bytes, count);
}

/* --- shutdown --- */

COMMAND(config_spi_shutdown, "oid=%c spi_oid=%c shutdown_msg=%*s")
{
    struct spi_device *device = spi_find(args[1]);
    uint8_t count = (uint8_t)args[2];
    struct farewell *farewell = oid_new(args[0], &FAREWELL, sizeof *farewell + count);
    farewell->device = device;
    farewell->count = count;
    memcpy(farewell->bytes, command_bytes(args[3]), count);
    irq_disable();
    farewell->next = farewells;
    farewells = farewell;
    irq_enable();
}

/* Comes after the objects were stopped (modules come after core/oid.c): no chip is selected any more. */
ON_SHUTDOWN(spi)
{
    for (const struct farewell *farewell = farewells; farewell; farewell = farewell->next) {
        uint8_t bytes[FRAME_PAYLOAD_MOST];
        memcpy(bytes, farewell->bytes, farewell->count);
        if (farewell->device->way)
            transfer(farewell->device, bytes, farewell->count);
    }
}
