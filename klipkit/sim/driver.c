/* A stepper driver: counts the steps of its pins, moves its carriage while its power stage is on, and notices when that does not move.
 *
 *     MSCNT counts up while DIR is low and down while it is high (the other way with `shaft`), by 256 / microsteps, and stands in the
 *     middle of each microstep: 8, 24, 40 ... with 16.
 *
 *     A motor that an end holds back stays behind its field, by half a cycle at most (motor.c): so the body is where the field is, but
 *     for whole cycles.
 *
 *     SG_RESULT is made anew at each full step: FREE while the motor turns, 0 when an end was in its way for half of it.
 *     stallGuard4 (TMC2209 data sheet, section 11): DIAG while SG_RESULT <= 2 SGTHRS, in stealthChop
 *     stallGuard2 (TMC2130 data sheet, section 14): the sensitivity SGT is added to it, DIAG while that is 0, in spreadCycle
 *     both only for TSTEP <= TCOOLTHRS, which is never so at standstill for long
 */
#include "klipkit/sim/inner/driver.h"

#include <errno.h>
#include <math.h>

#include "klipkit/sim/inner/world.h"

enum {
    GCONF = 0x00, TPWMTHRS = 0x13, TCOOLTHRS = 0x14, SGTHRS = 0x40, COOLCONF = 0x6d, SG4_THRS = 0x74, SGCSCONF = 6, /* registers */
    FREE = 200, FREE_MOST = 1023, SG2_STALLED = -50, SG2_STEP = 10, /* of SG_RESULT: see above */
    CYCLE = 4,               /* full steps */
    CLOCKS_STILL = 1 << 20,  /* of the chip after which it stands still */
    DIAG0_STALL = 7, DIAG1_STALL = 8, DIAG0_PUSH_PULL = 12, DIAG1_PUSH_PULL = 13, DIAG0_ERROR = 5, /* bits of GCONF */
};

/* TMC2208 in stealthChop: a step back so soon after a step lets it shut down. */
static const double FRAGILE = 700e-6;

static uint64_t clocks(const struct driver *driver, uint64_t units)
{
    return (uint64_t)(ticks_seconds(units) * driver->kind->clock);
}

struct driver *driver_at(const struct cosim *cosim, int driver)
{
    return models_at(&cosim->models.drivers, driver);
}

int driver_is_driving(const struct driver *driver)
{
    int enabled = !driver->enable || (driver->enable->mode == SIM_PIN_OUTPUT && driver->enable->level == driver->enable_level);
    return enabled && driver_off_time(driver) && !driver->is_unpowered && !driver->is_overheated && !driver->is_shorted &&
           !driver->is_undervolted;
}

/* --- speed and mode --- */

/* Clocks of the chip for 1/256 full step; 2^20 - 1 at standstill. */
uint32_t driver_tstep(const struct driver *driver)
{
    uint64_t since = driver->cosim->now - driver->stepped;
    if (!driver->has_stepped || clocks(driver, since) >= CLOCKS_STILL)
        return CLOCKS_STILL - 1;
    uint64_t interval = driver->interval > since ? driver->interval : since;
    uint64_t each = clocks(driver, interval) / driver_width(driver);
    return each < CLOCKS_STILL - 1 ? (uint32_t)each : CLOCKS_STILL - 1;
}

static int stands_still(const struct driver *driver)
{
    return !driver->has_stepped || clocks(driver, driver->cosim->now - driver->stepped) >= CLOCKS_STILL;
}

int driver_is_silent(const struct driver *driver)
{
    const struct driver_kind *kind = driver->kind;
    if (kind->is_short || driver_bits(driver, GCONF, kind->stealth_bit, 1) != kind->stealth_when)
        return 0;
    return driver_tstep(driver) >= driver->registers[TPWMTHRS];
}

/* --- stalls --- */

/* SG_RESULT of stallGuard2, with the sensitivity; a stall when it is 0. */
uint32_t driver_stall_value(const struct driver *driver)
{
    uint32_t sgt = driver->kind->is_short ? driver_bits(driver, SGCSCONF, 8, 7) : driver_bits(driver, COOLCONF, 16, 7);
    int value = (driver->load ? (int)driver->load : SG2_STALLED) + SG2_STEP * (int)((sgt ^ 64) - 64);
    return value < 0 ? 0 : value > FREE_MOST ? FREE_MOST : (uint32_t)value;
}

static int is_stalled(const struct driver *driver)
{
    const struct driver_kind *kind = driver->kind;
    if (driver->is_unpowered || stands_still(driver))
        return 0;
    if (kind->is_short)
        return driver_stall_value(driver) == 0;
    if (driver_tstep(driver) > driver->registers[TCOOLTHRS])
        return 0;
    if (driver_is_silent(driver))
        return kind->has_sg4 && driver->load <= 2 * driver_bits(driver, kind->has_sg2 ? SG4_THRS : SGTHRS, 0, 8);
    return kind->has_sg2 && driver_stall_value(driver) == 0;
}

