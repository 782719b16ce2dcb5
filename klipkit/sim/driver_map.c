/* The registers of simulated drivers: what they are after a reset, which can be read, and those that are made when they are read.
 *
 * Data sheets, chapter "Register Map": TMC2209 Rev. 1.09 section 5, TMC2208 (TMC220x) Rev. 1.09 section 5, TMC2130 Rev. 1.11 section 6,
 * TMC5160 Rev. 1.17 section 6, TMC2240 Rev. 3, TMC2660 Rev. 1.07 section 6.
 */
#include "klipkit/sim/inner/driver.h"

#include "klipkit/sim/inner/world.h"

enum {
    GCONF = 0x00, GSTAT = 0x01, IFCNT = 0x02, TSTEP = 0x12, SG4_RESULT = 0x41, ADC_TEMP = 0x51, SG4_OF_2240 = 0x75, MSCNT = 0x6a,
    MSCURACT = 0x6b, CHOPCONF = 0x6c, DRV_STATUS = 0x6f,
    IHOLD_IRUN = 0x10, END = 0xff,
    DRVCTRL = 0, CHOPCONF_2660 = 4, SMARTEN = 5, SGCSCONF = 6, DRVCONF = 7, /* of TMC2660 */
    GSTAT_RESET = 1, GSTAT_ERROR = 2, GSTAT_UNDERVOLTED = 4,
};

static const uint32_t RESETS_2208[][2] = {{GCONF, 0x41}, {0x05, 0x0f}, {0x07, 0x0f}, {IHOLD_IRUN, 0x00071703}, {0x11, 20},
                                          {CHOPCONF, 0x10000053}, {0x70, 0xc10d0024}, {END, 0}};
static const uint32_t RESETS_2209[][2] = {{GCONF, 0x41}, {0x05, 0x0f}, {0x07, 0x0f}, {IHOLD_IRUN, 0x00071703}, {0x11, 20},
                                          {CHOPCONF, 0x10000053}, {0x70, 0xc10d0024}, {END, 0}};
static const uint32_t RESETS_2130[][2] = {{0x60, 0xaaaab554}, {0x61, 0x4a9554aa}, {0x62, 0x24492929}, {0x63, 0x10104222},
                                          {0x64, 0xfbffffff}, {0x65, 0xb5bb777d}, {0x66, 0x49295556}, {0x67, 0x00404222},
                                          {0x68, 0xffff8056}, {0x69, 0x00f70000}, {0x70, 0x00050480}, {END, 0}};
static const uint32_t RESETS_5160[][2] = {{0x07, 0x0e}, {0x08, 0x0e}, {0x60, 0xaaaab554}, {0x61, 0x4a9554aa}, {0x62, 0x24492929},
                                          {0x63, 0x10104222}, {0x64, 0xfbffffff}, {0x65, 0xb5bb777d}, {0x66, 0x49295556},
                                          {0x67, 0x00404222}, {0x68, 0xffff8056}, {0x69, 0x00f70000}, {0x70, 0xc40c001e}, {END, 0}};
static const uint32_t RESETS_2240[][2] = {{GCONF, 0x2108}, {0x0a, 0x20}, {IHOLD_IRUN, 0x04060a03}, {0x11, 10}, {0x52, 0x0b920f25},
                                          {0x60, 0xaaaab554}, {0x61, 0x4a9554aa}, {0x62, 0x24492929}, {0x63, 0x10104222},
                                          {0x64, 0xfbffffff}, {0x65, 0xb5bb777d}, {0x66, 0x49295556}, {0x67, 0x00404222},
                                          {0x68, 0xffff8056}, {0x69, 0x00f70000}, {CHOPCONF, 0x10410153}, {0x70, 0xc44c001e},
                                          {0x74, 0x200}, {END, 0}};
static const uint32_t RESETS_2660[][2] = {{END, 0}};

static const uint8_t READABLE_2208[] = {GCONF, GSTAT, IFCNT, 0x05, 0x06, 0x07, TSTEP, MSCNT, MSCURACT, CHOPCONF, DRV_STATUS, 0x70, 0x71,
                                        0x72, END};
static const uint8_t READABLE_2209[] = {GCONF, GSTAT, IFCNT, 0x05, 0x06, 0x07, TSTEP, SG4_RESULT, MSCNT, MSCURACT, CHOPCONF, DRV_STATUS,
                                        0x70, 0x71, 0x72, END};
static const uint8_t READABLE_2130[] = {GCONF, GSTAT, 0x04, TSTEP, MSCNT, MSCURACT, CHOPCONF, DRV_STATUS, 0x71, 0x73, END};
static const uint8_t READABLE_5160[] = {GCONF, GSTAT, IFCNT, 0x04, 0x07, 0x08, 0x0c, TSTEP, MSCNT, MSCURACT, CHOPCONF, DRV_STATUS, 0x71,
                                        0x72, 0x73, END};
