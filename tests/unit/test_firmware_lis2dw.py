"""Bulk data of the LIS2DW12 and LIS3DH, on SPI and I2C, from a simulated chip's registers."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import Outcome, Script

SECOND = 16_000_000
BEGIN = 10_000
REST = 40_000
OVERRUN, EMPTY = 0x40, 0x20
BUSES, CHIPS = {"spi": 0, "i2c": 1}, {"lis2dw": 0, "lis3dh": 1}
Sample = tuple[int, int, int]
VALUE = st.integers(-32768, 32767)


def state_of(chip: str, count: int, *, lost: bool = False) -> int:
    """FIFO_SAMPLES or FIFO_SRC_REG with so many samples in the queue."""
    if chip == "lis2dw":
        return count | (OVERRUN if lost else 0)
    if count == 0:
        return EMPTY
    return 31 | OVERRUN if count == 32 else count


def script_of(bus: str, chip: str, replies: list[bytes]) -> Script:
    """What is read, in order, after the two writes of the queue's mode."""
    script = Script(settings={"byte": 1})
    if bus == "spi":
        script.lines += [f"spi {(bytes(1) + reply).hex()}" for reply in [b"\0", b"\0", *replies]]
        device = [
            "config_spi oid=3 pin=PK0 cs_active_high=0",
            "spi_set_bus oid=3 spi_bus=0 mode=3 rate=5000000",
        ]
    else:
        script.lines += [f"i2c 0 {reply.hex()}" for reply in [b"\0", b"\0", *replies]]
        device = ["config_i2c oid=3", "i2c_set_bus oid=3 i2c_bus=0 rate=400000 address=25"]
    script.send(1000, "allocate_oids count=5", device[0])
    config = f"config_lis2dw oid=4 bus_oid=3 bus_oid_type={BUSES[bus]} lis_chip_type={CHIPS[chip]}"
    script.send(1200, device[1], config)
    script.send(1400, "finalize_config crc=1")
    script.send(BEGIN, f"query_lis2dw oid=4 rest_ticks={REST}")
    return script


def look(chip: str, samples: list[Sample]) -> list[bytes]:
    """The queue's state and the samples in it."""
    return [bytes([state_of(chip, len(samples))]), *(struct.pack("<3h", *sample) for sample in samples)]


def data_of(outcome: Outcome) -> list[tuple[int, bytes]]:
    """Sequence and bytes of each message."""
    found = []
    for text in outcome.texts():
        if text.startswith("sensor_bulk_data oid=4 sequence="):
            sequence, data = text.removeprefix("sensor_bulk_data oid=4 sequence=").split(" data=")
            found.append((int(sequence), bytes.fromhex(data)))
    return found


def status_of(outcome: Outcome) -> list[dict[str, int]]:
    return [
        {name: int(value) for name, value in (word.split("=") for word in text.split()[1:])}
        for text in outcome.texts()
        if text.startswith("sensor_bulk_status")
    ]


