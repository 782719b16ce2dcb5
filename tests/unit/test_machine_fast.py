"""The quick way of a print file against Python's commands: the same moves, and the same refusal at the same line."""

import tempfile
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from klipkit._core import ffi, lib
from klipkit.base.config import parse_config
from klipkit.base.errors import KlipkitError
from klipkit.cli.sections import SCHEMA
from klipkit.machine.offline import Offline

RAIL = """
step_pin: PF0
dir_pin: PF1
enable_pin: PD7
microsteps: 16
rotation_distance: 40
endstop_pin: PE5
position_endstop: 0
position_min: -20
position_max: 100
"""
CONFIG = f"""
[mcu]
serial: /dev/null
[printer]
kinematics: cartesian
max_velocity: 300
max_accel: 3000
max_z_velocity: 20
max_z_accel: 200
[stepper_x]{RAIL}
[stepper_y]{RAIL}
[stepper_z]{RAIL}
[extruder]
step_pin: PA4
dir_pin: PA6
enable_pin: PA2
microsteps: 16
rotation_distance: 33.5
nozzle_diameter: 0.4
filament_diameter: 1.75
max_extrude_cross_section: 50
heater_pin: PB4
sensor_pin: PK5
sensor_type: EPCOS 100K B57560G104F
control: watermark
min_temp: 0
max_temp: 260
"""
LOADED = SCHEMA.load(parse_config(CONFIG, "printer.cfg"))
EACH = 0xFFFFFFFF  # of `without`: no command is of the quick way
Move = tuple[Any, ...]


def moves_of(trapq: Any) -> list[Move]:
    """The moves of a trapezoid queue, numbers as they are."""
    numbers = range(lib.trapq_begin(trapq), lib.trapq_end(trapq))
    moves = [lib.trapq_get(trapq, number) for number in numbers]
    times = [(m.print_time, m.accel_t, m.cruise_t, m.decel_t, m.line) for m in moves]
    speeds = [(m.start_v, m.cruise_v, m.accel) for m in moves]
    return list(
        zip(times, speeds, [tuple(m.start) for m in moves], [tuple(m.direction) for m in moves], strict=True)
    )


class Ran:
    """What a text comes to, with these commands left to Python."""

    def __init__(self, text: str, without: int) -> None:
        offline = Offline(LOADED)
        offline.planner.expire = lambda print_time: None  # type: ignore[method-assign]  # keep all moves
        offline.stand_at((0.0, 0.0, 0.0))
        offline._fast.without = without
        self.counts = [0] * len(offline.planner.motors)
        offline.take = self._take
        self.said = ""
        with tempfile.NamedTemporaryFile("w", suffix=".gcode") as file:
            file.write(text)
            file.flush()
            try:
                offline.run(file.name)
            except KlipkitError as error:
                self.said = str(error).replace(file.name, "FILE")
                offline.planner.flush()
        moves = offline.planner.moves
        self.moves = moves_of(offline.planner.trapq)
        self.filament = moves_of(offline.planner.filament_trapq)
        self.state = (*moves.position, *moves.origin, *moves.offset, moves.feed, *offline.planner.limits)
        self.modes = (moves.is_relative, moves.is_relative_e, moves.speed_factor, moves.extrude_factor)
        offline.close()

    def lines(self) -> list[int]:
        """Of the moves; those that are of none left out."""
        return [times[-1] for times, *_ in self.moves if times[-1]]

    def _take(self, number: int, runs: Any, count: int) -> None:
        total = ffi.new("struct trace_sum *")
        lib.trace_add(total, runs, count)
        self.counts[number] += total.position


def assert_same(text: str) -> Ran:
    """Both ways agree; gives the quick one."""
    quick, slow = Ran(text, 0), Ran(text, EACH)
    assert quick.said == slow.said
    assert quick.moves == slow.moves
    assert quick.filament == slow.filament
    assert (quick.state, quick.modes) == (slow.state, slow.modes)
    if not quick.said:
        assert quick.counts == slow.counts
    return quick


def number(low: float, high: float) -> st.SearchStrategy[str]:
    """A decimal as slicers write it."""
    return st.floats(low, high).map(lambda value: f"{value:.3f}")


