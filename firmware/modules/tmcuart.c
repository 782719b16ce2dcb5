/* The serial line of Trinamic drivers, on one pin or two: bits sent and sampled one by one at scheduled clocks.
 *
 *     send   start  b0 .. b7  stop  start ...     as the host gives them, lowest bit first
 *     hunt   ~~~~~~~~~~~~\__                      the level is looked at four times a bit until the start bit falls
 *     read        '     '     '                   in the middle of each bit; anew after each stop bit, so that the clocks of the
 *                                                 driver and of this chip may differ by 3 %
 *
 * Between transfers the line is held high. (TMC2209 data sheet, section 4: a frame is 4 bytes, the answer 8, each of 10 bits.)
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/command.h"
#include "core/declare.h"
#include "core/oid.h"
#include "core/sched.h"
#include "hal/clock.h"
#include "hal/gpio.h"
#include "hal/irq.h"
#include "modules/reporter.h"

RESPONSE(tmcuart_response, "oid=%c read=%*s");

enum {
    BYTES_MOST = 10,
    LINE_BITS = 10,      /* of a byte: start, 8 data, stop */
    LOOKS = 4,           /* at the line, a bit, while hunting */
    PATIENCE_BITS = 64,  /* for the first start bit */
};

enum state { IDLE, BUSY, DONE };

struct tmcuart {
    struct reporter reporter;
    gpio_number rx_pin, tx_pin;
    struct gpio_in rx;
    struct gpio_out tx;
    uint32_t bit_ticks;
    volatile uint8_t state;
    int8_t pull;
    uint8_t bit, bits;         /* sent or read so far, and in all */
    uint8_t read_bits;         /* to be read after sending */
    uint16_t looks;            /* left to the hunt */
    uint8_t data[BYTES_MOST];  /* to be sent, or read */
};

static void report(void *object);

static bool hunt_run(struct timer *timer);
static bool read_run(struct timer *timer);

/* --- the line --- */

static bool is_one_wire(const struct tmcuart *u)
{
    return u->rx_pin == u->tx_pin;
}

static void drive(struct tmcuart *u, bool level)
{
    if (is_one_wire(u))
        u->tx = gpio_out_setup(u->tx_pin, level);
    else
        gpio_out_write(u->tx, level);
}

static void listen(struct tmcuart *u)
{
    if (is_one_wire(u))
        u->rx = gpio_in_setup(u->rx_pin, u->pull);
}

/* --- in interrupt --- */

static bool finish(struct tmcuart *u)
{
    drive(u, true);
    u->state = DONE;
    reporter_want(&u->reporter);
    return false;
}

static bool end_sending(struct tmcuart *u)
{
    u->bit = u->bits = 0;
    if (!u->read_bits)
        return finish(u);
    listen(u);
    memset(u->data, 0, sizeof u->data);
    u->looks = PATIENCE_BITS * LOOKS;
    u->reporter.timer.run = hunt_run;
    return true; /* the stop bit is over: look at once */
}

static bool send_run(struct timer *timer)
{
    struct tmcuart *u = (struct tmcuart *)(void *)timer; /* its first member */
    if (u->bit == u->bits)
        return end_sending(u);
    gpio_out_write(u->tx, u->data[u->bit / 8] >> u->bit % 8 & 1);
    u->bit++;
    timer->clock += u->bit_ticks;
    return true;
}

static bool hunt_run(struct timer *timer)
{
    struct tmcuart *u = (struct tmcuart *)(void *)timer;
    if (!gpio_in_read(u->rx)) {
        u->bits = u->read_bits;
        timer->run = read_run;
        timer->clock += u->bit_ticks * 3 / 8; /* the edge came an eighth of a bit before, give or take as much */
        return true;
    }
    if (!--u->looks) /* no answer; or, after a stop bit, a high line, read as such in the middle of what would be a bit */
        return u->bits ? read_run(timer) : finish(u);
    timer->clock += u->bit_ticks / LOOKS;
    return true;
}

static bool read_run(struct timer *timer)
{
    struct tmcuart *u = (struct tmcuart *)(void *)timer;
    bool level = gpio_in_read(u->rx);
    if (level)
        u->data[u->bit / 8] |= (uint8_t)(1u << u->bit % 8);
    if (++u->bit == u->bits)
        return finish(u);
    timer->run = read_run;
    if (level && u->bit % LINE_BITS == 0) {
        u->looks = LOOKS;
        timer->run = hunt_run;
        timer->clock += u->bit_ticks / LOOKS;
        return true;
    }
    timer->clock += u->bit_ticks;
    return true;
}

/* --- commands --- */

static void stop(void *object)
{
    struct tmcuart *u = object;
    if (u->state == BUSY) {
        sched_remove(&u->reporter.timer);
        drive(u, true);
    }
    u->state = IDLE;
}

const struct oid_kind oid_kind_tmcuart = {stop};

COMMAND(config_tmcuart, "oid=%c rx_pin=%u pull_up=%c tx_pin=%u bit_time=%u")
{
    struct tmcuart *u = reporter_new(args[0], &oid_kind_tmcuart, sizeof *u, send_run, report);
    u->rx_pin = (gpio_number)args[1];
    u->pull = (int8_t)args[2];
    u->tx_pin = (gpio_number)args[3];
    u->bit_ticks = args[4];
    if (!is_one_wire(u))
        u->rx = gpio_in_setup(u->rx_pin, u->pull);
    u->tx = gpio_out_setup(u->tx_pin, true);
}

/* Ignored while a transfer is under way. */
COMMAND_TO(tmcuart, tmcuart_send, "oid=%c write=%*s read=%c")
{
    struct tmcuart *u = object;
    uint8_t write = (uint8_t)args[1], read = (uint8_t)args[3];
    if (u->state != IDLE)
        return;
    if (write > BYTES_MOST || read > BYTES_MOST)
        shutdown("tmcuart data too large");
    memcpy(u->data, command_bytes(args[2]), write);
    u->bit = 0;
    u->bits = write * 8;
    u->read_bits = read * 8;
    u->reporter.timer.run = send_run;
    irq_disable();
    u->state = BUSY;
    u->reporter.timer.clock = clock_read() + u->bit_ticks;
    sched_add(&u->reporter.timer);
    irq_enable();
}

/* --- answers --- */

static void report(void *object)
{
    struct tmcuart *u = object;
    irq_enable();
    if (u->state != DONE)
        return;
    send_tmcuart_response(u->reporter.oid, u->bit / 8, u->data);
    u->state = IDLE;
}
