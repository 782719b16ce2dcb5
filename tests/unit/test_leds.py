"""Lights on a simulated microcontroller: duties of PWM pins, pulses to addressable lights."""

import asyncio

import pytest

from klipkit.base.config import parse_config
from klipkit.base.errors import ConfigError
from klipkit.base.faults import GcodeError
from klipkit.cli.sections import SCHEMA
from klipkit.parts.leds.neopixel import bytes_of
from tests.unit.parts_bench import PRINTER, Bench

LED = "[led case]\nred_pin: PH4\nwhite_pin: PH5\ninitial_WHITE: 0.5\n"
CHAIN = "[neopixel bar]\npin: PC0\nchain_count: 3\ninitial_GREEN: 1\n"
BYTE = 8  # bits
MIDDLE = 575e-9  # s: wider is a 1 (WS2812B data sheet)
PAUSE = 50e-6  # s


def frames(bench: Bench, pin: str) -> list[bytes]:
    """What the lights take, frame by frame."""
    edges = bench.edges_of(pin)
    bits: list[list[int]] = []
    last = -1.0
    for (rise, _), (fall, _) in zip(edges[::2], edges[1::2], strict=True):
        if rise - last > PAUSE:
            bits.append([])
        bits[-1].append(int(fall - rise > MIDDLE))
        last = fall
    return [
        bytes(int("".join(map(str, frame[at : at + BYTE])), 2) for at in range(0, len(frame), BYTE))
        for frame in bits
    ]


def chain(more: str = "") -> Bench:
    bench = Bench(CHAIN + more)
    bench.watch("PC0")
    return bench


def test_a_light_on_pins_has_its_colors_and_those_without_a_pin_are_left_out() -> None:
    bench = Bench(LED)
    for pin in ("PH4", "PH5"):
        bench.watch(pin)

    async def act() -> None:
        await asyncio.sleep(2)
        await bench.gcode("SET_LED LED=case RED=0.25 GREEN=1 WHITE=1")
        assert bench.parts["led case"].status().color_data == ((0.25, 1.0, 0.0, 1.0),)
        await asyncio.sleep(2)

    bench.run(act)
    now = bench.cosim.now()
    assert bench.duty("PH5", now - 3.5, now - 2.1) == pytest.approx(0.5, abs=0.01)
    assert bench.duty("PH5", now - 1.5, now) == 1.0
    assert bench.duty("PH4", now - 3.5, now - 2.1) == 0.0
    assert bench.duty("PH4", now - 1.5, now) == pytest.approx(0.25, abs=0.01)


def test_a_chain_shows_its_first_colors_then_those_of_each_light() -> None:
    bench = chain()

    async def act() -> None:
        await asyncio.sleep(1)
        await bench.gcode("SET_LED LED=bar RED=1 INDEX=2 TRANSMIT=0")
        await asyncio.sleep(1)
        await bench.gcode("SET_LED LED=bar BLUE=0.5 INDEX=3")
        await asyncio.sleep(1)
        await bench.gcode("SET_LED LED=bar WHITE=1")
        await asyncio.sleep(1)

    bench.run(act)
    assert [frame.hex(" ", 3) for frame in frames(bench, "PC0")] == [
        "ff0000 ff0000 ff0000",
        "ff0000 00ff00 000080",
        "000000 000000 000000",
    ]
    assert bench.parts["neopixel bar"].status().color_data == ((0.0, 0.0, 0.0, 1.0),) * 3


def test_a_long_chain_is_sent_in_pieces_and_only_what_changed() -> None:
    bench = Bench("[neopixel bar]\npin: PC0\nchain_count: 40\ncolor_order: GRBW\n")
    bench.watch("PC0")

    async def act() -> None:
        await asyncio.sleep(1)
        await bench.gcode("SET_LED LED=bar RED=1 INDEX=40")
        await asyncio.sleep(1)

    bench.run(act)
    assert frames(bench, "PC0") == [bytes(160), bytes(156) + bytes([0, 255, 0, 0])]


def test_colors_change_when_the_moves_end_unless_told_otherwise() -> None:
    bench = chain()

    async def act() -> tuple[float, float]:
        await asyncio.sleep(1)
        bench.clock.moves = 1.5
        await bench.gcode("SET_LED LED=bar RED=1")
        first = bench.cosim.now()
        await asyncio.sleep(3)
        await bench.gcode("SET_LED LED=bar BLUE=1 SYNC=0")
        second = bench.cosim.now()
        await asyncio.sleep(3)
        return first, second

    first, second = bench.run(act)
    starts = [time for time, level in bench.edges_of("PC0") if level]
    begins = [time for time, before in zip(starts, [-1.0, *starts], strict=False) if time - before > PAUSE]
    assert begins[1] - first == pytest.approx(1.5, abs=0.02)
    assert begins[2] - second == pytest.approx(0.0, abs=0.02)


def test_each_light_may_have_an_order_of_its_own() -> None:
    assert bytes_of([(1, 0, 0.5, 0.2), (1, 0, 0.5, 0.2)], ["GRB", "RGBW"]).hex() == "00ff80ff008033"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("SET_LED LED=bar RED=1.1", "R=1.1 of 'bar' must be between 0 and 1"),
        ("SET_LED LED=bar INDEX=4", "INDEX=4 of 'bar' must be between 1 and 3"),
        ("SET_LED LED=bra RED=1", "did you mean 'bar'"),
    ],
)
def test_wrong_colors_are_refused(line: str, words: str) -> None:
    bench = chain()
    with pytest.raises(GcodeError, match=words):
        bench.run(lambda: bench.gcode(line))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[led x]\n", "'red_pin' in section 'led x' \\(or green_pin"),
        ("[neopixel x]\npin: PC0\ncolor_order: GRX\n", "R, G, B and maybe W"),
        ("[neopixel x]\npin: PC0\nchain_count: 3\ncolor_order: GRB, RGB\n", "one for each of the 3 lights"),
    ],
)
def test_wrong_lights_are_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SCHEMA.load(parse_config(PRINTER + text, "printer.cfg"))
