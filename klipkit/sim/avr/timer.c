/* Timer 1 in normal mode: count, compare channels, overflow, the shared TEMP byte (ATmega2560 data sheet, 17). */
#include <simavr/sim_cycle_timers.h>

#include "chip.h"

enum { CONTROL_B = 1, COUNT = 4, COMPARE = 8, PERIOD = 65536 };

static uint16_t count(const struct chip *chip)
{
    const struct timer16 *timer = &chip->timer;
    return timer->divisor ? (uint16_t)((chip->avr->cycle - timer->origin) / timer->divisor) : timer->stopped;
}

/* Set the flags of all matches up to now. */
static void catch_up(struct chip *chip)
{
    struct timer16 *timer = &chip->timer;
    for (int i = 0; i <= timer->channels; i++)
        while (timer->next[i] && timer->next[i] <= chip->avr->cycle) {
            register_put(chip, timer->flags, timer->mask[i], true);
            timer->next[i] += (uint64_t)PERIOD * timer->divisor;
            chip_interrupt(chip);
        }
}

static uint64_t first_match(const struct timer16 *timer)
{
    uint64_t first = 0;
    for (int i = 0; i <= timer->channels; i++)
        if (timer->next[i] && (!first || timer->next[i] < first))
            first = timer->next[i];
    return first;
}

static avr_cycle_count_t matched(avr_t *avr, avr_cycle_count_t when, void *param)
{
    struct chip *chip = param;
    (void)avr;
    (void)when;
    catch_up(chip);
    return first_match(&chip->timer);
}

static void wait_for_match(struct chip *chip)
{
    uint64_t first = first_match(&chip->timer), now = chip->avr->cycle;
    avr_cycle_timer_cancel(chip->avr, matched, chip);
    if (first)
        avr_cycle_timer_register(chip->avr, first > now ? first - now : 0, matched, chip);
    chip_interrupt(chip);
}

/* When a channel matches next; compare flags come one cycle after the count has become equal. */
static void plan(struct chip *chip, int channel)
{
    struct timer16 *timer = &chip->timer;
    timer->next[channel] = 0;
    if (!timer->divisor)
        return;
    bool overflow = channel == timer->channels;
    const uint8_t *compare = chip->avr->data + timer->base + COMPARE + 2 * channel;
    uint16_t target = overflow ? 0 : (uint16_t)(compare[0] | compare[1] << 8);
    uint32_t ahead = (uint16_t)(target - count(chip));
    uint64_t counts = (chip->avr->cycle - timer->origin) / timer->divisor + (ahead ? ahead : PERIOD);
    timer->next[channel] = timer->origin + counts * timer->divisor + (overflow ? 0 : 1);
}

static void set_count(struct chip *chip, uint16_t value)
{
    struct timer16 *timer = &chip->timer;
    timer->origin = chip->avr->cycle - (uint64_t)value * timer->divisor;
    timer->stopped = value;
    if (timer->divisor)
        chip->host->counting(chip->host->ctx, timer->origin);
    for (int i = 0; i <= timer->channels; i++)
        plan(chip, i);
    wait_for_match(chip);
}

static uint8_t read_register(avr_t *avr, avr_io_addr_t address, void *param)
{
    struct chip *chip = param;
    struct timer16 *timer = &chip->timer;
    if (address == timer->flags) {
        catch_up(chip);
    } else if (address == timer->base + COUNT) {
        uint16_t now = count(chip);
        timer->temp = (uint8_t)(now >> 8);
        avr->data[address] = (uint8_t)now;
    } else if (address == timer->base + COUNT + 1) {
        avr->data[address] = timer->temp;
    }
    return avr->data[address];
}

static void set_clock(struct chip *chip, uint8_t value)
{
    static const uint16_t DIVISORS[8] = {0, 1, 8, 64, 256, 1024, 0, 0};
    uint16_t now = count(chip);
    chip->timer.divisor = DIVISORS[value & 7];
    set_count(chip, now);
}

static void write_word(struct chip *chip, int offset, uint16_t value)
{
    uint8_t *low = chip->avr->data + chip->timer.base + offset;
    if (offset == COUNT) {
        set_count(chip, value);
        return;
    }
    low[0] = (uint8_t)value;
    low[1] = (uint8_t)(value >> 8);
    if (offset >= COMPARE) {
        plan(chip, (offset - COMPARE) / 2);
        wait_for_match(chip);
    }
}

static void write_register(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param)
{
    struct chip *chip = param;
    struct timer16 *timer = &chip->timer;
    catch_up(chip);
    if (address == timer->flags) {
        avr->data[address] &= (uint8_t)~value;
        return;
    }
    int offset = address - timer->base;
    if (address == timer->enables || offset < COUNT) {
        avr->data[address] = value;
        if (offset == CONTROL_B)
            set_clock(chip, value);
        chip_interrupt(chip);
    } else if (offset & 1) {
        timer->temp = value;
    } else {
        write_word(chip, offset, (uint16_t)(timer->temp << 8 | value));
    }
}

void timer_reset(struct chip *chip)
{
    struct timer16 *timer = &chip->timer;
    timer->divisor = timer->stopped = 0;
    for (int i = 0; i < CHANNELS_MOST; i++)
        timer->next[i] = 0;
    avr_cycle_timer_cancel(chip->avr, matched, chip);
}

void timer_attach(struct chip *chip, avr_timer_t *registers)
{
    struct timer16 *timer = &chip->timer;
    timer->base = registers->r_tcnt - COUNT;
    timer->flags = registers->overflow.raised.reg;
    timer->enables = registers->overflow.enable.reg;
    for (int i = 0; i < CHANNELS_MOST - 1 && registers->comp[i].interrupt.vector; i++) {
        interrupts_add(chip, &registers->comp[i].interrupt, false);
        timer->mask[timer->channels++] = (uint8_t)(1 << registers->comp[i].interrupt.raised.bit);
    }
    interrupts_add(chip, &registers->overflow, false);
    timer->mask[timer->channels] = (uint8_t)(1 << registers->overflow.raised.bit);
    register_own(chip, timer->flags, read_register, write_register, chip);
    register_own(chip, timer->enables, NULL, write_register, chip);
    for (int offset = 0; offset < COMPARE + 2 * timer->channels; offset++)
        register_own(chip, (uint16_t)(timer->base + offset), read_register, write_register, chip);
}
