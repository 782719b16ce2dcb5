"""Addressable lights: pulses, the pause between frames, frames that were disturbed."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import Outcome, Script
from tests.unit.test_firmware_traces import recorded

SECOND = 16_000_000
PIN = "PC0"
RESET = 800  # ticks
NS = SECOND / 1e9


def configured(size: int, bit_max: int = 64, more: str = "") -> Script:
    script = Script(settings={"byte": 1})
    script.send(
        1000,
        "allocate_oids count=2",
        f"config_neopixel oid=1 pin={PIN} data_size={size} bit_max_ticks={bit_max} reset_min_ticks={RESET}",
        *([more] if more else []),
        "finalize_config crc=1",
    )
    return script


def pulses(outcome: Outcome) -> list[tuple[int, int]]:
    """Clock and width of each pulse, ticks."""
    edges = outcome.of_pin(PIN)
    assert [level for _, level in edges] == [1, 0] * (len(edges) // 2)
    return [(rise, fall - rise) for (rise, _), (fall, _) in zip(edges[::2], edges[1::2], strict=True)]


def shown(outcome: Outcome) -> list[bytes]:
    """What the lights take: frames of bytes, by the data sheet's widths."""
    frames: list[list[int]] = []
    last = -RESET
    for clock, width in pulses(outcome):
        assert 200 * NS <= width <= 500 * NS or 650 * NS <= width <= 950 * NS
        if clock - last >= RESET:
            frames.append([])
        frames[-1].append(int(width > 575 * NS))
        last = clock
    return [
        bytes(int("".join(map(str, bits[at : at + 8])), 2) for at in range(0, len(bits), 8))
        for bits in frames
    ]


def results(outcome: Outcome) -> list[str]:
    return [text for text in outcome.texts() if text.startswith("neopixel_result")]


@given(st.binary(min_size=1, max_size=40))
@settings(max_examples=10, deadline=None)
def test_the_buffer_is_sent_as_pulses(data: bytes) -> None:
    script = configured(len(data))
    script.send(2000, f"neopixel_update oid=1 pos=0 data={data.hex()}")
    script.send(4000, "neopixel_send oid=1")
    result = script.run(SECOND)
    assert shown(result) == [data]
    assert results(result) == ["neopixel_result oid=1 success=1"]
    clocks = [clock for clock, _ in pulses(result)]
    assert all(20 <= after - before <= 64 for before, after in pairwise(clocks))


def test_recorded_updates_of_parts_are_shown_together() -> None:
    lines = [line.text for line in recorded("j2") if line.name.startswith("neopixel")]
    script = configured(12)
    for index, text in enumerate(line for line in lines if not line.startswith("neopixel_result")):
        script.send(5000 * (index + 1), text)
    result = script.run(SECOND)
    assert shown(result) == [
        bytes.fromhex("008000008000008000008000"),
        bytes.fromhex("40ff0040ff0040ff0040ff00"),
    ]
    assert results(result) == [line for line in lines if line.startswith("neopixel_result")]


def test_a_frame_waits_for_the_pause_after_the_one_before() -> None:
    script = configured(1)
    script.send(2000, "neopixel_send oid=1", "neopixel_send oid=1", "neopixel_update oid=1 pos=0 data=ff")
    script.send(20_000, "neopixel_send oid=1")
    result = script.run(SECOND)
    assert shown(result) == [b"\0", b"\0", b"\xff"]
    clocks = [clock for clock, _ in pulses(result)]
    assert RESET <= clocks[8] - clocks[7] < RESET + 100


def test_long_ago_is_no_pause_to_wait_for() -> None:
    """The clock has gone half way round since the last frame, and nearly all the way round."""
    for ticks in (1 << 31, (1 << 32) - 100_000):
        script = configured(1)
        script.send(2000 + ticks, "neopixel_send oid=1")
        (clock, _), *_ = pulses(script.run(ticks + SECOND))
        assert clock < 2000 + ticks + 1000


def test_a_frame_that_was_held_up_is_given_up_and_told() -> None:
    script = Script(settings={"byte": 1})
    script.send(
        1000,
        "allocate_oids count=9",
        f"config_neopixel oid=1 pin={PIN} data_size=30 bit_max_ticks=12 reset_min_ticks={RESET}",
    )
    for oid in range(2, 9):  # steps of all of them at once hold a bit up
        command = f"config_stepper oid={oid} step_pin={oid} dir_pin=PL{oid - 2} invert_step=-1"
        script.send(1000 + 200 * oid, f"{command} step_pulse_ticks=2")
    script.send(3000, "finalize_config crc=1")
    for oid in range(2, 9):
        steps = f"queue_step oid={oid} interval=1200 count=4 add=0"
        script.send(3000 + 200 * oid, f"reset_step_clock oid={oid} clock=9000", steps)
    script.send(10_000, "neopixel_send oid=1")
    script.send(60_000, "neopixel_send oid=1")
    result = script.run(SECOND)
    assert results(result) == ["neopixel_result oid=1 success=0", "neopixel_result oid=1 success=1"]
    first, second = shown(result)
    assert len(first) < 30
    assert second == bytes(30)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("neopixel_update oid=1 pos=2 data=0102", "Invalid neopixel update command"),
        ("neopixel_update oid=1 pos=4 data=01", "Invalid neopixel update command"),
        ("neopixel_update oid=1 pos=65535 data=0102", "Invalid neopixel update command"),
    ],
)
def test_bytes_beyond_the_buffer_are_refused(command: str, reason: str) -> None:
    script = configured(3)
    script.send(2000, command)
    script.run(SECOND).shutdown_clock(reason)


@pytest.mark.parametrize("size", [0, 4097, 65536])
def test_a_buffer_of_no_bytes_or_too_many_is_refused(size: int) -> None:
    configured(size).run(SECOND).shutdown_clock("Invalid neopixel data_size")
