"""Bulk data of an accelerometer: samples packed and counted, the queue's state, overflows, nonsense."""

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import Outcome, Script

SECOND = 16_000_000
BEGIN = 10_000
REST = 20_000
Sample = tuple[int, int, int]


def configured(replies: list[bytes], rest: int = REST) -> Script:
    """The chip's answers in order: to the start, then to each look at its queue and each sample."""
    script = Script(settings={"byte": 1})
    script.lines += [f"spi {reply.hex()}" for reply in [b"\0\0", *replies]]
    script.send(1000, "allocate_oids count=5", "config_spi oid=3 pin=PK0 cs_active_high=0")
    script.send(1200, "spi_set_bus oid=3 spi_bus=0 mode=3 rate=5000000", "config_adxl345 oid=4 spi_oid=3")
    script.send(1400, "finalize_config crc=1")
    script.send(BEGIN, f"query_adxl345 oid=4 rest_ticks={rest}")
    return script


def look(samples: list[Sample], status: int | None = None) -> list[bytes]:
    """A look at the queue and the samples in it."""
    count = len(samples) if status is None else status
    return [bytes([0, count]), *(b"\0" + struct.pack("<3h", *sample) for sample in samples)]


def messages(outcome: Outcome) -> list[tuple[int, bytes]]:
    """Sequence and bytes of each message."""
    found = []
    for text in outcome.texts():
        if text.startswith("sensor_bulk_data oid=4 sequence="):
            sequence, data = text.removeprefix("sensor_bulk_data oid=4 sequence=").split(" data=")
            found.append((int(sequence), bytes.fromhex(data)))
    return found


def unpacked(data: bytes) -> list[Sample]:
    """Samples as commands.txt describes them: 13 bits each, the high bits in the last two bytes."""
    found = []
    for at in range(0, len(data), 5):
        x, y, z, xz, yz = data[at : at + 5]
        values = (x | (xz & 31) << 8, y | (yz & 31) << 8, z | (xz >> 5) << 8 | (yz >> 5) << 11)
        signed = tuple(value - 0x2000 if value & 0x1000 else value for value in values)
        found.append((signed[0], signed[1], signed[2]))
    return found


def status(outcome: Outcome) -> list[dict[str, int]]:
    return [
        {name: int(value) for name, value in (word.split("=") for word in text.split()[1:])}
        for text in outcome.texts()
        if text.startswith("sensor_bulk_status")
    ]


VALUE = st.integers(-4096, 4095)


@given(st.lists(st.lists(st.tuples(VALUE, VALUE, VALUE), max_size=32), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None)
def test_every_sample_arrives_in_order_in_counted_messages(looks: list[list[Sample]]) -> None:
    script = configured([reply for samples in looks for reply in look(samples)])
    sent = [sample for samples in looks for sample in samples]
    result = script.run(BEGIN + (len(looks) + 2) * REST)
    found = messages(result)
    assert [sequence for sequence, _ in found] == list(range(len(sent) // 10))
    assert {len(data) for _, data in found} <= {50}
    got = [sample for _, data in found for sample in unpacked(data)]
    assert got == sent[: len(sent) // 10 * 10]


def test_measuring_begins_and_ends_with_the_looks_a_period_apart() -> None:
    script = configured([])
    script.send(BEGIN + 3 * REST + 5000, "query_adxl345 oid=4 rest_ticks=0")
    result = script.run(SECOND)
    assert [text.split()[-1] for _, text in result.transfers] == ["2d08", *["b900"] * 3, "2d00"]
    clocks = [clock for clock, _ in result.transfers]
    assert BEGIN < clocks[0] < BEGIN + 100
    for index in (1, 2, 3):
        assert 0 <= clocks[index] - (BEGIN + index * REST) < 150


def test_the_queue_has_time_to_move_up_after_each_sample() -> None:
    result = configured(look([(1, 2, 3)] * 5)).run(BEGIN + 2 * REST)
    clocks = [clock for clock, text in result.transfers if text.split()[-1].startswith("f2")]
    assert len(clocks) == 5
    assert min(after - before for before, after in itertools.pairwise(clocks)) >= 5e-6 * SECOND


def test_the_state_has_what_is_buffered_here_and_in_the_chip() -> None:
    script = configured([*look([(1, 2, 3)] * 13), bytes([0, 7])])
    script.send(BEGIN + REST + 8000, "query_adxl345_status oid=4")
    (found,) = status(script.run(BEGIN + 2 * REST))
    assert 0 <= found.pop("clock") - (BEGIN + REST + 8000) < 50
    assert 0 < found.pop("query_ticks") < 100
    assert found == {"oid": 4, "next_sequence": 1, "buffered": (3 + 7) * 5, "possible_overflows": 0}


def test_a_full_queue_may_have_lost_samples_and_starting_anew_forgets_it() -> None:
    full = look([(1, 2, 3)] * 32)
    script = configured([*full, *full, bytes([0, 0]), b"\0\0", bytes([0, 0])])
    script.send(BEGIN + 2 * REST + 15_000, "query_adxl345_status oid=4")
    script.send(
        BEGIN + 2 * REST + 16_000, "query_adxl345 oid=4 rest_ticks=800000", "query_adxl345_status oid=4"
    )
    first, second = status(script.run(BEGIN + 5 * REST))
    assert (first["possible_overflows"], first["next_sequence"]) == (2, 6)
    assert (second["possible_overflows"], second["next_sequence"], second["buffered"]) == (0, 0, 0)


def test_without_a_chip_nothing_is_sent_and_the_state_is_not_answered() -> None:
    script = configured([b"\xff" * 100])
    script.send(BEGIN + 500, "query_adxl345_status oid=4")
    result = script.run(BEGIN + 10 * REST)
    assert messages(result) == []
    assert status(result) == []


@pytest.mark.parametrize("place", [1, 3, 5])
def test_a_sample_that_cannot_be_is_marked(place: int) -> None:
    data = bytearray(6)
    data[place] = 0x20
    samples = look([(0, 0, 0)] * 9)[1:]
    result = configured([b"\0\x0a", b"\0" + bytes(data), *samples]).run(BEGIN + 2 * REST)
    assert messages(result) == [(0, b"\xff" * 5 + bytes(45))]


def test_a_shutdown_ends_the_looks() -> None:
    script = configured(look([(1, 2, 3)] * 20))
    script.send(BEGIN + REST + 300, "emergency_stop")
    script.send(BEGIN + REST + 3000, "clear_shutdown")
    result = script.run(BEGIN + 9 * REST)
    stop = result.shutdown_clock("Command request")
    assert max(clock for clock, _ in result.transfers) <= stop
