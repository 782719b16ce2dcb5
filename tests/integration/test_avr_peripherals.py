"""The AVR firmware's peripherals in its simulated chip: two-wire bus, hardware PWM, lights, registers, safe values.

simavr 1.6 gives no edges of hardware PWM: registers are compared with the data sheets' tables.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from klipkit.boards.chips import chip as board_chip
from tests.bench.avr_session import Session, Target, connected

MEGA = Target()
CHIPS = [MEGA, Target("atmega1280"), Target("atmega1284p"), Target("atmega644p"), Target("atmega328p")]
WITH_TWI = [MEGA, Target("atmega1284p", 20_000_000), Target("atmega644p")]
TWBR, TWSR, TWCR = 0xB8, 0xB9, 0xBC  # ATmega2560 data sheet 24.9; the same on all these chips
MEMORY = 80  # address


@pytest.fixture
def mega() -> Iterator[Session]:
    session = connected(MEGA)
    with session.chip:
        yield session


def shutdowns(session: Session) -> list[str]:
    """Reasons of the shutdowns told."""
    matches = (
        re.fullmatch(r"shutdown clock=\d+ static_string_id='(.*)'", message) for message in session.messages
    )
    return [match[1] for match in matches if match]


# --- two-wire bus ---


def with_bus(target: Target, rate: int = 100_000) -> Session:
    """Device 0 is at the memory's address, device 1 where nobody is."""
    session = connected(target)
    session.chip.add_memory(MEMORY)
    session.send(
        "allocate_oids count=2",
        "config_i2c oid=0",
        f"i2c_set_bus oid=0 i2c_bus=0 rate={rate} address={MEMORY}",
        "config_i2c oid=1",
        f"i2c_set_bus oid=1 i2c_bus=0 rate={rate} address={MEMORY + 1}",
        "finalize_config crc=1",
    )
    return session


def transfer(session: Session, oid: int, write: str, read: int) -> tuple[int, str]:
    """Status and bytes of a transfer."""
    session.messages.clear()
    session.send(f"i2c_transfer oid={oid} write={write} read_len={read}")
    (text,) = (text for text in session.messages if text.startswith("i2c_response"))
    match = re.fullmatch(rf"i2c_response oid={oid} i2c_bus_status=(\d) response=(\w*)", text)
    assert match
    return int(match[1]), match[2]


@pytest.mark.parametrize("target", WITH_TWI, ids=lambda target: target.chip)
def test_bytes_written_to_a_chip_on_the_bus_are_read_back(target: Target) -> None:
    session = with_bus(target)
    with session.chip:
        assert transfer(session, 0, "10a1b2c3d4", 0) == (0, "")
        assert transfer(session, 0, "11", 3) == (0, "b2c3d4")
        assert transfer(session, 0, "10", 1) == (0, "a1")
        assert transfer(session, 0, "", 2) == (0, "b2c3")


def test_a_chip_that_is_not_there_is_told_and_the_bus_goes_on(mega: Session) -> None:
    session = with_bus(MEGA)
    with session.chip:
        assert transfer(session, 1, "1011", 0) == (3, "")
        assert transfer(session, 1, "", 2) == (4, "")
        assert transfer(session, 0, "10ee", 0) == (0, "")
        assert transfer(session, 0, "10", 1) == (0, "ee")
        assert not shutdowns(session)


@pytest.mark.parametrize(
    ("rate", "divisor", "prescaler"),
    [(400_000, 12, 0), (100_000, 72, 0), (99_999, 73, 0), (30_000, 65, 1), (10_000, 198, 1), (1, 255, 1)],
)
def test_the_bus_has_the_fastest_clock_that_is_not_above_the_rate(
    rate: int, divisor: int, prescaler: int
) -> None:
    session = with_bus(MEGA, rate)
    with session.chip:
        transfer(session, 0, "10", 1)
        got, status = session.chip.peek(TWBR, 2)
        assert (got, status & 3) == (divisor, prescaler)
        if rate > 8000:
            assert MEGA.frequency / (16 + 2 * divisor * 4**prescaler) <= rate


def test_a_clock_line_that_is_held_ends_the_transfer_and_not_the_firmware() -> None:
    session = with_bus(MEGA)
    with session.chip:
        session.chip.hold_bus(True)
        begin = session.chip.cycle
        assert transfer(session, 0, "1001", 2) == (2, "")
        assert session.chip.cycle - begin < MEGA.frequency // 100
        assert session.chip.peek(TWCR, 1)[0] == 0  # the lines are let go
        session.chip.hold_bus(False)
        assert transfer(session, 0, "1055", 0) == (0, "")
        assert transfer(session, 0, "10", 1) == (0, "55")
        assert not shutdowns(session)
        assert not session.resets


