"""Steps of whole paths: against crossings computed in decimals, and against the recorded steps of a reference print."""

import math
import subprocess
from collections.abc import Iterator
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cffi import FFI
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.reference import TOP, reference_path

MOTION = TOP / "klipkit" / "motion"
RUN = np.dtype(
    {
        "names": ["first", "interval", "count", "add", "direction"],
        "formats": ["u8", "u4", "u2", "i2", "i1"],
        "offsets": [0, 8, 12, 14, 16],
        "itemsize": 24,
    }
)
MAX_ERROR = 25e-6
GRAZE = Decimal("750e-6")
START = 0.25
Point = tuple[float, float, float]
Times = list[tuple[Decimal, int]]


class Core:
    """klipkit/motion, built alone: these tests stand on nothing else of the package."""

    def __init__(self, folder: Path) -> None:
        library = folder / "motion.so"
        sources = [str(path) for path in sorted(MOTION.glob("*.c"))]
        flags = ["-std=c11", "-O2", "-fno-math-errno", "-shared", "-fPIC", f"-I{TOP}"]
        subprocess.run(["gcc", *flags, "-o", str(library), *sources, "-lm"], check=True)
        self.ffi = FFI()
        for header in sorted(MOTION.glob("*.h")):
            lines = header.read_text().splitlines()
            self.ffi.cdef("\n".join(line for line in lines if not line.lstrip().startswith("#")))
        self.lib: Any = self.ffi.dlopen(str(library))


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Core:
    return Core(tmp_path_factory.mktemp("motion"))


