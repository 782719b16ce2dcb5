"""I2C devices on hardware buses and on pins: transfers, and each way in which they fail."""

import itertools
from collections.abc import Iterator

import pytest

from tests.unit.firmware_surround import Outcome, Script

SECOND = 16_000_000
SCL, SDA = "PD0", "PD1"
HALF = 80  # ticks
ADDRESS = 98


def configured(*commands: str) -> Script:
    script = Script(settings={"byte": 1})
    script.send(1000, "allocate_oids count=1", "config_i2c oid=0")
    for index, command in enumerate(commands):
        script.send(1200 + 200 * index, command)
    script.send(5000, "finalize_config crc=1")
    script.drive(0, SCL, 1)
    script.drive(0, SDA, 1)
    return script


def on_bus() -> Script:
    return configured(f"i2c_set_bus oid=0 i2c_bus=0 rate=100000 address={ADDRESS}")


def on_pins() -> Script:
    return configured(
        f"i2c_set_sw_bus oid=0 scl_pin={SCL} sda_pin={SDA} pulse_ticks={HALF} address={ADDRESS}"
    )


def responses(outcome: Outcome) -> list[str]:
    return [
        text.removeprefix("i2c_response oid=0 i2c_bus_status=")
        for text in outcome.texts()
        if text.startswith("i2c_response")
    ]


def test_a_transfer_on_a_bus_gives_its_status_and_bytes() -> None:
    script = on_bus()
    script.lines += ["i2c 0 aabbcc", "i2c 1 aa", "i2c 2 aa", "i2c 4 aa"]
    for index in range(5):
        script.send(10_000 * (index + 1), "i2c_transfer oid=0 write=0115 read_len=3")
    script.send(90_000, "i2c_transfer oid=0 write= read_len=0")
    result = script.run(SECOND)
    assert responses(result) == [
        "0 response=aabbcc",
        *(f"{status} response=" for status in (1, 2, 4, 3, 3)),
    ]
    assert [text for _, text in result.transfers] == ["i2c 0 98 0115 3"] * 5 + ["i2c 0 98 - 0"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("i2c_set_bus oid=0 i2c_bus=0 rate=1 address=2", "Unsupported i2c bus"),
        (f"i2c_set_sw_bus oid=0 scl_pin={SCL} sda_pin={SDA} pulse_ticks=9 address=2", "Unsupported i2c bus"),
        ("i2c_transfer oid=0 write=00 read_len=53", "Command parser error"),
        ("i2c_transfer oid=0 write=00 read_len=256", "Command parser error"),
    ],
)
def test_wrong_requests_shut_down(command: str, reason: str) -> None:
    script = on_bus()
    script.send(9000, command)
    script.run(SECOND).shutdown_clock(reason)


def test_a_bus_must_exist_and_be_given() -> None:
    script = configured("i2c_set_bus oid=0 i2c_bus=7 rate=1 address=2")
    script.run(SECOND).shutdown_clock("Unsupported i2c bus")
    script = configured("i2c_transfer oid=0 write=00 read_len=0")
    script.run(SECOND).shutdown_clock("Unsupported i2c bus")


def test_the_longest_read_fits_a_response() -> None:
    script = on_bus()
    script.lines.append("i2c 0 " + "5a" * 52)
    script.send(9000, "i2c_transfer oid=0 write=00 read_len=52")
    assert responses(script.run(SECOND)) == ["0 response=" + "5a" * 52]


# --- pins: what a chip does at each rise of the clock is known from the run before, which ends where it was missed ---


def line(outcome: Outcome, pin: str) -> Iterator[tuple[int, int]]:
    """Clock and level at each change that the MCU makes: low as an output, high when let go of."""
    level = 1
    for clock, name, mode, output in outcome.modes:
        wanted = output if mode == 3 else 1
        if name == pin and clock > 5000 and wanted != level:
            level = wanted
            yield clock, level


def drive_chip(script: Script, outcome: Outcome, chip: list[int]) -> None:
    """Have the chip pull the data line low, between two falls of the clock, for each 0 in `chip`."""
    falls = [clock for clock, level in line(outcome, SCL) if not level]
    for begin, end, level in zip(falls, falls[1:], chip, strict=False):
        if not level:
            script.drive(begin + 10, SDA, 0)
            script.drive(end + 1, SDA, 1)


def converse(command: str, chip: list[int]) -> Outcome:
    """A transfer with a chip that pulls the line low at those rises of the clock where `chip` is 0."""
    outcome, made = Outcome([], [], [], [], [], [], {}), -1
    while len(list(line(outcome, SCL))) != made:
        made = len(list(line(outcome, SCL)))
        script = on_pins()
        script.send(10_000, command)
        drive_chip(script, outcome, chip)
        outcome = script.run(SECOND)
    return outcome