def test_a_data_line_that_is_held_is_cleared_by_nine_clocks_at_most() -> None:
    session = with_bus(MEGA)
    with session.chip:
        session.chip.drive("PD1", 0)
        session.chip.watch(["PD0"], edges=True)
        assert transfer(session, 0, "10", 1) == (2, "")
        assert len([level for _, pin, level in session.edges if pin == "PD0" and level]) == 9
        session.chip.drive("PD1", 1)
        assert transfer(session, 0, "10", 1) == (0, "00")


# --- hardware PWM ---

# Of each output: address of TCCRnA, COMnx1, TCCRnB, OCRnx. ATmega2560 data sheet (2549), 33 "Register Summary".
MEGA_OUTPUTS = {
    "PB7": (0x44, 7, 0x45, 0x47),
    "PG5": (0x44, 5, 0x45, 0x48),
    "PB4": (0xB0, 7, 0xB1, 0xB3),
    "PH6": (0xB0, 5, 0xB1, 0xB4),
    "PE3": (0x90, 7, 0x91, 0x98),
    "PE4": (0x90, 5, 0x91, 0x9A),
    "PE5": (0x90, 3, 0x91, 0x9C),
    "PH3": (0xA0, 7, 0xA1, 0xA8),
    "PH4": (0xA0, 5, 0xA1, 0xAA),
    "PH5": (0xA0, 3, 0xA1, 0xAC),
    "PL3": (0x120, 7, 0x121, 0x128),
    "PL4": (0x120, 5, 0x121, 0x12A),
    "PL5": (0x120, 3, 0x121, 0x12C),
}
PRESCALERS = (1, 8, 64, 256, 1024)  # by clock select, from 1 on
PRESCALERS_2 = (1, 8, 32, 64, 128, 256, 1024)  # of timer 2


@pytest.mark.parametrize("pin", MEGA_OUTPUTS)
def test_an_output_is_phase_correct_with_eight_bits_and_its_duty(mega: Session, pin: str) -> None:
    control, connect, clock, compare = MEGA_OUTPUTS[pin]
    for value in (0, 1, 128, 255):
        mega.send(f"set_pwm_out pin={pin} cycle_ticks=4080 value={value}")
        assert mega.chip.peek(compare, 1)[0] == value
        assert mega.chip.peek(control, 1)[0] == 1 << connect | 1  # WGMn0, no inversion
        assert mega.chip.peek(clock, 1)[0] == 2  # 510 * 8 = 4080 ticks
        if 0x90 <= compare < 0xB0 or compare > 0xFF:
            assert mega.chip.peek(compare + 1, 1)[0] == 0  # the upper byte of a 16-bit timer's
    assert not shutdowns(mega)


def test_the_outputs_of_a_timer_are_independent(mega: Session) -> None:
    for pin, value in (("PH3", 10), ("PH4", 20), ("PH5", 30)):
        mega.send(f"set_pwm_out pin={pin} cycle_ticks=160000 value={value}")
    assert [mega.chip.peek(address, 1)[0] for address in (0xA8, 0xAA, 0xAC)] == [10, 20, 30]
    assert mega.chip.peek(0xA0, 2) == bytes([0b10101001, 4])


@pytest.mark.parametrize(("pin", "prescalers"), [("PH5", PRESCALERS), ("PH6", PRESCALERS_2)])
@pytest.mark.parametrize("cycle", [1, 510, 2294, 2296, 7000, 20_000, 81_599, 81_601, 160_000, 326_399, 2**31])
def test_the_period_is_the_nearest_that_the_timer_has(
    mega: Session, pin: str, prescalers: tuple[int, ...], cycle: int
) -> None:
    mega.send(f"set_pwm_out pin={pin} cycle_ticks={cycle} value=1")
    select = mega.chip.peek(MEGA_OUTPUTS[pin][2], 1)[0]
    distances = [abs(510 * prescaler - cycle) for prescaler in prescalers]
    assert distances[select - 1] == min(distances)


def test_two_periods_on_one_timer_are_a_shutdown(mega: Session) -> None:
    mega.send("set_pwm_out pin=PH3 cycle_ticks=160000 value=1")
    mega.send("set_pwm_out pin=PH4 cycle_ticks=510 value=1")
    assert shutdowns(mega) == ["PWM already programmed at different speed"]


@pytest.mark.parametrize("target", CHIPS, ids=lambda target: target.chip)
def test_the_pins_of_hardware_pwm_are_those_of_the_data_sheet(target: Target) -> None:
    data = board_chip(target.chip)
    session = connected(target)
    found = set()
    with session.chip:
        for pin in data.pins:
            session.messages.clear()
            session.send(f"set_pwm_out pin={pin} cycle_ticks=160000 value=0")
            if not shutdowns(session):
                found.add(pin)
                continue
            assert shutdowns(session) == ["Not a valid PWM pin"]
            session.send("clear_shutdown")
    assert found == set(data.pwm)