class Machine:
    """A cartesian machine at print time `begin`: look-ahead, trapezoid queue and a stepper for each axis."""

    def __init__(
        self,
        core: Core,
        distances: Point = (0.0125, 0.0125, 0.0025),
        *,
        frequency: float = 16e6,
        begin: float = 0,
    ) -> None:
        self.core, self.lib, self.distances, self.frequency = core, core.lib, distances, frequency
        self.trapq = core.ffi.gc(core.lib.trapq_new(), core.lib.trapq_free)
        self.lookahead = core.ffi.gc(core.lib.lookahead_new(self.trapq), core.lib.lookahead_free)
        self.lib.lookahead_set_start(self.lookahead, begin + START)
        self.steppers = [
            core.ffi.gc(
                self.lib.stepper_new(self.trapq, f"cartesian_{axis}".encode(), distance),
                self.lib.stepper_free,
            )
            for axis, distance in zip("xyz", distances, strict=True)
        ]
        self.last = [int(begin * frequency)] * 3
        self.clocks: list[list[np.ndarray[Any, Any]]] = [[], [], []]
        for stepper, last in zip(self.steppers, self.last, strict=True):
            assert self.lib.stepper_set_clock(stepper, 0.0, 0, frequency) == 0
            self.lib.stepper_set_last_clock(stepper, last)

    def limit(self, velocity: float, accel: float, corner: float = 5.0, ratio: float = 0.5) -> None:
        limits = self.core.ffi.new("struct lookahead_limits *", (velocity, accel, corner, ratio))
        assert self.lib.lookahead_set_limits(self.lookahead, limits) == 0

    def stand_at(self, position: Point) -> None:
        assert self.lib.lookahead_set_position(self.lookahead, list(position)) == 0
        for stepper in self.steppers:
            assert (
                self.lib.stepper_set_position(
                    stepper, self.lib.stepper_coordinate(stepper, list(position)), 0
                )
                == 0
            )

    def go(self, end: Point, velocity: float, accel: float = 1e9) -> None:
        assert self.lib.lookahead_append(self.lookahead, list(end), velocity, accel) >= 0

    def rest(self, seconds: float) -> None:
        assert self.lib.lookahead_flush(self.lookahead) >= 0
        self.lib.lookahead_set_start(self.lookahead, self.print_time + seconds)

    @property
    def print_time(self) -> float:
        return float(self.lib.lookahead_print_time(self.lookahead))

    def generate(self, until: float, due: float) -> None:
        """The clocks of the steps up to `until`, with the sign of their direction, behind those that stand there."""
        for axis, stepper in enumerate(self.steppers):
            count = self.lib.stepper_generate(stepper, until, due)
            assert count >= 0
            if not count:
                continue
            raw = self.core.ffi.buffer(self.lib.stepper_runs(stepper), count * RUN.itemsize)
            for run in np.frombuffer(bytes(raw), RUN):
                n = np.arange(1, int(run["count"]) + 1)
                clocks = self.last[axis] + int(run["interval"]) * n + int(run["add"]) * (n * (n - 1) // 2)
                if run["count"] == 1:
                    clocks = np.array([int(run["first"])])
                assert clocks[0] == run["first"]
                self.last[axis] = int(clocks[-1])
                self.clocks[axis].append(clocks * int(run["direction"]))

    def steps(self, axis: int) -> np.ndarray[Any, Any]:
        return np.concatenate([np.array([], dtype=np.int64), *self.clocks[axis]])

    def moves(self) -> Iterator[Any]:
        for number in range(self.lib.trapq_begin(self.trapq), self.lib.trapq_end(self.trapq)):
            yield self.lib.trapq_get(self.trapq, number)


def phases(move: Any, axis: int) -> Iterator[tuple[Decimal, Decimal, Decimal, Decimal, Decimal]]:
    """Begin, length (s), position, velocity and acceleration of an axis (mm) in each phase of a move, in decimals."""
    begin, position, along = (
        Decimal(move.print_time),
        Decimal(move.start[axis]),
        Decimal(move.direction[axis]),
    )
    lengths = [Decimal(move.accel_t), Decimal(move.cruise_t), Decimal(move.decel_t)]
    accels = [Decimal(move.accel), Decimal(0), -Decimal(move.accel)]
    speeds = [Decimal(move.start_v), Decimal(move.cruise_v), Decimal(move.cruise_v)]
    for length, accel, speed in zip(lengths, accels, speeds, strict=True):
        yield begin, length, position, speed * along, accel * along
        begin += length
        position += along * (speed * length + accel * length * length / 2)


def crossings(machine: Machine, axis: int) -> Times:
    """When the axis truly crosses half-way points (s), and in which direction, without pairs that only graze one."""
    times: Times = []
    at, distance = 0, Decimal(machine.distances[axis])
    lowest = highest = Decimal(0)
    for move in machine.moves():
        for begin, length, start, speed, accel in phases(move, axis):
            end = (start + speed * length + accel * length * length / 2) / distance
            direction = 1 if end > start / distance else -1
            while (end - at) * direction - Decimal("0.5") > Decimal("1e-7"):
                way = max(
                    Decimal(0), (at + Decimal(direction) / 2) * distance * direction - start * direction
                )
                root = max(Decimal(0), speed * speed + 2 * accel * direction * way).sqrt()
                when = begin + (2 * way / (abs(speed) + root) if way else 0)
                back = bool(times) and times[-1][1] != direction and when - times[-1][0] < GRAZE
                if back and (
                    highest < at - Decimal("1e-7") if direction < 0 else lowest > at + Decimal("1e-7")
                ):
                    times.pop()
                else:
                    lowest = highest = at + Decimal(direction) / 2
                    times.append((when, direction))
                at += direction
            lowest, highest = min(lowest, end), max(highest, end)
    return times


def assert_steps_are_true(machine: Machine) -> None:
    """Each step is within +-min(25 us, half the interval to its nearer neighbour) of its crossing, or the next tick."""
    with localcontext() as context:
        context.prec = 50
        for axis in range(3):
            steps, truth = machine.steps(axis), crossings(machine, axis)
            assert [1 if step > 0 else -1 for step in steps] == [direction for _, direction in truth]
            times = [time for time, _ in truth]
            assert bool(np.all(np.diff(np.abs(steps)) > 0))
            for i, (step, time) in enumerate(zip(steps, times, strict=True)):
                near = [abs(times[k] - time) / 2 for k in (i - 1, i + 1) if 0 <= k < len(times)]
                window = min([Decimal(MAX_ERROR), *near]) * Decimal(machine.frequency)
                assert abs(abs(int(step)) - time * Decimal(machine.frequency)) <= max(window, Decimal("0.56"))


coordinate = st.integers(-300, 300).map(lambda n: n / 100)
corner = st.tuples(coordinate, coordinate, st.sampled_from([0.0, 0.2, 0.005]), st.floats(2, 200))


@settings(max_examples=40, deadline=None)
@given(
    path=st.lists(corner, min_size=1, max_size=8),
    frequency=st.sampled_from([16e6, 520e6]),
    begin=st.sampled_from([0.0, 36000.0]),
    cadence=st.lists(st.floats(0.001, 0.3), min_size=1, max_size=5),
    lag=st.sampled_from([0.0, 0.1]),
)
@example(
    path=[(1.0, 0.0, 0.0, 200.0), (0.0, 0.0, 0.0, 200.0)] * 4,
    frequency=16e6,
    begin=0.0,
    cadence=[0.01],
    lag=0.0,
)
def test_steps_of_any_path_are_true_at_any_cadence(
    core: Core,
    path: list[tuple[float, float, float, float]],
    frequency: float,
    begin: float,
    cadence: list[float],
    lag: float,
) -> None:
    machine = Machine(core, frequency=frequency, begin=begin)
    machine.limit(150, 4000)
    for x, y, z, velocity in path:
        machine.go((x, y, z), velocity)
    machine.rest(0)
    until, calls = begin, 0
    while until < machine.print_time:
        until += cadence[calls % len(cadence)]
        calls += 1
        machine.generate(until, until - lag)
    machine.generate(until + 0.01, until + 0.01)
    assert_steps_are_true(machine)
    for axis in range(3):
        end = path[-1][axis] / machine.distances[axis]
        assert abs(machine.lib.stepper_position(machine.steppers[axis]) - end) <= 0.5 + 1e-7


@settings(max_examples=30, deadline=None)
@given(x=st.floats(-40, 40), y=st.floats(-40, 40), part=st.floats(0.01, 0.99), velocity=st.floats(5, 300))
def test_a_line_in_two_moves_is_travelled_as_in_one(
    core: Core, x: float, y: float, part: float, velocity: float
) -> None:
    whole, split = Machine(core), Machine(core)
    for machine, ends in ((whole, [1.0]), (split, [part, 1.0])):
        machine.limit(200, 3000)
        for end in ends:
            machine.go((x * end, y * end, 0.0), velocity)
        machine.rest(0)
        machine.generate(machine.print_time + 0.01, machine.print_time + 0.01)
    assert whole.print_time == pytest.approx(split.print_time, abs=1e-9)
    for axis in range(2):
        one, two = whole.steps(axis), split.steps(axis)
        assert np.array_equal(np.sign(one), np.sign(two))
        assert np.all(np.abs(one - two) <= 2 * MAX_ERROR * 16e6)


def test_a_run_kept_back_is_given_whole_later(core: Core) -> None:
    runs = []
    for lag in (0.0, 0.5):
        machine = Machine(core)
        machine.limit(200, 3000)
        machine.go((100.0, 0.0, 0.0), 100)
        machine.rest(0)
        for k in range(60):
            machine.generate(k * 0.03, k * 0.03 - lag)
        machine.generate(3, 3)
        assert len(machine.steps(0)) == 8000
        runs.append(len(machine.clocks[0]))
    assert runs[1] < runs[0] / 2


def test_cost_goes_with_runs_not_steps(core: Core) -> None:
    machine = Machine(core, (1 / 1280, 1 / 1280, 0.0025))
    machine.limit(200, 3000)
    machine.go((100.0, 50.0, 0.0), 20)
    machine.rest(0)
    machine.generate(60, 60)
    assert len(machine.steps(0)) == 128000
    assert len(machine.clocks[0]) < 128000 / 300


class Print:
    """The moves of a G-code text, with what the extruder does to X, Y and Z: corners, and rests while it retracts."""

    FILAMENT = math.pi * (1.75 / 2) ** 2
    CROSS_SECTION = 4 * 0.4**2

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.velocity, self.accel, self.corner, self.feed = 300.0, 3000.0, 5.0, 0.0
        self.position: Point = (0.0, 0.0, 10.0)
        self.extruded: float | None = None
        machine.stand_at(self.position)
        machine.limit(self.velocity, self.accel, self.corner)

    def run(self, line: str) -> None:
        word, *rest = line.split() or [""]
        if word == "G1":
            self.move({parameter[0]: float(parameter[1:]) for parameter in rest})
        elif word == "G4":
            self.pause(float(rest[0][1:]) / 1000)
        elif word == "M204":
            self.accel = float(rest[0][1:])
        elif word == "SET_VELOCITY_LIMIT":
            limits = dict(parameter.split("=") for parameter in rest)
            self.velocity = float(limits.get("VELOCITY", self.velocity))
            self.accel = float(limits.get("ACCEL", self.accel))
            self.corner = float(limits.get("SQUARE_CORNER_VELOCITY", self.corner))
        self.machine.limit(self.velocity, self.accel, self.corner)

    def pause(self, seconds: float) -> None:
        self.machine.rest(seconds)
        self.extruded = None

    def move(self, words: dict[str, float]) -> None:
        self.feed = words.get("F", self.feed * 60) / 60
        end = (
            words.get("X", self.position[0]),
            words.get("Y", self.position[1]),
            words.get("Z", self.position[2]),
        )
        length, extruded = math.dist(end, self.position), words.get("E", 0.0)
        if not length:
            if extruded:
                self.pause(self.retraction(abs(extruded)))
            return
        ratio = extruded / length
        if self.extruded is not None and self.extruded != ratio:
            self.machine.lib.lookahead_limit_junction(self.machine.lookahead, 1 / abs(self.extruded - ratio))
        self.extruded = ratio
        climb = length / abs(end[2] - self.position[2]) if end[2] != self.position[2] else math.inf
        self.machine.go(end, min(self.feed, 25 * climb), min(self.accel, 300 * climb))
        self.position = end

    def retraction(self, length: float) -> float:
        """Seconds of an extrude-only move from rest to rest."""
        scale = self.CROSS_SECTION / self.FILAMENT
        accel = 3000 * scale
        peak = min(self.feed, 300 * scale, math.sqrt(length * accel))
        return length / peak + peak / accel


def test_reference_print_has_the_recorded_steps(core: Core) -> None:
    folder = reference_path("steps/cartesian_torture")
    machine = Machine(core)
    text = Print(machine)
    for line in (folder / "input.gcode").read_text().splitlines():
        text.run(line)
    machine.rest(0)
    machine.generate(machine.print_time + 1, machine.print_time + 1)
    recorded = np.load(folder / "steps.npz")
    steps = [machine.steps(axis) for axis in range(3)]
    first = min(int(abs(axis[0])) for axis in steps) - 1
    for axis, name in enumerate(("stepper_x", "stepper_y", "stepper_z")):
        assert np.array_equal(np.sign(steps[axis]), np.sign(recorded[name]))
        late = np.abs(steps[axis]) - first - np.abs(recorded[name])
        assert np.max(np.abs(late)) <= 50e-6 * 16e6
