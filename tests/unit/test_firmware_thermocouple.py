"""Temperature chips: registers and values of each, faults and ranges that shut down."""

import pytest

from tests.unit.firmware_surround import Outcome, Script
from tests.unit.test_firmware_traces import recorded

SECOND = 16_000_000
START = SECOND // 10
REST = 4_800_000 // 10
CHIPS = {"MAX31855": 0, "MAX31856": 1, "MAX31865": 2, "MAX6675": 3}


def configured(chip: int, replies: list[str], low: int = 0, high: int = 0xFFFFFFFF, bad: int = 3) -> Script:
    script = Script(settings={"byte": 1})
    script.lines += [f"spi {reply}" for reply in replies]
    script.send(1000, "allocate_oids count=5", "config_spi oid=3 pin=PK1 cs_active_high=0")
    script.send(1200, "spi_set_bus oid=3 spi_bus=0 mode=1 rate=4000000")
    script.send(1400, f"config_thermocouple oid=4 spi_oid=3 thermocouple_type={chip}")
    query = f"query_thermocouple oid=4 clock={START} rest_ticks={REST} min_value={low} max_value={high}"
    script.send(1600, "finalize_config crc=1", f"{query} max_invalid_count={bad}")
    return script


def results(outcome: Outcome) -> list[tuple[int, ...]]:
    """next_clock, value and fault of each result."""
    return [
        tuple(int(word.partition("=")[2]) for word in text.split()[2:])
        for text in outcome.texts()
        if text.startswith("thermocouple_result oid=4 ")
    ]


@pytest.mark.parametrize(
    ("chip", "sent", "received", "value", "fault"),
    [
        ("MAX31855", ["00000000"], "06551a40", 0x06551A40, 0),
        ("MAX31855", ["00000000"], "06551a44", 0x06551A44, 4),
        ("MAX31856", ["0c00000000"], "ff0a1b2300", 0x0A1B23, 0),
        ("MAX31856", ["0c00000000"], "ff0a1b2301", 0x0A1B23, 1),
        ("MAX31865", ["010000", "0700"], "ff4ab2ff00", 0x4AB2, 0),
        ("MAX31865", ["010000", "0700"], "ff4ab3ff43", 0x4AB3, 0x40),
        ("MAX6675", ["0000"], "0c80", 0x0C80, 0),
        ("MAX6675", ["0000"], "0c84", 0x0C84, 4),
    ],
)
def test_each_chip_is_read_by_its_registers(
    chip: str, sent: list[str], received: str, value: int, fault: int
) -> None:
    result = configured(CHIPS[chip], [received]).run(START + REST // 2)
    assert [text for _, text in result.transfers] == [f"spi 0 1 4000000 {data}" for data in sent]
    assert results(result) == [(START + REST, value, fault)]


def test_readings_come_at_their_clocks_as_recorded() -> None:
    lines = [line.text for line in recorded("j3") if line.name == "thermocouple_result"]
    clocks = [int(line.split("next_clock=")[1].split()[0]) for line in lines]
    period = clocks[1] - clocks[0]
    script = configured(CHIPS["MAX6675"], [], high=65528)
    query = f"query_thermocouple oid=4 clock={clocks[0] - period} rest_ticks={period} min_value=0"
    script.send(2000, f"{query} max_value=65528 max_invalid_count=3")
    result = script.run(clocks[len(lines) - 1] - period + 1000)
    assert [text for text in result.texts() if text.startswith("thermo")] == lines
    assert len(lines) > 10


@pytest.mark.parametrize("wrong", ["0640", "1f48", "0c84"])  # too cold, too hot, open
@pytest.mark.parametrize("bad", [1, 3])
def test_so_many_bad_readings_in_a_row_shut_down(wrong: str, bad: int) -> None:
    good = "0c80"
    replies = [good] + ([wrong] * (bad - 1) + [good] if bad > 1 else []) + [wrong] * bad + [good]
    script = configured(CHIPS["MAX6675"], replies, low=0x0648, high=0x1F40, bad=bad)
    result = script.run(2 * SECOND)
    stop = result.shutdown_clock("Thermocouple reader fault")
    assert (stop - START) // REST == len(replies) - 2
    assert len(results(result)) == len(replies) - 1  # the last is told, and there are no more


def test_a_period_of_zero_ends_readings() -> None:
    script = configured(0, [])
    zeros = "clock=0 rest_ticks=0 min_value=0 max_value=0 max_invalid_count=0"
    script.send(START + REST // 2, f"query_thermocouple oid=4 {zeros}")
    assert len(results(script.run(SECOND))) == 1


def test_an_unknown_chip_is_refused() -> None:
    configured(4, []).run(SECOND).shutdown_clock("Invalid thermocouple chip type")


def test_a_chip_without_bus_shuts_down_when_it_is_read() -> None:
    script = Script(settings={"byte": 1})
    script.send(
        1000,
        "allocate_oids count=2",
        "config_spi_without_cs oid=0",
        "config_thermocouple oid=1 spi_oid=0 thermocouple_type=0",
        "finalize_config crc=1",
    )
    query = f"query_thermocouple oid=1 clock={START} rest_ticks={REST} min_value=0 max_value=9"
    script.send(1500, f"{query} max_invalid_count=1")
    script.run(SECOND).shutdown_clock("Invalid spi config")
