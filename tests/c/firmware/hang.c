/* A command whose handler never comes back: built into the firmware by the tests of the watchdog.
 *
 *     how   0 waits for a flag that nothing sets   1 the same with interrupts disabled   2 waits for a level of a pin that does not come
 *           3 waits for a clock that it never reaches
 */
#include <stdbool.h>

#include "core/declare.h"
#include "core/oid.h"
#include "hal/clock.h"
#include "hal/gpio.h"
#include "hal/irq.h"

static volatile bool ready;

static void wait_for_pin(gpio_number pin)
{
    struct gpio_in in = gpio_in_setup(pin, 0);
    while (!gpio_in_read(in))
        ;
}

static void wait_for_clock(void)
{
    uint32_t later = clock_read() + 1000;
    while (clock_is_before(clock_read(), later))
        later += 1000;
}

COMMAND(debug_hang, "how=%c pin=%u")
{
    if (args[0] == 1)
        irq_disable();
    if (args[0] == 2)
        wait_for_pin((gpio_number)args[1]);
    if (args[0] == 3)
        wait_for_clock();
    while (!ready)
        ;
}