/* Whether a DIAG output is active: TMC2209 and TMC2660 have one, which tells of all. */
static int is_active(const struct driver *driver, int diag)
{
    int error = driver->is_overheated || driver->is_shorted || driver->is_undervolted;
    if (!driver->kind->is_new_status)
        return driver->is_signalling || (error && !driver->kind->is_short);
    int stall = driver->is_signalling && driver_bits(driver, GCONF, diag ? DIAG1_STALL : DIAG0_STALL, 1);
    return stall || (error && !diag && driver_bits(driver, GCONF, DIAG0_ERROR, 1));
}

/* Outputs are high when active, or of the newer chips, open collectors that pull low, unless set to push-pull. */
static int is_high_active(const struct driver *driver, int diag)
{
    return !driver->kind->is_new_status || (int)driver_bits(driver, GCONF, diag ? DIAG1_PUSH_PULL : DIAG0_PUSH_PULL, 1);
}

/* Whether an open collector on this pin is active: drivers may share one. */
static int is_pulled(const struct cosim *cosim, const struct driver_pin *pin)
{
    for (size_t i = 0; i < cosim->models.drivers.count; i++) {
        const struct driver *driver = cosim->models.drivers.items[i];
        for (int diag = 0; diag < DRIVER_DIAGS; diag++) {
            const struct driver_pin *to = &driver->diags[diag];
            int is_same = to->is_there && to->mcu == pin->mcu && to->pin == pin->pin;
            if (is_same && !driver->is_unpowered && !is_high_active(driver, diag) && is_active(driver, diag))
                return 1;
        }
    }
    return 0;
}

static void drive_diag(const struct driver *driver, int diag)
{
    const struct driver_pin *to = &driver->diags[diag];
    if (!to->is_there)
        return;
    if (driver->is_unpowered)
        cosim_drive(driver->cosim, to->mcu, to->pin, -1);
    else if (is_high_active(driver, diag))
        cosim_drive(driver->cosim, to->mcu, to->pin, is_active(driver, diag));
    else
        cosim_drive(driver->cosim, to->mcu, to->pin, !is_pulled(driver->cosim, to));
}

void driver_changed(struct driver *driver)
{
    int was = driver->is_signalling;
    driver->is_signalling = is_stalled(driver);
    driver->stalls += driver->is_signalling && !was;
    for (int diag = 0; diag < DRIVER_DIAGS; diag++)
        drive_diag(driver, diag);
}

static void rests(void *owner)
{
    driver_changed(owner);
}

/* --- steps --- */

/* The field goes by `width` 1/256 full steps: the carriage by the whole steps in that. */
static void move(struct driver *driver, int direction, uint32_t width)
{
    driver->rest += direction * (int64_t)width;
    driver->travel += width;
    int64_t unit = driver->unit;
    while (driver->rest >= unit || driver->rest <= -unit) {
        int sign = driver->rest > 0 ? 1 : -1;
        driver->rest -= sign * unit;
        if (!carriage_move(driver->carriage, sign))
            driver->blocked += driver->unit;
    }
}

/* A full step has been made. */
static void measure_load(struct driver *driver)
{
    driver->load = driver->travel && 2 * driver->blocked >= driver->travel ? 0 : FREE;
    driver->travel = driver->blocked = 0;
    driver_changed(driver);
}

/* Whether that makes a full step. */
static int count(struct driver *driver, int direction, uint32_t width)
{
    uint32_t place = driver->mscnt / width + (direction > 0 ? 1 : 1024 / width - 1), was = driver->mscnt;
    driver->mscnt = (place * width + width / 2) % 1024;
    return driver->mscnt / DRIVER_FINEST != was / DRIVER_FINEST;
}

static void take_time(struct driver *driver)
{
    uint64_t now = driver->cosim->now;
    driver->interval = driver->has_stepped ? now - driver->stepped : UINT64_MAX / 2;
    driver->stepped = now;
    driver->has_stepped = 1;
    events_set(&driver->cosim->events, &driver->rests, now + ticks_units((CLOCKS_STILL + 1) / driver->kind->clock));
}