def test_values_come_at_their_clocks_and_the_last_one_goes_at_the_limit(mega: Session) -> None:
    mega.send(
        "allocate_oids count=1",
        "config_pwm_out oid=0 pin=PH5 cycle_ticks=160000 value=0 default_value=0 max_duration=800000",
        "finalize_config crc=1",
    )
    clock = mega.clock() + 400_000
    mega.send(f"queue_pwm_out oid=0 clock={clock} value=200")
    mega.run(300_000)
    assert mega.chip.peek(0xAC, 1)[0] == 0
    mega.run(200_000)
    assert mega.chip.peek(0xAC, 1)[0] == 200
    mega.run(800_000)
    assert shutdowns(mega) == ["Missed scheduling of next hard pwm event"]
    assert mega.chip.peek(0xAC, 1)[0] == 0


# --- shutdown ---


def test_a_shutdown_puts_each_output_to_its_safe_value(mega: Session) -> None:
    mega.send("allocate_oids count=7")
    mega.send(
        "config_digital_out oid=0 pin=PA0 value=1 default_value=0 max_duration=0",
        "config_digital_out oid=1 pin=PA1 value=0 default_value=1 max_duration=0",
    )
    mega.send(
        "config_pwm_out oid=2 pin=PH5 cycle_ticks=160000 value=200 default_value=0 max_duration=0",
        "config_pwm_out oid=3 pin=PB4 cycle_ticks=160000 value=9 default_value=255 max_duration=0",
    )
    mega.send(
        "config_digital_out oid=4 pin=PA2 value=0 default_value=0 max_duration=0",
        "set_digital_out_pwm_cycle oid=4 cycle_ticks=20000",
        "config_stepper oid=5 step_pin=PA3 dir_pin=PA4 invert_step=1 step_pulse_ticks=400",
    )
    mega.send("config_spi oid=6 pin=PA5 cs_active_high=0", "finalize_config crc=1")
    clock = mega.clock() + 160_000
    mega.send(
        f"queue_digital_out oid=4 clock={clock} on_ticks=15000", f"reset_step_clock oid=5 clock={clock}"
    )
    mega.send("set_next_step_dir oid=5 dir=1", "queue_step oid=5 interval=5000 count=1000 add=0")
    mega.run(1_600_000)
    port_a = mega.chip.peek(0x22, 1)[0]
    assert port_a & 0b11 == 0b01
    mega.send("emergency_stop")
    assert shutdowns(mega) == ["Command request"]
    assert mega.chip.peek(0x22, 1)[0] & 0b101011 == 0b101010
    assert mega.chip.peek(0x22, 1)[0] & 0b100 == 0
    assert mega.chip.peek(0xAC, 1)[0] == 0
    assert mega.chip.peek(0xB3, 1)[0] == 255
    before = mega.chip.peek(0x22, 1)
    mega.chip.watch([f"PA{bit}" for bit in range(6)], edges=True)
    mega.edges.clear()
    mega.run(1_600_000)
    assert mega.edges == []
    assert mega.chip.peek(0x22, 1) == before


# --- memory and registers ---


def test_memory_is_read_and_written_by_address_also_in_shutdown(mega: Session) -> None:
    free = 0x2000  # below the stack, above what this session configures
    for round_ in range(2):
        mega.send(f"debug_write order=2 addr={free} val={0x12345678 + round_}")
        assert mega.chip.peek(free, 4) == (0x12345678 + round_).to_bytes(4, "little")
        assert mega.ask(f"debug_read order=0 addr={free + 3}", "debug_result") == {"val": 0x12}
        assert mega.ask(f"debug_read order=1 addr={free + 1}", "debug_result") == {"val": 0x3456}
        assert mega.ask(f"debug_read order=2 addr={free}", "debug_result") == {"val": 0x12345678 + round_}
        mega.send(f"debug_write order=0 addr={free} val=255", f"debug_write order=1 addr={free + 2} val=1")
        assert mega.chip.peek(free, 4) == bytes([255, 0x56, 1, 0])
        mega.send("emergency_stop")


def test_the_clock_is_not_divided_and_the_debugger_has_no_pins(mega: Session) -> None:
    assert mega.chip.peek(0x61, 1)[0] & 0x0F == 0  # CLKPR
    assert mega.chip.peek(0x55, 1)[0] & 0x80  # JTD in MCUCR


# --- lights ---