static const uint8_t READABLE_2240[] = {GCONF, GSTAT, IFCNT, 0x03, 0x04, 0x0a, 0x0b, IHOLD_IRUN, 0x11, TSTEP, 0x13, 0x14, 0x15, 0x50,
                                        ADC_TEMP, 0x52, 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, MSCNT, MSCURACT,
                                        CHOPCONF, 0x6d, DRV_STATUS, 0x70, 0x71, 0x72, 0x74, SG4_OF_2240, 0x76, END};
static const uint8_t READABLE_2660[] = {END};

static const struct driver_kind KINDS[] = {
    [COSIM_TMC2130] = {.version = 0x11, .version_at = 0x04, .clock = 13.2e6, .resets = RESETS_2130, .readable = READABLE_2130,
                       .stealth_bit = 2, .stealth_when = 1, .shaft_bit = 4, .clears_by_reading = 1, .has_sg2 = 1, .is_new_status = 1},
    [COSIM_TMC2208] = {.version = 0x20, .version_at = 0x06, .clock = 12e6, .resets = RESETS_2208, .readable = READABLE_2208,
                       .stealth_bit = 2, .stealth_when = 0, .shaft_bit = 3, .is_fragile = 1},
    [COSIM_TMC2209] = {.version = 0x21, .version_at = 0x06, .clock = 12e6, .resets = RESETS_2209, .readable = READABLE_2209,
                       .stealth_bit = 2, .stealth_when = 0, .shaft_bit = 3, .has_sg4 = 1},
    [COSIM_TMC2240] = {.version = 0x40, .version_at = 0x04, .clock = 12.5e6, .resets = RESETS_2240, .readable = READABLE_2240,
                       .stealth_bit = 2, .stealth_when = 1, .shaft_bit = 4, .has_sg2 = 1, .has_sg4 = 1, .is_new_status = 1,
                       .has_b_first = 1},
    [COSIM_TMC2660] = {.clock = 15e6, .resets = RESETS_2660, .readable = READABLE_2660, .has_sg2 = 1, .is_short = 1},
    [COSIM_TMC5160] = {.version = 0x30, .version_at = 0x04, .clock = 12e6, .resets = RESETS_5160, .readable = READABLE_5160,
                       .stealth_bit = 2, .stealth_when = 1, .shaft_bit = 4, .has_sg2 = 1, .is_new_status = 1},
};

const struct driver_kind *driver_kind_of(int chip)
{
    return chip >= 0 && (size_t)chip < sizeof KINDS / sizeof KINDS[0] ? &KINDS[chip] : NULL;
}

uint32_t driver_bits(const struct driver *driver, uint32_t address, uint32_t shift, uint32_t count)
{
    return driver->registers[address] >> shift & ((1u << count) - 1);
}

void driver_reset(struct driver *driver)
{
    for (size_t i = 0; i < DRIVER_REGISTERS; i++)
        driver->registers[i] = 0;
    for (size_t i = 0; driver->kind->resets[i][0] != END; i++)
        driver->registers[driver->kind->resets[i][0]] = driver->kind->resets[i][1];
    driver->gstat = GSTAT_RESET;
    driver->ifcnt = driver->mscnt = driver->asked = driver->travel = driver->blocked = 0;
    driver->is_shorted = 0;
}

/* --- what a step needs --- */

uint32_t driver_width(const struct driver *driver)
{
    uint32_t mres = driver->kind->is_short ? driver_bits(driver, DRVCTRL, 0, 4) : driver_bits(driver, CHOPCONF, 24, 4);
    return 1u << (mres < 8 ? mres : 8);
}

int driver_takes_both_edges(const struct driver *driver)
{
    return (int)(driver->kind->is_short ? driver_bits(driver, DRVCTRL, 8, 1) : driver_bits(driver, CHOPCONF, 29, 1));
}

uint32_t driver_off_time(const struct driver *driver)
{
    return driver_bits(driver, driver->kind->is_short ? CHOPCONF_2660 : CHOPCONF, 0, 4);
}

/* --- reads --- */

/* Shorts to ground of coil A are what a short is; its bits, and those of the temperature, in the order of the chip. */
static uint32_t errors_of(const struct driver *driver, uint32_t warm, uint32_t hot, uint32_t shorted)
{
    return (driver->is_warm || driver->is_overheated ? warm : 0) | (driver->is_overheated ? hot : 0) |
           (driver->is_shorted ? shorted : 0);
}

static int stands_still(const struct driver *driver)
{
    return driver_tstep(driver) == 0xfffff;
}

/* The current scale: that for standstill once it stands still. */
static uint32_t actual_scale(const struct driver *driver)
{
    return driver_bits(driver, IHOLD_IRUN, stands_still(driver) ? 0 : 8, 5);
}

