"""The AVR firmware in its simulated chip: boots, identifies, steps exactly, restarts, is repeatable."""

import random
import re
from collections.abc import Iterator

import pytest

from tests.bench.avr_session import BAUD, Session, Target, connected
from tests.unit.firmware_surround import frame

MEGA = Target()
RUNNABLE = [
    MEGA,
    Target("atmega1280"),
    Target("atmega1284p"),
    Target("atmega644p", 20_000_000),
    Target("atmega328p"),
    Target("atmega168"),
]
STEP, DIR = "PA0", "PA1"


@pytest.fixture
def mega() -> Iterator[Session]:
    session = connected(MEGA)
    with session.chip:
        yield session


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: f"{target.chip}")
def test_a_chip_says_what_it_is(target: Target) -> None:
    session = connected(target)
    with session.chip:
        raw = session.dictionary.raw
        assert raw["config"]["MCU"] == target.chip
        assert raw["config"]["CLOCK_FREQ"] == target.frequency
        assert raw["config"]["SERIAL_BAUD"] == BAUD
        assert raw["enumerations"]["pin"]["PB0"] == [8, 8]
        assert raw["app"] == "klipkit"


def test_the_clock_counts_cycles_over_its_upper_half(mega: Session) -> None:
    first = mega.clock()
    begin = mega.chip.cycle
    mega.run(5 * 65536 + 1234)
    passed = mega.clock() - first
    assert abs(passed - (mega.chip.cycle - begin)) < 1600  # an exchange of frames is not the same each time


def test_an_output_has_its_level_from_the_first_moment_on(mega: Session) -> None:
    mega.chip.watch(["PB7"], edges=True)
    mega.send("set_digital_out pin=PB7 value=1")
    mega.send("set_digital_out pin=PB7 value=0")
    assert [(pin, level) for _, pin, level in mega.edges] == [("PB7", 1), ("PB7", 0)]


def test_an_input_is_read_from_outside(mega: Session) -> None:
    mega.send("allocate_oids count=1", "config_endstop oid=0 pin=PE4 pull_up=1", "finalize_config crc=1")
    for level in (0, 1, 0):
        mega.chip.drive("PE4", level)
        assert mega.ask("endstop_query_state oid=0", "endstop_state")["pin_value"] == level