def words(*each: tuple[str, st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    """Some of these words."""
    parts = [st.none() | value.map(letter.__add__) for letter, value in each]
    return st.tuples(*parts).map(lambda found: " ".join(word for word in found if word))


def extended(name: str, **each: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """An extended command with some of these parameters."""
    return words(*((f"{key}=", value) for key, value in each.items())).map(lambda text: f"{name} {text}")


XY, Z, E = number(-5, 30), number(0, 3), number(-0.3, 1)
F = number(300, 12000)
MOVES = st.builds(
    lambda command, text: f"{command} {text}",
    st.sampled_from(["G1", "G0", "g1"]),
    words(("X", XY), ("Y", XY), ("Z", Z), ("E", E), ("F", F)) | words(("X", XY), ("Y", XY), ("E", E)),
)
OTHERS = st.one_of(
    st.sampled_from(
        [
            "G90",
            "G91",
            "M82",
            "M83",
            "G21",
            "",
            "; note",
            "G4 P50",
            "G92",
            "M400",
            "M106 S1",
        ]
    ),
    words(("X", XY), ("Y", XY), ("E", E)).map("G92 {}".format),
    words(("S", number(100, 5000)), ("P", number(100, 5000)), ("T", number(100, 5000))).map("M204 {}".format),
    number(20, 300).map("M220 S{}".format),
    number(50, 150).map("M221 S{}".format),
    extended(
        "SET_GCODE_OFFSET", X=number(-2, 2), Z_ADJUST=number(-0.2, 0.5), E=number(-1, 1), MOVE=st.just("1")
    ),
    extended(
        "SET_VELOCITY_LIMIT",
        VELOCITY=number(10, 500),
        ACCEL=number(100, 9000),
        SQUARE_CORNER_VELOCITY=number(0, 9),
        MINIMUM_CRUISE_RATIO=number(0, 0.9),
    ),
)
WRONG = st.sampled_from(
    ["G1 X500", "G1 E900 F300", "G1 X1 E40", "G20", "G1 X", "M204", "G1 Xnan", "M220 S0", "M204 S0", "G1 F0"]
)


@settings(max_examples=150)
@given(st.lists(MOVES | MOVES | OTHERS, max_size=30), st.none() | WRONG, st.lists(MOVES, max_size=2))
@example(["G91", "M83", "G1 X5 E0.1", "G92 E0", "G1 X-2 E-0.3 F900", "M82", "G90", "G1 X1 Y1 E0"], None, [])
@example(["M221 S50", "G1 X10 E1", "G92 E5", "M221 S200", "G1 X20 E6"], None, [])
@example(["SET_GCODE_OFFSET Z=0.5 MOVE=1", "G1 Z1", "G92 Z0", "G1 Z1"], "G1 Z500", [])
def test_both_ways_move_the_same(lines: list[str], wrong: str | None, after: list[str]) -> None:
    assert_same("\n".join([*lines, *([wrong] if wrong else []), *after]))


@pytest.mark.parametrize("number", range(9))
def test_a_command_with_another_meaning_is_left_to_python(number: int) -> None:
    text = "G91\nM83\nG1 X1 E.1 F600\nG90\nM82\nG92 E0\nG21\nM204 S500\nG0 X9 Y9\nG1 X3 E.2\n"
    one, all_quick = Ran(text, 1 << number), Ran(text, 0)
    assert one.moves == all_quick.moves and one.filament == all_quick.filament
    assert lib.fast_command(number) != ffi.NULL


def test_the_list_of_quick_commands_is_whole_and_ends() -> None:
    names = [ffi.string(lib.fast_command(number)).decode() for number in range(9)]
    assert sorted(names) == ["G0", "G1", "G21", "G90", "G91", "G92", "M204", "M82", "M83"]
    assert lib.fast_command(9) == lib.fast_command(-1) == ffi.NULL


def test_moves_end_where_gcode_says() -> None:
    ran = assert_same("G1 X10 Y5 E1 F6000\nG91\nG1 X-2 E1\nG90\nG92 X0 E0\nG1 X1 E0.5\nM83\nG1 Y6 E0.5\n")
    assert ran.state[:4] == pytest.approx((9, 6, 0, 3))
    assert ran.counts == [9 * 80, 6 * 80, 0, round(3 / 33.5 * 3200)]
    assert ran.lines() == [1, 3, 6, 8]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nG1 X101", "FILE:2: Move out of range: 101.000 0.000 0.000 [0.000]; X goes from -20 to 100 mm"),
        ("G1 E51 F300", "FILE:1: Extrude only move too long (51.000mm vs 50.000mm)"),
        ("G1 X1 E25", "FILE:1: Move exceeds maximum extrusion (60.132mm^2 vs 50.000mm^2)"),
        ("M204 S0", "FILE:1: a speed or acceleration is not above 0"),
        ("M204", "FILE:1: M204: S must be given"),
        ("G1 X1 F0", "FILE:1: a speed or acceleration is not above 0"),
    ],
)
def test_both_ways_refuse_in_the_same_words(text: str, said: str) -> None:
    assert assert_same(f"{text}\nG1 X1\n").said.startswith(said)


def test_lines_are_counted_through_chunks_of_the_file() -> None:
    quick = Ran("; " + "x" * 60 + "\n" + "".join(f"G1 X{n % 7} F9000 ; {'y' * 90}\n" for n in range(4000)), 0)
    assert quick.lines() == list(range(3, 4002))  # the one in line 2 goes nowhere
    assert Ran("\n".join(["; " + "x" * 90] * 4000) + "\nG20", 0).said.startswith("FILE:4001: G20")