static uint32_t read_status(const struct driver *driver)
{
    uint32_t scale = actual_scale(driver) << 16, still = (uint32_t)stands_still(driver) << 31;
    uint32_t silent = (uint32_t)driver_is_silent(driver);
    if (!driver->kind->is_new_status)
        return errors_of(driver, 1u << 0, 1u << 1, 1u << 2) | scale | silent << 30 | still;
    uint32_t stall = driver_stall_value(driver);
    uint32_t value = driver->kind->has_sg2 && !silent ? stall | (uint32_t)(stall == 0 && !still) << 24 : 0;
    return errors_of(driver, 1u << 26, 1u << 25, 1u << 27) | scale | silent << 14 | still | value;
}

/* The quarter waves of the default table are sines of 247 (MSLUTSTART: START_SIN90); a triangle is near enough for a pure indication. */
static uint32_t wave(uint32_t place)
{
    uint32_t quarter = place % 512 < 256 ? place % 256 : 255 - place % 256;
    uint32_t height = quarter * 247 / 255;
    return (place % 1024 < 512 ? height : -height) & 0x1ff;
}

static uint32_t read_gstat(struct driver *driver)
{
    uint32_t error = driver->is_overheated || driver->is_shorted ? GSTAT_ERROR : 0;
    uint32_t value = driver->gstat | error | (driver->is_undervolted ? GSTAT_UNDERVOLTED : 0);
    if (driver->kind->clears_by_reading)
        driver->gstat = 0;
    return value;
}

static uint32_t read_inputs(const struct driver *driver)
{
    int off = driver->enable && driver->enable->level != driver->enable_level;
    return (uint32_t)driver->kind->version << 24 | (uint32_t)off << (driver->kind->is_new_status ? 4 : 0);
}

static int is_readable(const struct driver *driver, uint32_t address)
{
    const uint8_t *readable = driver->kind->readable;
    while (*readable != END && *readable != address)
        readable++;
    return *readable != END;
}

/* TMC2240, ADC_TEMP: 25 degrees C is 2038 + 25 * 7.7; warm is 120, overheated 165 degrees. */
static uint32_t read_temperature(const struct driver *driver)
{
    double degrees = driver->is_overheated ? 165.0 : driver->is_warm ? 120.0 : 30.0;
    return (uint32_t)(2038.0 + 7.7 * degrees);
}

static uint32_t read_made(struct driver *driver, uint32_t address)
{
    switch (address) {
    case GSTAT:
        return read_gstat(driver);
    case IFCNT:
        return driver->ifcnt;
    case TSTEP:
        return driver_tstep(driver);
    case MSCNT:
        return driver->mscnt;
    case MSCURACT:
        return driver->kind->has_b_first ? wave(driver->mscnt + 256) | wave(driver->mscnt) << 16
                                         : wave(driver->mscnt) | wave(driver->mscnt + 256) << 16;
    case DRV_STATUS:
        return read_status(driver);
    default:
        return driver->registers[address];
    }
}

uint32_t driver_read(struct driver *driver, uint32_t address)
{
    const struct driver_kind *kind = driver->kind;
    if (!is_readable(driver, address))
        return 0;
    if (address == kind->version_at)
        return read_inputs(driver);
    if (kind->has_sg4 && address == (kind->has_sg2 ? SG4_OF_2240 : SG4_RESULT))
        return driver->load;
    if (kind->has_sg4 && kind->has_sg2 && address == ADC_TEMP)
        return read_temperature(driver);
    return read_made(driver, address);
}

uint32_t driver_status_byte(const struct driver *driver)
{
    uint32_t error = driver->is_overheated || driver->is_shorted;
    return (driver->gstat & GSTAT_RESET) | error << 1 | (uint32_t)driver->is_signalling << 2 | (uint32_t)stands_still(driver) << 3;
}

/* Data sheet TMC2660, section 6.10: RDSEL chooses what stands in bits 19 .. 10. */
uint32_t driver_answer(struct driver *driver)
{
    uint32_t stall = driver_stall_value(driver), scale = driver_bits(driver, SGCSCONF, 0, 5);
    uint32_t values[4] = {driver->mscnt, stall, (stall >> 5) << 5 | scale, 0};
    uint32_t flags = (uint32_t)stands_still(driver) << 7 | errors_of(driver, 1u << 2, 1u << 1, 1u << 3);
    return values[driver_bits(driver, DRVCONF, 4, 2)] << 10 | flags | (uint32_t)(stall == 0 && !stands_still(driver));
}

/* --- writes --- */

/* What stays until it is switched off and on. */
static void forgive(struct driver *driver)
{
    if (!driver_off_time(driver))
        driver->is_shorted = 0;
}

void driver_write(struct driver *driver, uint32_t address, uint32_t value)
{
    if (address == GSTAT && !driver->kind->is_short) {
        driver->gstat &= ~value;
        if (value & GSTAT_UNDERVOLTED)
            driver->is_undervolted = 0;
    } else {
        driver->registers[address] = value;
    }
    forgive(driver);
    driver_changed(driver);
}