def test_analog_inputs_are_read_one_after_the_other(mega: Session) -> None:
    mega.chip.set_adc(0, 1250)
    mega.chip.set_adc(5, 3750)
    mega.send(
        "allocate_oids count=2",
        "config_analog_in oid=0 pin=PF0",
        "config_analog_in oid=1 pin=PF5",
        "finalize_config crc=1",
    )
    clock = mega.clock() + MEGA.frequency // 100
    for oid in range(2):
        mega.send(
            f"query_analog_in oid={oid} clock={clock} sample_ticks=16000 sample_count=4 rest_ticks={MEGA.frequency}"
            " bytes_per_report=2 min_value=0 max_value=4092 range_check_count=1"
        )
    mega.run(MEGA.frequency // 20)
    values = {}
    for text in mega.messages:
        match = re.fullmatch(r"analog_in_state oid=(\d) next_clock=\d+ values=(\w{4})", text)
        if match:
            values[int(match[1])] = int.from_bytes(bytes.fromhex(match[2]), "little")
    assert values[0] == pytest.approx(4 * 1023 * 1250 / 5000, abs=8)
    assert values[1] == pytest.approx(4 * 1023 * 3750 / 5000, abs=8)


def test_the_spi_bus_selects_its_chip_for_a_transfer(mega: Session) -> None:
    mega.send(
        "allocate_oids count=1",
        "config_spi oid=0 pin=PL0 cs_active_high=0",
        "spi_set_bus oid=0 spi_bus=0 mode=3 rate=4000000",
        "finalize_config crc=1",
    )
    mega.chip.watch(["PL0"], edges=True)
    mega.send("spi_transfer oid=0 data=010203")
    assert "spi_transfer_response oid=0 response=000000" in mega.messages  # nobody drives the line
    assert [level for _, pin, level in mega.edges if pin == "PL0"][-2:] == [0, 1]
    control, status = mega.chip.peek(0x4C, 2)
    assert control == 0b01011100  # enabled, master, mode 3, 1/4 of the CPU's clock
    assert status & 1 == 0


def test_reset_restarts_the_chip_by_its_watchdog(mega: Session) -> None:
    mega.send("allocate_oids count=1", "finalize_config crc=7")
    assert mega.ask("get_config", "config")["is_config"] == 1
    with pytest.raises(AssertionError, match="no ack"):
        mega.send("reset")
    assert len(mega.resets) == 1
    mega.number, mega.unread = 0, b""
    assert "starting" in mega.messages
    assert mega.ask("get_config", "config") == {"is_config": 0, "crc": 0, "is_shutdown": 0, "move_count": 0}


def configure(session: Session, pulse: int) -> int:
    """One stepper; the clock at which its time begins."""
    session.send(
        "allocate_oids count=1",
        f"config_stepper oid=0 step_pin={STEP} dir_pin={DIR} invert_step=0 step_pulse_ticks={pulse}",
        "finalize_config crc=1",
    )
    session.chip.watch([STEP, DIR], edges=True)
    start = session.clock() + MEGA.frequency // 20
    session.send(f"reset_step_clock oid=0 clock={start}")
    return start


def random_runs(seed: int, count: int, least: int) -> list[tuple[int, int, int, int]]:
    """Interval, count, add, direction; no interval below `least` ticks."""
    source = random.Random(seed)
    runs = []
    for _ in range(count):
        steps = source.choice([1, 2, source.randint(3, 60)])
        interval = source.randint(least, 12_000)
        lowest = -((interval - least) // max(steps - 1, 1))
        runs.append((interval, steps, source.randint(max(lowest, -300), 300), source.randint(0, 1)))
    return runs


def play(session: Session, start: int, runs: list[tuple[int, int, int, int]]) -> tuple[list[int], list[int]]:
    """Queue the runs in time; the clocks at which steps must be, and their directions."""
    clock, clocks, directions = start, [], []
    for interval, count, add, direction in runs:
        session.send(
            f"set_next_step_dir oid=0 dir={direction}",
            f"queue_step oid=0 interval={interval} count={count} add={add}",
        )
        for index in range(count):
            clock += interval + add * index
            clocks.append(clock)
            directions.append(direction)
        if clock - session.chip.cycle > MEGA.frequency // 10:
            session.run(MEGA.frequency // 20)
    session.run(clock - session.chip.cycle + MEGA.frequency // 20)
    return clocks, directions


@pytest.mark.parametrize("pulse", [2, 32, 40, 64, 400])
def test_each_step_is_made_once_near_its_clock_in_its_direction(mega: Session, pulse: int) -> None:
    start = configure(mega, pulse)
    clocks, directions = play(mega, start, random_runs(pulse, 120, 1200))
    rising = [cycle for cycle, pin, level in mega.edges if pin == STEP and level]
    falling = [cycle for cycle, pin, level in mega.edges if pin == STEP and not level]
    assert not [text for text in mega.messages if "shutdown" in text]
    assert len(rising) == len(falling) == len(clocks)
    offset = rising[0] - clocks[0]  # the clock counts from a little after the chip's start
    assert max(abs(cycle - offset - clock) for cycle, clock in zip(rising, clocks, strict=True)) < 500
    assert min(down - up for up, down in zip(rising, falling, strict=True)) >= pulse
    level, place, turns = 0, 0, [(cycle, on) for cycle, pin, on in mega.edges if pin == DIR]
    for cycle, direction in zip(rising, directions, strict=True):
        while place < len(turns) and turns[place][0] < cycle:
            level, place = turns[place][1], place + 1
        assert level == direction
    for turn, _ in turns:
        assert all(abs(cycle - turn) >= pulse for cycle in rising)


def test_steps_that_come_too_fast_are_a_shutdown(mega: Session) -> None:
    configure(mega, 2)
    mega.send("queue_step oid=0 interval=20 count=60000 add=0")
    mega.run(MEGA.frequency // 5)
    texts = [text for text in mega.messages if text.startswith("shutdown")]
    assert len(texts) == 1
    assert "Rescheduled timer in the past" in texts[0] or "Stepper too far in past" in texts[0]
    assert mega.ask("get_config", "config")["is_shutdown"] == 1


def test_no_byte_is_lost_while_steppers_run_at_full_rate(mega: Session) -> None:
    configure(mega, 2)
    mega.send("queue_step oid=0 interval=600 count=60000 add=0")
    mega.run(MEGA.frequency // 10)
    for _ in range(20):
        mega.send("debug_ping data=" + "55" * 40)
    assert mega.overruns == 0
    assert not [text for text in mega.messages if "shutdown" in text]


def test_two_runs_are_the_same() -> None:
    seen = []
    for _ in range(2):
        session = connected(MEGA)
        with session.chip:
            play(session, configure(session, 2), random_runs(5, 30, 1200))
            seen.append((session.edges, session.messages, session.chip.cycle))
    assert seen[0] == seen[1]


def test_a_trigger_that_drops_a_full_queue_of_runs_loses_no_byte(mega: Session) -> None:
    """Interrupts are not kept waiting for as long as there are runs."""
    mega.send(
        "allocate_oids count=2",
        f"config_stepper oid=0 step_pin={STEP} dir_pin={DIR} invert_step=0 step_pulse_ticks=2",
        "config_trsync oid=1",
        "finalize_config crc=1",
    )
    slots = mega.ask("get_config", "config")["move_count"]
    start = mega.clock() + 3 * MEGA.frequency
    mega.send(
        f"reset_step_clock oid=0 clock={start}",
        "trsync_start oid=1 report_clock=0 report_ticks=0 expire_reason=2",
    )
    for _ in range((slots - 8) // 8):
        mega.send(*["queue_step oid=0 interval=1000 count=1 add=0"] * 8)
    mega.send("stepper_stop_on_trigger oid=0 trsync_oid=1")
    trigger = frame(mega.number, mega.encode("trsync_trigger oid=1 reason=3"))
    behind = frame(mega.number + 1, mega.encode("debug_ping data=" + "55" * 40))
    mega.chip.receive(trigger + behind)
    mega.run(MEGA.frequency // 50)
    assert mega.overruns == 0
    assert "pong data=" + "55" * 40 in mega.messages
    mega.number += 2
    mega.send(f"reset_step_clock oid=0 clock={mega.clock() + MEGA.frequency}")
    for _ in range((slots - 8) // 8):  # all slots are free again
        mega.send(*["queue_step oid=0 interval=1000 count=1 add=0"] * 8)
    assert not [text for text in mega.messages if text.startswith("shutdown")]