@pytest.mark.parametrize("target", [MEGA, Target("atmega1284p", 20_000_000)], ids=lambda target: target.chip)
def test_lights_are_sent_in_the_widths_of_their_data_sheet(target: Target) -> None:
    session = connected(target)
    with session.chip:
        session.send(
            "allocate_oids count=1",
            f"config_neopixel oid=0 pin=PA3 data_size=6 bit_max_ticks={target.frequency // 250_000} "
            f"reset_min_ticks={target.frequency // 20_000}",
            "finalize_config crc=1",
        )
        session.chip.watch(["PA3"], edges=True)
        sent = bytes([0xFF, 0x00, 0xA5, 0x81, 0x0F, 0x3C])
        session.send("neopixel_update oid=0 pos=0 data=" + sent.hex())
        for _ in range(8):  # as hosts do when an interrupt came between
            session.run(target.frequency // 5000)
            session.edges.clear()
            session.messages.clear()
            session.send("neopixel_send oid=0")
            if "neopixel_result oid=0 success=1" in session.messages:
                break
        clocks = [cycle * 1e9 / target.frequency for cycle, _, _ in session.edges]
        assert len(clocks) == 2 * 48
        widths = [fall - rise for rise, fall in zip(clocks[::2], clocks[1::2], strict=True)]
        assert all(200 <= width <= 500 or 650 <= width <= 950 for width in widths)
        gaps = [rise - fall for fall, rise in zip(clocks[1:-1:2], clocks[2::2], strict=True)]
        assert max(gaps) <= 4000
        assert all(later - rise >= 1250 for rise, later in pairwise(clocks[::2]))
        bits = "".join(str(int(width > 575)) for width in widths)
        assert int(bits, 2).to_bytes(6, "big") == sent


# --- stack ---

RAM_END = {"atmega2560": 0x2200, "atmega328p": 0x900, "atmega168": 0x500}
KEPT = {"atmega2560": 448, "atmega328p": 352, "atmega168": 256}  # bytes, STACK of ports/avr/port.mk
MARGIN = 32


@pytest.mark.parametrize("chip", RAM_END)
def test_the_stack_stays_in_what_is_kept_for_it(chip: str) -> None:
    session = connected(Target(chip))
    has = {text.split()[0] for text in session.dictionary.raw["commands"]}
    config = [
        f"config_stepper oid={oid} step_pin=PB{oid} dir_pin=PD{4 + oid} invert_step=0 step_pulse_ticks=32"
        for oid in range(2)
    ]
    config += ["config_endstop oid=2 pin=PD7 pull_up=1", "config_trsync oid=3"]
    queries = ["endstop_query_state oid=2", "stepper_get_position oid=0", "get_uptime", "get_config"]
    if "config_analog_in" in has:
        config += [f"config_analog_in oid=4 pin={'PF0' if chip == 'atmega2560' else 'PC0'}"]
        config += [
            "config_buttons oid=5 button_count=1",
            "config_tmcuart oid=6 rx_pin=PB4 pull_up=0 tx_pin=PB4 bit_time=1777",
        ]
        config += [
            "config_spi oid=7 pin=PB5 cs_active_high=0",
            "spi_set_bus oid=7 spi_bus=0 mode=0 rate=4000000",
        ]
        queries += ["tmcuart_send oid=6 write=aa55aa55 read=8", "spi_transfer oid=7 data=" + "a5" * 40]
    if "config_i2c" in has:
        config += ["config_i2c oid=8", f"i2c_set_bus oid=8 i2c_bus=0 rate=400000 address={MEMORY}"]
        queries += ["i2c_transfer oid=8 write=00 read_len=40"]
    with session.chip:
        session.chip.add_memory(MEMORY)
        count = 9 if "config_analog_in" in has else 4
        for command in [f"allocate_oids count={count}", *config, "finalize_config crc=1"]:
            session.send(command)
        clock = session.clock() + 400_000
        if "config_analog_in" in has:
            session.send(
                f"query_analog_in oid=4 clock={clock} sample_ticks=2000 sample_count=2 rest_ticks=9000 "
                "bytes_per_report=16 min_value=0 max_value=65535 range_check_count=1"
            )
        for oid in range(2):
            session.send(f"reset_step_clock oid={oid} clock={clock}")
            session.send(f"queue_step oid={oid} interval={2000 + oid} count=60000 add=0")
        session.send(f"trsync_start oid=3 report_clock={clock} report_ticks=20000 expire_reason=4")
        session.send(f"trsync_set_timeout oid=3 clock={(clock + 60_000_000) & 0xFFFFFFFF}")
        for _ in range(6):
            for query in queries:
                session.send(query)
            session.run(30_011)
        assert not shutdowns(session)
        kept = session.chip.peek(RAM_END[chip] - KEPT[chip], KEPT[chip])
        used = KEPT[chip] - next(place for place, byte in enumerate(kept) if byte)
        assert used <= KEPT[chip] - MARGIN
