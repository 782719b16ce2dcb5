"""Arcs: points on the circle, in order, of the length that was told, in each plane; what is refused."""

import math
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from klipkit.base.config import parse_config
from klipkit.base.errors import ConfigError, KlipkitError
from klipkit.base.faults import GcodeError, MoveError
from klipkit.cli.sections import SCHEMA
from klipkit.gcode.commands import Commands, carried_out
from klipkit.gcode.words import parse_line
from klipkit.machine.commands.arcs import GcodeArcsConfig, arc_commands
from klipkit.machine.commands.moves import MoveCommands
from klipkit.machine.kinematics import Place as Position
from klipkit.machine.offline import Offline
from klipkit.machine.planner import Planner
from tests.unit.test_machine_fast import CONFIG

Place = tuple[float, float, float, float]


class Recorder:
    """Notes where each move ends; it makes no steps."""

    def __init__(self, resolution: float = 1.0) -> None:
        loaded = SCHEMA.load(
            parse_config(f"{CONFIG}\n[gcode_arcs]\nresolution: {resolution}\n", "printer.cfg")
        )
        self.planner = Planner(loaded, [])
        self.planner.set_start(0.25)
        self.planner.know((0, 1, 2))
        arcs = arc_commands(loaded.one(GcodeArcsConfig), self)
        self.commands = Commands([MoveCommands(self, force_move=True), *arcs])
        self.places: list[Place] = []

    def run(self, *lines: str) -> list[Place]:
        """Where the moves of the last line end."""
        for number, text in enumerate(lines, 1):
            self.places = []
            line = parse_line(text, f"part.gcode:{number}")
            assert line is not None
            carried_out(self.commands.run(line))
        return self.places

    @property
    def place(self) -> Place:
        at = self.planner.moves.position
        return (at[0], at[1], at[2], at[3])

    async def begin(self) -> None:
        pass

    async def go_on(self) -> None:
        self.places.append(self.place)

    async def drain(self) -> None:
        self.planner.flush()

    async def dwell(self, seconds: float) -> None:
        pass

    async def set_position(self, position: Position) -> None:
        pass


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.planner.close()


def turned(places: list[Place], middle: tuple[float, float], first: int, second: int, start: Place) -> float:
    """The angle about the middle from the start to the last place, counterclockwise from axis `first` to `second`."""
    total = 0.0
    for a, b in zip([start, *places], places, strict=False):
        ax, ay, bx, by = (
            a[first] - middle[0],
            a[second] - middle[1],
            b[first] - middle[0],
            b[second] - middle[1],
        )
        total += math.atan2(ax * by - ay * bx, ax * bx + ay * by)
    return total


PLANES = {"G17": (0, 1, 2, "IJ"), "G18": (0, 2, 1, "IK"), "G19": (1, 2, 0, "JK")}


@given(
    st.sampled_from(sorted(PLANES)),
    st.sampled_from(["G2", "G3"]),
    st.floats(0.5, 20),
    st.floats(0, 2 * math.pi),
    st.floats(0.01, 2 * math.pi - 0.01),
    st.floats(-5, 5),
    st.sampled_from([0.1, 1.0, 7.0]),
)
def test_an_arc_lies_on_its_circle_and_turns_as_told(
    plane: str, command: str, radius: float, begin: float, turn: float, rise: float, resolution: float
) -> None:
    first, second, third, letters = PLANES[plane]
    made = Recorder(resolution)
    start = [40.0, 40.0, 40.0]
    middle = (40 - radius * math.cos(begin), 40 - radius * math.sin(begin))
    direction = -1 if command == "G2" else 1
    end = list(start)
    end[first] = middle[0] + radius * math.cos(begin + direction * turn)
    end[second] = middle[1] + radius * math.sin(begin + direction * turn)
    end[third] += rise
    words = f"X{end[0]:.14f} Y{end[1]:.14f} Z{end[2]:.14f} E2"
    offsets = f"{letters[0]}{middle[0] - 40:.14f} {letters[1]}{middle[1] - 40:.14f}"
    places = made.run("G1 X40 Y40 Z40 F3000", plane, f"{command} {words} {offsets}")
    made.planner.close()
    length = math.hypot(radius * turn, rise)
    assume(abs(length / resolution - round(length / resolution)) > 1e-6)
    assert len(places) == max(1, int(length / resolution))
    assert places[-1] == pytest.approx((*end, 2), abs=1e-12)
    for number, place in enumerate(places[:-1], 1):
        part = number / len(places)
        assert math.hypot(place[first] - middle[0], place[second] - middle[1]) == pytest.approx(radius)
        assert place[third] == pytest.approx(40 + rise * part)
        assert place[3] == pytest.approx(2 * part)
    if len(places) > 2 * turn:
        zero = (40.0, 40.0, 40.0, 0.0)
        assert turned(places, middle, first, second, zero) == pytest.approx(direction * turn, abs=1e-6)


