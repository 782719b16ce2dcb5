/* The SPI of stepper drivers: shift registers of 40 bits (TMC2660: 20), one behind the other on one chip select.
 *
 *     select falls: each register takes what is to be answered       select rises: each takes what has come to be its last bits
 *     MOSI --> 39 <-- ... <-- 0 --> (the highest bit leaves first) --> the next driver's register --> ... --> MISO
 *
 * Data sheets: TMC2130 section 4 (the answer is that of the datagram before), TMC2660 section 6.10. SPI mode 3: bits are taken when the
 * clock rises, and change when it falls; what is shifted is the same in the other modes.
 */
#include "klipkit/sim/inner/driver.h"

#include <errno.h>
#include <stdlib.h>

#include "klipkit/sim/inner/world.h"

enum { LONG_BITS = 40, SHORT_BITS = 20, WRITE = 0x80, DATAGRAM_BITS = 20 };

static uint32_t width_of(const struct driver *driver)
{
    return driver->kind->is_short ? SHORT_BITS : LONG_BITS;
}

/* --- datagrams --- */

static void load(struct driver *driver)
{
    driver->received = driver->kind->is_short ? driver_answer(driver)
                                              : (uint64_t)driver_status_byte(driver) << 32 | driver->sent;
}

/* The register that 20 bits are for, and which of them are its value. */
static void take_short(struct driver *driver)
{
    uint32_t bits = (uint32_t)driver->received & ((1u << SHORT_BITS) - 1), address = bits >> 17;
    driver_write(driver, address < 4 ? 0 : address, bits & (address < 4 ? 0x3ffff : 0x1ffff));
    driver->datagrams++;
}

static void take(struct driver *driver)
{
    uint32_t head = (uint32_t)(driver->received >> 32) & 0xff, value = (uint32_t)driver->received;
    if (driver->kind->is_short) {
        take_short(driver);
        return;
    }
    if (head & WRITE) {
        driver_write(driver, head & 0x7f, value);
        driver->sent = value;
    } else {
        driver->sent = driver_read(driver, head);
    }
    driver->datagrams++;
}

/* --- bits --- */

/* One bit in at the first driver, and out of the last. */
static int shift(struct driver_chain *chain, int bit)
{
    for (size_t i = 0; i < chain->count; i++) {
        struct driver *driver = chain->drivers[i];
        uint32_t width = width_of(driver);
        int out = (int)(driver->received >> (width - 1) & 1);
        driver->received = (driver->received << 1 | (uint32_t)bit) & (((uint64_t)1 << width) - 1);
        bit = driver->is_unpowered ? 0 : out;
    }
    return bit;
}

static void show(const struct driver_chain *chain)
{
    const struct driver *last = chain->drivers[chain->count - 1];
    if (chain->miso.is_there)
        cosim_drive(chain->cosim, chain->miso.mcu, chain->miso.pin,
                    last->is_unpowered ? -1 : (int)(last->received >> (width_of(last) - 1) & 1));
}

static void see_select(struct follower *self, const struct pin *pin)
{
    struct driver_chain *chain = (struct driver_chain *)(void *)self;
    int selected = pin->mode == SIM_PIN_OUTPUT && !pin->level;
    if (selected == chain->is_selected)
        return;
    chain->is_selected = selected;
    for (size_t i = 0; i < chain->count; i++) {
        if (chain->drivers[i]->is_unpowered)
            continue;
        if (selected)
            load(chain->drivers[i]);
        else
            take(chain->drivers[i]);
    }
    if (selected)
        show(chain);
    else if (chain->miso.is_there)
        cosim_drive(chain->cosim, chain->miso.mcu, chain->miso.pin, -1);
}

static void see_clock(struct follower *self, const struct pin *pin)
{
    struct driver_chain *chain = (struct driver_chain *)(void *)((char *)self - offsetof(struct driver_chain, clock));
    int was = chain->clock_level;
    chain->clock_level = pin->level;
    if (!chain->is_selected || pin->level == was)
        return;
    if (pin->level)
        shift(chain, chain->mosi->level);
    else
        show(chain);
}

