"""Bulk data of the MPU-9250, ICM-20948 and BMI160, from a simulated chip's registers."""

import struct
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import Script
from tests.unit.sampler_bench import BEGIN, REST, data_of, scripted, sent, states_of

SECOND = 16_000_000
Sample = tuple[int, int, int]
VALUE = st.integers(-32768, 32767)
SAMPLES = st.lists(st.tuples(VALUE, VALUE, VALUE), max_size=20)


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip on a bus: what it is told and asked, from its data sheet."""

    name: str
    bus: str
    config: str
    begin: tuple[str, ...]  # register and value
    end: str
    ask: str  # the read of the queue's bytes
    data: str
    order: str  # of bytes, as in struct
    room: int  # of its queue, bytes

    def config_text(self) -> str:
        return f"config_{self.name} oid=4 {self.config}"

    def number(self, count: int) -> bytes:
        return count.to_bytes(2, "little" if self.order == "<" else "big")

    def pieces(self, samples: list[Sample], before: int) -> list[list[Sample]]:
        """The samples of one look as they are fetched: 8 at most, and never more than the message has room for."""
        found, gathered = [], before % 8
        while samples:
            count = min(8 - gathered, len(samples))
            found.append(samples[:count])
            samples, gathered = samples[count:], (gathered + count) % 8
        return found

    def look(self, samples: list[Sample], before: int = 0) -> list[bytes]:
        """Answers to a look and to what follows; `before`: samples of earlier looks."""
        packed = [
            b"".join(struct.pack(f"{self.order}3h", *sample) for sample in piece)
            for piece in self.pieces(samples, before)
        ]
        return [self.number(6 * len(samples)), *packed]

    def script(self, answers: list[bytes]) -> Script:
        """The chip is begun with, and gives these answers."""
        script = scripted(self.bus, self.config_text(), [bytes(1)] * len(self.begin) + answers)
        script.send(BEGIN, f"query_{self.name} oid=4 rest_ticks={REST}")
        return script


ON_I2C, BUS = "i2c_oid=3", "bus_oid=3 bus_oid_type="
BMI = ("4700", "7eb0", "4740")
CHIPS = [
    Chip("mpu9250", "i2c", ON_I2C, ("2300", "6a00", "6a04", "6a40", "2308"), "2300", "72", "74", ">", 512),
    Chip("icm20948", "i2c", ON_I2C, ("7f00", "681f", "6800", "0340", "6710"), "6700", "70", "72", ">", 512),
    Chip("bmi160", "i2c", BUS + "1", BMI, "4700", "22", "24", "<", 1024),
    Chip("bmi160", "spi", BUS + "0", BMI, "4700", "a2", "a4", "<", 1024),
]
chips = pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: f"{chip.name}-{chip.bus}")


@chips
@given(st.lists(SAMPLES, min_size=1, max_size=4))
@settings(max_examples=6, deadline=None)
def test_every_sample_arrives_in_order_in_counted_messages(chip: Chip, looks: list[list[Sample]]) -> None:
    answers: list[bytes] = []
    flat: list[Sample] = []
    for samples in looks:
        answers += chip.look(samples, len(flat))
        flat += samples
    result = chip.script([*answers, chip.number(0)]).run(BEGIN + len(looks) * REST + REST // 2)
    found = data_of(result)
    assert [sequence for sequence, _ in found] == list(range(len(flat) // 8))
    assert {len(data) for _, data in found} <= {48}
    got = list(struct.iter_unpack(f"{chip.order}3h", b"".join(data for _, data in found)))
    assert got == flat[: len(flat) // 8 * 8]


@chips
def test_the_queue_begins_empty_and_is_looked_at_until_the_end(chip: Chip) -> None:
    script = chip.script(chip.look([(1, 2, 3)] * 2))
    script.send(BEGIN + REST + REST // 2, f"query_{chip.name} oid=4 rest_ticks=0")
    result = script.run(SECOND)
    tail = {"spi": ("0000", "00" * 12), "i2c": ("", "")}[chip.bus]
    assert sent(result, chip.bus) == [*chip.begin, chip.ask + tail[0], chip.data + tail[1], chip.end]
    clocks = [clock for clock, _ in result.transfers]
    assert 0 <= clocks[len(chip.begin)] - (BEGIN + REST) < 300


@chips
def test_the_state_has_what_is_buffered_here_and_in_the_chip(chip: Chip) -> None:
    script = chip.script([*chip.look([(1, 2, 3)] * 11), chip.number(7 * 6)])
    script.send(BEGIN + REST + REST // 2, f"query_{chip.name}_status oid=4")
    (found,) = states_of(script.run(BEGIN + 2 * REST - 100))
    assert 0 <= found.pop("clock") - (BEGIN + REST + REST // 2) < 50
    assert 0 < found.pop("query_ticks") < 100
    assert found == {"oid": 4, "next_sequence": 1, "buffered": (3 + 7) * 6, "possible_overflows": 0}


@chips
def test_a_queue_that_ran_over_is_counted_and_gives_no_mixed_samples(chip: Chip) -> None:
    """That of the BMI160 drops whole samples and is read; that of the others drops bytes, and is begun anew."""
    full = chip.number(chip.room - chip.room % 6) if chip.order == "<" else chip.number(chip.room)
    answers = [full] + [bytes(48)] * 30 if chip.order == "<" else [full, *[bytes(1)] * 5, chip.number(0)]
    script = chip.script(answers)
    script.send(BEGIN + REST + REST // 2, f"query_{chip.name}_status oid=4")
    result = script.run(BEGIN + 2 * REST - 100)
    (found,) = states_of(result)
    assert found["possible_overflows"] == 1
    if chip.order == ">":
        assert sent(result, chip.bus)[:11] == [*chip.begin, chip.ask, *chip.begin]
        assert data_of(result) == []
    else:
        assert len(data_of(result)) == chip.room // 48


FAILURES = {1: "I2C NACK", 2: "I2C Timeout", 3: "I2C START NACK", 4: "I2C START READ NACK"}


@pytest.mark.parametrize("chip", CHIPS[:3], ids=lambda chip: chip.name)
@pytest.mark.parametrize(("status", "reason"), FAILURES.items())
def test_a_chip_that_is_gone_from_i2c_shuts_the_mcu_down(chip: Chip, status: int, reason: str) -> None:
    script = chip.script([])
    script.lines.append(f"i2c {status} 00")
    result = script.run(BEGIN + 3 * REST)
    assert 0 <= result.shutdown_clock(reason) - (BEGIN + REST) < 500


def test_without_a_chip_on_spi_nothing_is_sent_and_the_state_is_not_answered() -> None:
    script = CHIPS[3].script([b"\xff" * 200])
    script.send(BEGIN + 500, "query_bmi160_status oid=4")
    result = script.run(BEGIN + 5 * REST)
    assert data_of(result) == [] and states_of(result) == []


@chips
def test_a_shutdown_ends_the_looks(chip: Chip) -> None:
    script = chip.script(chip.look([(1, 2, 3)] * 20))
    script.send(BEGIN + REST + 300, "emergency_stop")
    script.send(BEGIN + REST + 3000, "clear_shutdown")
    result = script.run(BEGIN + 9 * REST)
    stop = result.shutdown_clock("Command request")
    assert max(clock for clock, _ in result.transfers) <= stop