def sent(outcome: Outcome) -> str:
    """What the MCU puts on the lines: S start, P stop, 0 and 1 at each rise of the clock."""
    changes = sorted(
        [(clock, SCL, level) for clock, level in line(outcome, SCL)]
        + [(clock, SDA, level) for clock, level in line(outcome, SDA)]
    )
    clock_level, data_level, text = 1, 1, ""
    for _, pin, level in changes:
        if pin == SCL:
            clock_level = level
            text += str(data_level) if level else ""
        else:
            data_level = level
            if clock_level:
                text = text.removesuffix(str(1 - level)) + ("P" if level else "S")
    return text


def bits(*values: int) -> str:
    return "".join(f"{value:08b}" for value in values)


WRITTEN = [1] * 8 + [0]  # a byte, acknowledged by the chip


def test_bytes_are_written_on_pins_and_acknowledged() -> None:
    result = converse("i2c_transfer oid=0 write=c301 read_len=0", WRITTEN * 3)
    assert responses(result) == ["0 response="]
    assert sent(result) == "S" + "1".join(bits(value) for value in (2 * ADDRESS, 0xC3, 0x01)) + "1P"


def test_bytes_are_read_on_pins_after_a_repeated_start() -> None:
    read = [int(bit) for bit in bits(0xA5) + "1" + bits(0x3C) + "1"]
    result = converse("i2c_transfer oid=0 write=0f read_len=2", WRITTEN * 2 + [1] + WRITTEN + read)
    assert responses(result) == ["0 response=a53c"]
    address = bits(2 * ADDRESS) + "1" + bits(0x0F) + "1S" + bits(2 * ADDRESS + 1) + "1"
    assert sent(result) == "S" + address + "1" * 8 + "0" + "1" * 8 + "1P"


def test_a_read_alone_begins_with_its_address() -> None:
    result = converse("i2c_transfer oid=0 write= read_len=1", WRITTEN + [0] * 8)
    assert responses(result) == ["0 response=00"]
    assert sent(result) == "S" + bits(2 * ADDRESS + 1) + "1" + "1" * 8 + "1P"


@pytest.mark.parametrize(
    ("chip", "status", "bytes_sent"),
    [
        ([], 3, [2 * ADDRESS]),
        (WRITTEN, 1, [2 * ADDRESS, 0x0F]),
        (WRITTEN * 2, 4, [2 * ADDRESS, 0x0F, 2 * ADDRESS + 1]),
    ],
)
def test_who_does_not_answer_is_told_and_the_bus_let_go(
    chip: list[int], status: int, bytes_sent: list[int]
) -> None:
    result = converse("i2c_transfer oid=0 write=0f read_len=1", chip)
    assert responses(result) == [f"{status} response="]
    *written, last = [bits(value) for value in bytes_sent]
    middle = "".join(value + ("1S" if index == 1 else "1") for index, value in enumerate(written))
    assert sent(result) == "S" + middle + last + "1P"
    assert [level for _, level in line(result, SCL)][-1] == 1
    assert [level for _, level in line(result, SDA)][-1] == 1


def test_a_clock_that_is_held_low_for_a_while_is_waited_for() -> None:
    plain = converse("i2c_transfer oid=0 write= read_len=0", WRITTEN)
    rises = [clock for clock, level in line(plain, SCL) if level]
    script = on_pins()
    script.send(10_000, "i2c_transfer oid=0 write= read_len=0")
    script.drive(rises[2] - 5, SCL, 0)
    script.drive(rises[2] + 10_000, SCL, 1)
    result = script.run(SECOND)
    assert responses(result) == ["3 response="]
    later = [clock for clock, level in line(result, SCL) if level]
    assert later[2] == rises[2]
    assert 9_990 <= later[3] - rises[3] < 10_100


def test_a_clock_that_is_held_low_for_ever_is_a_time_out() -> None:
    script = on_pins()
    script.send(10_000, "i2c_transfer oid=0 write=00 read_len=0")
    script.drive(11_000, SCL, 0)
    result = script.run(SECOND)
    assert responses(result) == ["2 response="]
    (clock,) = (clock for clock, text in result.messages() if text.startswith("i2c_response"))
    assert clock < 11_000 + 2 * SECOND // 1000 + 3000


@pytest.mark.parametrize("clocks", [1, 9])
def test_a_chip_that_holds_the_data_line_is_clocked_until_it_lets_go(clocks: int) -> None:
    def script() -> Script:
        made = on_pins()
        made.send(10_000, "i2c_transfer oid=0 write= read_len=0")
        made.drive(9_000, SDA, 0)
        return made

    stuck = script().run(SECOND)
    assert responses(stuck) == ["2 response="]
    rises = [clock for clock, level in line(stuck, SCL) if level]
    assert len(rises) == 9
    freed = script()
    freed.drive(rises[clocks - 1] + 10, SDA, 1)
    assert responses(freed.run(SECOND)) == ["3 response="]


def test_no_half_period_is_shorter_than_asked_for() -> None:
    result = converse("i2c_transfer oid=0 write=55 read_len=1", WRITTEN * 2 + [1] + WRITTEN)
    clocks = [clock for clock, _ in line(result, SCL)]
    assert min(after - before for before, after in itertools.pairwise(clocks)) >= HALF
