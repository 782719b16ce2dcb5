/* Stepper drivers of the co-simulator: bits on their wires, registers, steps, stalls and faults, by a firmware that only sets pins. */
#include "klipkit/sim/drivers.h"
#include "test_cosim.h"

enum { SELECT = PIN_TOGGLE, CLOCK = PIN_COPY, MOSI = PIN_DIR, MISO = PIN_INPUT, TX = PIN_TOGGLE, RX = PIN_INPUT };
enum { GCONF = 0x00, IFCNT = 0x02, IHOLD_IRUN = 0x10, TCOOLTHRS = 0x14, MSCNT = 0x6a, CHOPCONF = 0x6c, DRV_STATUS = 0x6f };

static const double BIT = 1e-3; /* s of the UART */

static struct sim_persona persona;

static struct bench bench_new(int chip)
{
    persona = fake_persona(16000000, 0);
    struct bench bench = bench_with(&persona, 0.0);
    bench.carriage = cosim_add_carriage(bench.cosim, bench.mcu, PIN_STEP, 0, 0, PIN_DIR, 0);
    bench.driver = cosim_add_driver(bench.cosim, bench.carriage, chip, 16);
    CHECK(bench.driver == 0, "driver %d", bench.driver);
    return bench;
}

static struct cosim_driven seen(const struct bench *bench)
{
    struct cosim_driven seen;
    CHECK(cosim_see_driver(bench->cosim, bench->driver, &seen) == 0, "no driver");
    return seen;
}

/* --- SPI over pins --- */

static void bench_on_spi(struct bench *bench)
{
    bench_put(bench, SELECT, 1);
    bench_put(bench, CLOCK, 1);
    CHECK(cosim_driver_spi_pins(bench->cosim, bench->driver, bench->mcu, SELECT, CLOCK, MOSI, MISO) == 0, "spi");
}

/* `bits` bits out, for as many in. */
static uint64_t exchange(struct bench *bench, uint64_t out, int bits)
{
    uint64_t in = 0;
    bench_put(bench, SELECT, 0);
    for (int i = bits - 1; i >= 0; i--) {
        bench_put(bench, CLOCK, 0);
        bench_put(bench, MOSI, (int)(out >> i & 1));
        in = in << 1 | (uint64_t)cosim_pin_level(bench->cosim, bench->mcu, MISO);
        bench_put(bench, CLOCK, 1);
    }
    bench_put(bench, SELECT, 1);
    return in;
}

static void write_spi(struct bench *bench, uint32_t address, uint32_t value)
{
    exchange(bench, (uint64_t)(address | 0x80) << 32 | value, 40);
}

static uint32_t read_spi(struct bench *bench, uint32_t address)
{
    exchange(bench, (uint64_t)address << 32, 40);
    return (uint32_t)exchange(bench, (uint64_t)address << 32, 40);
}

static void registers_are_written_and_read_by_datagrams_of_40_bits(void)
{
    struct bench bench = bench_new(COSIM_TMC5160);
    bench_on_spi(&bench);
    CHECK(exchange(&bench, 0x0100000000, 40) >> 32 == 0x09, "reset and standstill");
    CHECK((uint32_t)exchange(&bench, 0x0100000000, 40) == 1, "GSTAT after a reset");
    CHECK((uint32_t)exchange(&bench, 0x8100000007, 40) == 1, "the answer to the one before");
    CHECK((uint32_t)exchange(&bench, 0x0100000000, 40) == 7, "what was written comes back");
    CHECK((uint32_t)exchange(&bench, 0x0400000000, 40) == 0, "GSTAT was cleared");
    CHECK((uint32_t)exchange(&bench, 0x0400000000, 40) >> 24 == 0x30, "the version of the chip");
    write_spi(&bench, IHOLD_IRUN, 0x00061f10);
    CHECK(cosim_driver_register(bench.cosim, bench.driver, IHOLD_IRUN) == 0x00061f10, "written");
    CHECK(read_spi(&bench, IHOLD_IRUN) == 0, "that cannot be read");
    CHECK(cosim_fault_driver(bench.cosim, bench.driver, COSIM_DRIVER_UNPOWERED, 1) == 0, "unpowered");
    CHECK(read_spi(&bench, GCONF) == 0xffffffff, "nobody drives the line: it is pulled up");
    bench_free(&bench);
}