def sent(outcome: Outcome, bus: str) -> list[str]:
    """Bytes sent in each transfer."""
    return [text.split()[-1 if bus == "spi" else 3] for _, text in outcome.transfers]


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("bus", BUSES)
@given(st.lists(st.lists(st.tuples(VALUE, VALUE, VALUE), max_size=14), min_size=1, max_size=4))
@settings(max_examples=6, deadline=None)
def test_every_sample_arrives_in_order_in_counted_messages(
    bus: str, chip: str, looks: list[list[Sample]]
) -> None:
    replies = [reply for samples in looks for reply in look(chip, samples)]
    result = script_of(bus, chip, [*replies, *look(chip, [])]).run(BEGIN + len(looks) * REST + REST // 2)
    flat = [sample for samples in looks for sample in samples]
    found = data_of(result)
    assert [sequence for sequence, _ in found] == list(range(len(flat) // 8))
    assert {len(data) for _, data in found} <= {48}
    got = list(struct.iter_unpack("<3h", b"".join(data for _, data in found)))
    assert got == flat[: len(flat) // 8 * 8]


TRANSFERS = {
    ("spi", "lis2dw"): ["2e00", "2ec0", "af00", "a8" + "00" * 6, "2e00"],
    ("spi", "lis3dh"): ["2e00", "2e80", "af00", "e8" + "00" * 6, "2e00"],
    ("i2c", "lis2dw"): ["2e00", "2ec0", "2f", "28", "2e00"],
    ("i2c", "lis3dh"): ["2e00", "2e80", "2f", "a8", "2e00"],
}


@pytest.mark.parametrize(("bus", "chip"), TRANSFERS)
def test_the_queue_begins_empty_and_is_looked_at_until_the_end(bus: str, chip: str) -> None:
    script = script_of(bus, chip, [*look(chip, [(1, 2, 3)]), b"\0"])
    script.send(BEGIN + REST + REST // 2, "query_lis2dw oid=4 rest_ticks=0")
    result = script.run(SECOND)
    assert sent(result, bus) == TRANSFERS[bus, chip]
    clocks = [clock for clock, _ in result.transfers]
    assert BEGIN < clocks[0] <= clocks[1] < BEGIN + 200
    assert 0 <= clocks[2] - (BEGIN + REST) < 200


@pytest.mark.parametrize("chip", CHIPS)
def test_the_state_has_what_is_buffered_here_and_in_the_chip(chip: str) -> None:
    script = script_of("spi", chip, [*look(chip, [(1, 2, 3)] * 11), bytes([state_of(chip, 7)])])
    script.send(BEGIN + REST + REST // 2, "query_lis2dw_status oid=4")
    (found,) = status_of(script.run(BEGIN + 2 * REST - 100))
    assert 0 <= found.pop("clock") - (BEGIN + REST + REST // 2) < 50
    assert 0 < found.pop("query_ticks") < 100
    assert found == {"oid": 4, "next_sequence": 1, "buffered": (3 + 7) * 6, "possible_overflows": 0}


@pytest.mark.parametrize("chip", CHIPS)
def test_a_queue_that_ran_over_is_counted_and_starting_anew_forgets_it(chip: str) -> None:
    full = look(chip, [(1, 2, 3)] * 32)
    full[0] = bytes([state_of(chip, 32, lost=True)])
    script = script_of(
        "spi", chip, [*full, bytes([state_of(chip, 0)]), b"\0", b"\0", bytes([state_of(chip, 0)])]
    )
    at = BEGIN + REST + REST // 2
    script.send(at, "query_lis2dw_status oid=4")
    script.send(at + 2000, f"query_lis2dw oid=4 rest_ticks={SECOND}", "query_lis2dw_status oid=4")
    first, second = status_of(script.run(at + REST))
    assert (first["possible_overflows"], first["next_sequence"]) == (1, 4)
    assert (second["possible_overflows"], second["next_sequence"], second["buffered"]) == (0, 0, 0)


@pytest.mark.parametrize("chip", CHIPS)
def test_without_a_chip_on_spi_nothing_is_sent_and_the_state_is_not_answered(chip: str) -> None:
    script = script_of("spi", chip, [b"\xff" * 200])
    script.send(BEGIN + 500, "query_lis2dw_status oid=4")
    result = script.run(BEGIN + 5 * REST)
    assert len(result.transfers) > 5
    assert data_of(result) == [] and status_of(result) == []


FAILURES = {1: "I2C NACK", 2: "I2C Timeout", 3: "I2C START NACK", 4: "I2C START READ NACK"}


@pytest.mark.parametrize(("status", "reason"), FAILURES.items())
def test_a_chip_that_is_gone_from_i2c_shuts_the_mcu_down(status: int, reason: str) -> None:
    script = script_of("i2c", "lis3dh", [])
    script.lines.append(f"i2c {status} 00")
    result = script.run(BEGIN + 3 * REST)
    assert 0 <= result.shutdown_clock(reason) - (BEGIN + REST) < 500


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("bus_oid_type=2 lis_chip_type=0", "bus_type invalid"),
        ("bus_oid_type=0 lis_chip_type=2", "model type invalid"),
    ],
)
def test_an_unknown_bus_or_chip_is_refused(wrong: str, reason: str) -> None:
    script = Script(settings={"byte": 1})
    script.send(1000, "allocate_oids count=2", "config_spi oid=0 pin=PK0 cs_active_high=0")
    script.send(1200, f"config_lis2dw oid=1 bus_oid=0 {wrong}")
    script.run(SECOND).shutdown_clock(reason)


@pytest.mark.parametrize("bus", BUSES)
def test_a_shutdown_ends_the_looks(bus: str) -> None:
    script = script_of(bus, "lis2dw", look("lis2dw", [(1, 2, 3)] * 20))
    script.send(BEGIN + REST + 300, "emergency_stop")
    script.send(BEGIN + REST + 3000, "clear_shutdown")
    result = script.run(BEGIN + 9 * REST)
    stop = result.shutdown_clock("Command request")
    assert max(clock for clock, _ in result.transfers) <= stop