/* A bus of the chip: bytes go through all that are selected on it; two at once is a fault of the host, and their answers collide. */
static void exchange(void *owner, uint32_t bus, uint8_t *bytes, size_t count)
{
    struct mcu *mcu = owner;
    const struct list *chains = &mcu->cosim->models.chains;
    for (size_t at = 0; at < count; at++) {
        uint32_t in = 0;
        for (size_t i = 0; i < chains->count; i++) {
            struct driver_chain *chain = chains->items[i];
            if (chain->mcu != mcu || chain->bus != bus || !chain->is_selected || chain->miso.is_there)
                continue;
            for (int bit = 7; bit >= 0; bit--)
                in |= (uint32_t)shift(chain, bytes[at] >> bit & 1) << bit;
        }
        bytes[at] = (uint8_t)in;
    }
}

/* --- calls --- */

static struct driver_chain *find(const struct cosim *cosim, const struct mcu *mcu, uint32_t select)
{
    for (size_t i = 0; i < cosim->models.chains.count; i++) {
        struct driver_chain *chain = cosim->models.chains.items[i];
        if (chain->mcu == mcu && chain->select_number == select)
            return chain;
    }
    return NULL;
}

static struct driver_chain *add(struct cosim *cosim, struct mcu *mcu, uint32_t select)
{
    struct driver_chain *chain = models_add(&cosim->models.chains, sizeof *chain);
    if (!chain)
        return NULL;
    *chain = (struct driver_chain){.select = {.see = see_select}, .clock = {.see = see_clock}, .cosim = cosim, .mcu = mcu,
                                   .select_pin = &mcu->pins[select], .select_number = select};
    models_follow(&mcu->pins[select], &chain->select);
    return chain;
}

static int join(struct driver_chain *chain, struct driver *driver)
{
    struct driver **drivers = realloc(chain->drivers, (chain->count + 1) * sizeof(struct driver *));
    if (!drivers)
        return -ENOMEM;
    chain->drivers = drivers;
    drivers[chain->count++] = driver;
    driver->chain = chain;
    return 0;
}

/* The chain of a chip select, with one more driver; NULL: wrong, or no memory. `is_new`: it is to be given its bus. */
static struct driver_chain *extended(struct cosim *cosim, int driver, int mcu, uint32_t select, int *is_new)
{
    struct driver *of = driver_at(cosim, driver);
    struct mcu *on = pins_owner(cosim, mcu, select);
    if (!of || !on || of->chain || of->uart.driver)
        return NULL;
    struct driver_chain *chain = find(cosim, on, select);
    *is_new = !chain;
    if (!chain)
        chain = add(cosim, on, select);
    return chain && !join(chain, of) ? chain : NULL;
}

int cosim_driver_spi(struct cosim *cosim, int driver, int mcu, uint32_t select, uint32_t bus)
{
    int is_new;
    struct driver_chain *chain = extended(cosim, driver, mcu, select, &is_new);
    if (!chain)
        return -EINVAL;
    if (is_new)
        chain->bus = bus;
    struct cosim_buses buses = chain->mcu->buses;
    buses.owner = chain->mcu;
    buses.spi = exchange;
    return cosim_connect_buses(cosim, mcu, &buses);
}

int cosim_driver_spi_pins(struct cosim *cosim, int driver, int mcu, uint32_t select, uint32_t clock, uint32_t mosi, uint32_t miso)
{
    int is_new;
    if (!pins_owner(cosim, mcu, clock) || !pins_owner(cosim, mcu, mosi) || !pins_owner(cosim, mcu, miso))
        return -EINVAL;
    struct driver_chain *chain = extended(cosim, driver, mcu, select, &is_new);
    if (!chain)
        return -EINVAL;
    if (is_new) {
        chain->mosi = &chain->mcu->pins[mosi];
        chain->miso = (struct driver_pin){.is_there = 1, .mcu = mcu, .pin = miso};
        chain->clock_level = chain->mcu->pins[clock].level;
        models_follow(&chain->mcu->pins[clock], &chain->clock);
    }
    return 0;
}

void driver_spi_free(struct driver_chain *chain)
{
    free(chain->drivers);
}