static void drivers_of_a_chain_shift_into_each_other(void)
{
    struct bench bench = bench_new(COSIM_TMC2130);
    bench_on_spi(&bench);
    int carriage = cosim_add_carriage(bench.cosim, bench.mcu, PIN_BYTES, 0, 0, PIN_DIR, 0);
    int second = cosim_add_driver(bench.cosim, carriage, COSIM_TMC2130, 16);
    CHECK(cosim_driver_spi_pins(bench.cosim, second, bench.mcu, SELECT, CLOCK, MOSI, MISO) == 0, "chain");
    bench_put(&bench, SELECT, 0);
    uint64_t words[2] = {0x9000000a01, 0x9000000b02}; /* the first goes furthest */
    for (int word = 0; word < 2; word++)
        for (int i = 39; i >= 0; i--) {
            bench_put(&bench, CLOCK, 0);
            bench_put(&bench, MOSI, (int)(words[word] >> i & 1));
            bench_put(&bench, CLOCK, 1);
        }
    bench_put(&bench, SELECT, 1);
    CHECK(cosim_driver_register(bench.cosim, second, IHOLD_IRUN) == 0xa01, "the second has the first");
    CHECK(cosim_driver_register(bench.cosim, bench.driver, IHOLD_IRUN) == 0xb02, "the first has the second");
    bench_free(&bench);
}

static void a_tmc2660_takes_the_last_20_bits_and_answers_as_rdsel_says(void)
{
    struct bench bench = bench_new(COSIM_TMC2660);
    bench_on_spi(&bench);
    exchange(&bench, 0x0c0015, 24);                               /* SGCSCONF: CS 21 */
    exchange(&bench, 0x0e0020, 24);                               /* DRVCONF: RDSEL 2 */
    uint32_t answer = (uint32_t)(exchange(&bench, 0x0e0020, 24) >> 4);
    CHECK((answer >> 10 & 31) == 21 && (answer & 0x80), "SE and standstill: %05x", answer);
    exchange(&bench, 0x000004, 24);                               /* DRVCTRL: MRES 4 */
    CHECK(cosim_driver_register(bench.cosim, bench.driver, 0) == 4, "DRVCTRL has two heads");
    bench_free(&bench);
}

/* --- steps and stalls --- */

static void mscnt_goes_by_the_microsteps_and_the_power_stage_moves_the_carriage(void)
{
    struct bench bench = bench_new(COSIM_TMC5160);
    bench_on_spi(&bench);
    bench_step(&bench, 0, 10);
    CHECK(seen(&bench).unmoved == 10 && cosim_carriage_position(bench.cosim, bench.carriage) == 0, "TOFF is 0");
    CHECK(seen(&bench).mscnt == 10, "256 microsteps, DIR low counts up: %u", seen(&bench).mscnt);
    write_spi(&bench, CHOPCONF, 0x04000003);
    bench_step(&bench, 0, 4);
    CHECK(seen(&bench).mscnt == 3 * 16 + 16 + 8, "in the middle of a microstep: %u", seen(&bench).mscnt);
    CHECK(cosim_carriage_position(bench.cosim, bench.carriage) == -4, "16 microsteps");
    write_spi(&bench, CHOPCONF, 0x24000003);
    bench_step(&bench, 1, 4);
    CHECK(cosim_carriage_position(bench.cosim, bench.carriage) == 4, "both edges of a pulse are steps");
    write_spi(&bench, CHOPCONF, 0x05000003);
    bench_step(&bench, 1, 3);
    CHECK(cosim_carriage_position(bench.cosim, bench.carriage) == 10, "8 microsteps are two of 16");
    write_spi(&bench, GCONF, 1 << 4);
    bench_step(&bench, 1, 1);
    CHECK(cosim_carriage_position(bench.cosim, bench.carriage) == 8, "shaft turns it the other way");
    bench_free(&bench);
}