@pytest.mark.parametrize("words", ["I10", "I0 J10", "X40 Y40 J-10", "X40 Y40 Z42 I6 J8"])
@pytest.mark.parametrize("command, direction", [("G2", -1), ("G3", 1)])
def test_an_end_at_the_start_is_a_full_circle(
    recorder: Recorder, words: str, command: str, direction: int
) -> None:
    places = recorder.run("G1 X40 Y40 Z40 F3000", f"{command} {words}")
    assert len(places) == 62
    far = max(places, key=lambda place: math.dist(place[:2], (40, 40)))
    middle = ((far[0] + 40) / 2, (far[1] + 40) / 2)
    assert turned(places, middle, 0, 1, (40, 40, 40, 0)) == pytest.approx(direction * 2 * math.pi)


def test_an_arc_shorter_than_the_resolution_is_a_straight_line(recorder: Recorder) -> None:
    assert recorder.run("G1 X40 Y40 F3000", "G3 X40.2 Y40.2 I0 J0.2 E1") == [(40.2, 40.2, 0, 1)]


def test_relative_words_origins_and_factors_mean_what_they_do_in_a_line(recorder: Recorder) -> None:
    setting = ("G1 X40 Y40 F3000", "M83", "M221 S50", "G92 X0 Y0")
    places = recorder.run(*setting, "G3 X10 Y10 I0 J10 E4")
    assert places[-1] == pytest.approx((50, 50, 0, 2))
    places = recorder.run("G91", "G3 X-10 Y10 I-10 J0 E4")
    assert places[-1] == pytest.approx((40, 60, 0, 4))
    assert places[0][0] < 50 and places[0][1] > 50


def test_speed_is_that_of_the_line(recorder: Recorder) -> None:
    recorder.run("G1 X40 Y40 F3000", "G2 X50 Y50 I10 J0 F1234")
    assert recorder.planner.moves.feed == 1234


@pytest.mark.parametrize(
    "line, what",
    [
        ("G2 X50 Y50", "no middle"),
        ("G2 X50 Y50 I0 J0", "no middle"),
        ("G2 X50 Y50 K5", "no middle"),
        ("G2 X50 Y50 R10", "R is not supported"),
        ("G2 X50 Y50 I--5", "not a number"),
        ("G2 X50 Y50 I10 F0", "above 0"),
        ("G2 I10000000", "too long"),
        ("G3 X-30 Y50 I30", "Move out of range"),
    ],
)
def test_an_arc_that_cannot_be_is_refused_with_its_line(recorder: Recorder, line: str, what: str) -> None:
    with pytest.raises(GcodeError, match=what) as told:
        recorder.run("G1 X40 Y40 F3000", line)
    assert told.value.where == "part.gcode:2"


def test_an_arc_that_leaves_the_machine_on_its_way_is_refused(recorder: Recorder) -> None:
    with pytest.raises(MoveError, match="Move out of range"):
        recorder.run("G1 X90 Y40 F3000", "G3 X90 Y80 I0 J20")


def test_without_the_section_there_are_no_arcs() -> None:
    loaded = SCHEMA.load(parse_config(CONFIG, "printer.cfg"))
    machine = Offline(loaded)
    assert "G2" not in machine.commands.by_name
    machine.close()


def test_a_resolution_of_nothing_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigError) as told:
        SCHEMA.load(parse_config(f"{CONFIG}[gcode_arcs]\nresolution: 0\n", "printer.cfg"))
    assert isinstance(told.value, KlipkitError)
    assert told.value.where == f"printer.cfg:{CONFIG.count(chr(10)) + 2}"