void driver_step(struct driver *driver, int level)
{
    if (driver->is_unpowered || (!level && !driver_takes_both_edges(driver)))
        return;
    const struct carriage *carriage = driver->carriage;
    int shaft = driver->kind->shaft_bit ? (int)driver_bits(driver, GCONF, driver->kind->shaft_bit, 1) : 0;
    int up = !carriage->dir_pin->level ^ shaft;
    uint32_t width = driver_width(driver);
    int turned = driver->direction && driver->direction != (up ? 1 : -1);
    take_time(driver);
    driver->direction = up ? 1 : -1;
    int is_full = count(driver, driver->direction, width);
    if (turned && driver->kind->is_fragile && driver_is_silent(driver) && driver->interval < ticks_units(FRAGILE)) {
        driver->is_shorted = 1;
        driver_changed(driver);
    }
    if (driver_is_driving(driver))
        move(driver, up ^ carriage->dir_inverted ? -1 : 1, width);
    else
        driver->unmoved++;
    if (is_full)
        measure_load(driver);
}

/* --- calls --- */

/* Switching it off forgets a short. */
static void see_enable(struct follower *self, const struct pin *pin)
{
    struct driver *driver = (struct driver *)(void *)((char *)self - offsetof(struct driver, enabled));
    if (pin->level != driver->enable_level && driver->is_shorted) {
        driver->is_shorted = 0;
        driver_changed(driver);
    }
}

int cosim_add_driver(struct cosim *cosim, int carriage, int chip, uint32_t microsteps)
{
    struct carriage *moved = models_at(&cosim->models.carriages, carriage);
    const struct driver_kind *kind = driver_kind_of(chip);
    if (!moved || moved->driver || !kind || !microsteps || DRIVER_FINEST % microsteps)
        return -EINVAL;
    if (events_reserve(&cosim->events, 2))
        return -ENOMEM;
    struct driver *driver = models_add(&cosim->models.drivers, sizeof *driver);
    if (!driver)
        return -ENOMEM;
    *driver = (struct driver){.cosim = cosim, .kind = kind, .carriage = moved, .unit = DRIVER_FINEST / microsteps, .load = FREE,
                              .enabled = {.see = see_enable}};
    driver->rests = (struct event){.due = rests, .owner = driver};
    driver_reset(driver);
    moved->driver = driver;
    if (!moved->motor.cycle)
        cosim_carriage_limit(cosim, carriage, CYCLE * microsteps, INFINITY, INFINITY);
    return models_last(&cosim->models.drivers);
}

int cosim_driver_enable(struct cosim *cosim, int driver, int mcu, uint32_t pin, int level)
{
    struct driver *of = driver_at(cosim, driver);
    struct mcu *on = pins_owner(cosim, mcu, pin);
    if (!of || !on || of->enable)
        return -EINVAL;
    of->enable = &on->pins[pin];
    of->enable_level = level != 0;
    models_follow(&on->pins[pin], &of->enabled);
    return 0;
}

int cosim_driver_diag(struct cosim *cosim, int driver, int diag, int mcu, uint32_t pin)
{
    struct driver *of = driver_at(cosim, driver);
    if (!of || diag < 0 || diag >= DRIVER_DIAGS || !pins_owner(cosim, mcu, pin))
        return -EINVAL;
    of->diags[diag] = (struct driver_pin){.is_there = 1, .mcu = mcu, .pin = pin};
    driver_changed(of);
    return 0;
}

static void set_fault(struct driver *driver, int fault, int on)
{
    switch (fault) {
    case COSIM_DRIVER_WARM:
        driver->is_warm = on;
        break;
    case COSIM_DRIVER_OVERHEATED:
        driver->is_overheated = on;
        break;
    case COSIM_DRIVER_SHORTED:
        driver->is_shorted = on;
        break;
    case COSIM_DRIVER_UNDERVOLTED:
        driver->is_undervolted = on;
        break;
    default:
        driver_reset(driver);
    }
}

int cosim_fault_driver(struct cosim *cosim, int driver, int fault, int on)
{
    struct driver *of = driver_at(cosim, driver);
    if (!of || fault < COSIM_DRIVER_WARM || fault > COSIM_DRIVER_UNPOWERED)
        return -EINVAL;
    if (fault == COSIM_DRIVER_UNPOWERED)
        of->is_unpowered = on != 0;
    set_fault(of, fault, on != 0);
    driver_uart_power(of);
    driver_changed(of);
    return 0;
}

int cosim_see_driver(const struct cosim *cosim, int driver, struct cosim_driven *out)
{
    const struct driver *of = driver_at(cosim, driver);
    if (!of)
        return -EINVAL;
    *out = (struct cosim_driven){.mscnt = of->mscnt, .datagrams = of->datagrams, .misread = of->misread, .unmoved = of->unmoved,
                                 .stalls = of->stalls, .falls = of->carriage->motor.falls, .is_driving = driver_is_driving(of), .is_silent = driver_is_silent(of)};
    return 0;
}

int64_t cosim_driver_register(const struct cosim *cosim, int driver, uint32_t address)
{
    const struct driver *of = driver_at(cosim, driver);
    return of && address < DRIVER_REGISTERS ? (int64_t)of->registers[address] : -EINVAL;
}