static void an_end_holds_the_motor_back_and_diag_tells_it(void)
{
    struct bench bench = bench_new(COSIM_TMC5160);
    bench_on_spi(&bench);
    add_rail(bench.cosim, bench.carriage, -1000.0, 40.0);
    CHECK(cosim_driver_diag(bench.cosim, bench.driver, 1, bench.mcu, PIN_BYTES) == 0, "diag");
    write_spi(&bench, CHOPCONF, 0x04000003);
    write_spi(&bench, TCOOLTHRS, 0xfffff);
    write_spi(&bench, GCONF, 1 << 8);
    bench_step(&bench, 1, 40);
    CHECK(seen(&bench).stalls == 0, "it turns");
    bench_step(&bench, 1, 30);
    CHECK(seen(&bench).stalls == 1 && seen(&bench).falls == 0, "held back: %d", (int)seen(&bench).stalls);
    CHECK(cosim_carriage_position(bench.cosim, bench.carriage) == 40, "at the end");
    bench_step(&bench, 0, 30);
    CHECK(cosim_carriage_position(bench.cosim, bench.carriage) == 40, "the field comes back");
    bench_step(&bench, 0, 1);
    CHECK(cosim_carriage_position(bench.cosim, bench.carriage) == 39, "and takes it along");
    bench_step(&bench, 1, 34);
    CHECK(seen(&bench).falls == 1, "two full steps and one: it falls back");
    CHECK(cosim_carriage_position(bench.cosim, bench.carriage) == 40 + 33 - 64, "by four of them, as seen from the field");
    bench_free(&bench);
}

/* --- UART --- */

static double began; /* of a datagram, s */

static void send_bit(struct bench *bench, int number, int level)
{
    run_through(bench->cosim, began + number * BIT);
    bench_put(bench, TX, level);
}

static void send(struct bench *bench, const uint8_t *bytes, int count)
{
    began = cosim_now(bench->cosim) + BIT;
    for (int i = 0; i < count; i++)
        for (int bit = 0; bit < 10; bit++)
            send_bit(bench, 10 * i + bit, bit == 0 ? 0 : bit == 9 ? 1 : bytes[i] >> (bit - 1) & 1);
    run_through(bench->cosim, began + 10 * count * BIT);
}

/* The answer's bytes; their number. */
static int hear(struct bench *bench, uint8_t *bytes)
{
    double patience = cosim_now(bench->cosim) + 100 * BIT;
    while (cosim_pin_level(bench->cosim, bench->mcu, RX)) {
        run_through(bench->cosim, cosim_now(bench->cosim) + BIT / 16);
        if (cosim_now(bench->cosim) > patience)
            return 0;
    }
    double from = cosim_now(bench->cosim);
    for (int i = 0; i < 8; i++)
        for (int bit = 0; bit < 10; bit++) {
            run_through(bench->cosim, from + (10 * i + bit + 0.5) * BIT);
            int level = cosim_pin_level(bench->cosim, bench->mcu, RX);
            if (bit >= 1 && bit <= 8)
                bytes[i] = (uint8_t)(bytes[i] >> 1 | level << 7);
        }
    return 8;
}

static struct bench bench_on_uart(uint32_t address)
{
    struct bench bench = bench_new(COSIM_TMC2209);
    bench_put(&bench, TX, 1);
    CHECK(cosim_driver_uart(bench.cosim, bench.driver, bench.mcu, RX, TX, address) == 0, "uart");
    return bench;
}

/* Datagrams as in the data sheet, section 4.1. */
static void registers_are_written_and_read_over_the_uart(void)
{
    struct bench bench = bench_on_uart(0);
    static const uint8_t ASK_IFCNT[] = {0x05, 0x00, 0x02, 0x8f};
    uint8_t answer[8];
    send(&bench, ASK_IFCNT, 4);
    CHECK(hear(&bench, answer) == 8 && answer[0] == 0x05 && answer[1] == 0xff && answer[2] == 2 && answer[6] == 0, "IFCNT");
    CHECK(seen(&bench).misread == 0 && seen(&bench).datagrams == 1, "understood");
    static const uint8_t BROKEN[] = {0x05, 0x00, 0x02, 0x8e};
    send(&bench, BROKEN, 4);
    CHECK(hear(&bench, answer) == 0 && seen(&bench).misread == 1, "a wrong checksum is not answered");
    send(&bench, ASK_IFCNT, 4);
    CHECK(hear(&bench, answer) == 8, "it listens again");
    send(&bench, ASK_IFCNT, 2);
    run_through(bench.cosim, cosim_now(bench.cosim) + 90 * BIT);
    CHECK(seen(&bench).misread == 2, "a pause of more than 63 bits");
    CHECK(cosim_fault_driver(bench.cosim, bench.driver, COSIM_DRIVER_UNPOWERED, 1) == 0, "unpowered");
    bench_free(&bench);
}

static void another_address_is_not_answered(void)
{
    struct bench bench = bench_on_uart(1);
    static const uint8_t ASK_IFCNT[] = {0x05, 0x00, 0x02, 0x8f};
    uint8_t answer[8];
    send(&bench, ASK_IFCNT, 4);
    CHECK(hear(&bench, answer) == 0 && seen(&bench).misread == 0 && seen(&bench).datagrams == 0, "for another one");
    bench_free(&bench);
}

static void wrong_numbers_are_refused(void)
{
    struct bench bench = bench_new(COSIM_TMC2209);
    struct cosim *cosim = bench.cosim;
    CHECK(cosim_add_driver(cosim, bench.carriage, COSIM_TMC2209, 16) < 0, "has a driver already");
    CHECK(cosim_add_driver(cosim, 7, COSIM_TMC2209, 16) < 0, "no such carriage");
    int carriage = cosim_add_carriage(cosim, bench.mcu, PIN_BYTES, 0, 0, PIN_DIR, 0);
    CHECK(cosim_add_driver(cosim, carriage, 99, 16) < 0, "no such chip");
    CHECK(cosim_add_driver(cosim, carriage, COSIM_TMC2209, 24) < 0, "no such microsteps");
    CHECK(cosim_driver_uart(cosim, bench.driver, bench.mcu, PIN_COUNT, TX, 0) < 0, "no such pin");
    CHECK(cosim_driver_uart(cosim, 3, bench.mcu, RX, TX, 0) < 0, "no such driver");
    CHECK(cosim_driver_uart(cosim, bench.driver, bench.mcu, RX, TX, 256) < 0, "no such address");
    CHECK(cosim_driver_spi(cosim, 3, bench.mcu, SELECT, 0) < 0, "no such driver");
    CHECK(cosim_driver_spi_pins(cosim, bench.driver, bench.mcu, SELECT, PIN_COUNT, MOSI, MISO) < 0, "no such pin");
    CHECK(cosim_driver_diag(cosim, bench.driver, 2, bench.mcu, PIN_BYTES) < 0, "no such output");
    CHECK(cosim_driver_enable(cosim, bench.driver, bench.mcu, PIN_COUNT, 1) < 0, "no such pin");
    CHECK(cosim_driver_select(cosim, bench.driver, bench.mcu, PIN_COUNT, 1) < 0, "no such pin");
    CHECK(cosim_fault_driver(cosim, bench.driver, 99, 1) < 0, "no such fault");
    CHECK(cosim_driver_register(cosim, bench.driver, 128) < 0, "no such register");
    CHECK(cosim_driver_register(cosim, 3, 0) < 0, "no such driver");
    bench_free(&bench);
}

int main(void)
{
    registers_are_written_and_read_by_datagrams_of_40_bits();
    drivers_of_a_chain_shift_into_each_other();
    a_tmc2660_takes_the_last_20_bits_and_answers_as_rdsel_says();
    mscnt_goes_by_the_microsteps_and_the_power_stage_moves_the_carriage();
    an_end_holds_the_motor_back_and_diag_tells_it();
    registers_are_written_and_read_over_the_uart();
    another_address_is_not_answered();
    wrong_numbers_are_refused();
    return 0;
}
