"""Steps of each kinematics, checked forwards: at a step's time the stepper is there, by formulas in numpy."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.unit.test_motion_steps import RUN, START, Core, core

__all__ = ["core"]
Array = np.ndarray[Any, Any]
AXES = 3


class Moves:
    """The moves of a trapezoid queue as arrays: where they are at any print time. Rows of what follows: x, y, z."""

    def __init__(self, core: Core, trapq: Any) -> None:
        numbers = range(core.lib.trapq_begin(trapq), core.lib.trapq_end(trapq))
        moves = [core.lib.trapq_get(trapq, number) for number in numbers]
        self.times = np.array([[m.print_time, m.accel_t, m.cruise_t, m.decel_t] for m in moves])
        self.speeds = np.array([[m.start_v, m.cruise_v, m.accel] for m in moves])
        self.start = np.array([list(m.start) for m in moves])
        self.direction = np.array([list(m.direction) for m in moves])

    def along(self, t: Array) -> tuple[Array, Array, Array]:
        """The move at each time, how far it has come (mm), and its speed (0 in a rest)."""
        i = np.clip(np.searchsorted(self.times[:, 0], t, side="right") - 1, 0, None)
        begin, *lengths = self.times[i].T
        start_v, cruise_v, accel = self.speeds[i].T
        left = np.maximum(t - begin, 0)
        resting = (t < begin) | (left > sum(lengths))
        speeding, cruising, slowing = (
            np.clip(left - sum(lengths[:k]), 0, length) for k, length in enumerate(lengths)
        )
        way = speeding * (start_v + accel * speeding / 2) + cruising * cruise_v
        way = way + slowing * (cruise_v - accel * slowing / 2)
        speed = np.where(left < lengths[0], start_v + accel * speeding, cruise_v - accel * slowing)
        return i, way, np.where(resting, 0, speed)

    def position(self, t: Array) -> Array:
        i, way, _ = self.along(t)
        return np.asarray((self.start[i] + self.direction[i] * way[:, None]).T)


class Motor:
    """A stepper and the clocks of its steps, with the sign of their direction."""

    def __init__(self, core: Core, trapq: Any, kinematics: str, distance: float, frequency: float) -> None:
        self.core, self.lib, self.distance, self.frequency = core, core.lib, distance, frequency
        made = core.lib.stepper_new(trapq, kinematics.encode(), distance)
        assert made != core.ffi.NULL
        self.stepper = core.ffi.gc(made, core.lib.stepper_free)
        assert core.lib.stepper_set_clock(self.stepper, 0.0, 0, frequency) == 0
        self.last, self.pieces = 0, [np.array([], dtype=np.int64)]

    def stand_at(self, *position: float) -> float:
        """Step 0 is there; gives the coordinate."""
        place = float(self.lib.stepper_coordinate(self.stepper, [*position, 0.0, 0.0][:AXES]))
        assert self.lib.stepper_set_position(self.stepper, place, 0) == 0
        return place

    def generate(self, until: float) -> None:
        count = self.lib.stepper_generate(self.stepper, until, until)
        assert count >= 0
        raw = (
            self.core.ffi.buffer(self.lib.stepper_runs(self.stepper), count * RUN.itemsize) if count else b""
        )
        for run in np.frombuffer(bytes(raw), RUN):
            n = np.arange(1, int(run["count"]) + 1)
            clocks = self.last + int(run["interval"]) * n + int(run["add"]) * (n * (n - 1) // 2)
            clocks = clocks if run["count"] > 1 else np.array([int(run["first"])])
            assert clocks[0] == run["first"]
            self.last = int(clocks[-1])
            self.pieces.append(clocks * int(run["direction"]))

    @property
    def steps(self) -> Array:
        return np.concatenate(self.pieces)

    def shape(self, axis: int, name: str, frequency: float) -> list[tuple[float, float]]:
        """An input shaper with the classic damping ratio of 0.1; gives its amplitudes and times."""
        shaper: Any = self.core.ffi.new("struct shaper *")
        assert self.lib.shaper_set(shaper, name.encode(), frequency, 0.1) == 0
        assert self.lib.stepper_set_shaper(self.stepper, axis, shaper) == 0
        return [(shaper.amplitude[i], shaper.time[i]) for i in range(shaper.count)]


class Rig:
    """A look-ahead, its trapezoid queue, and motors on it."""

    def __init__(self, core: Core, frequency: float = 16e6) -> None:
        self.core, self.lib, self.frequency = core, core.lib, frequency
        self.trapq = core.ffi.gc(core.lib.trapq_new(), core.lib.trapq_free)
        self.lookahead = core.ffi.gc(core.lib.lookahead_new(self.trapq), core.lib.lookahead_free)
        self.lib.lookahead_set_start(self.lookahead, START)
        self.limit(200, 3000)

    def limit(self, velocity: float, accel: float) -> None:
        limits = self.core.ffi.new("struct lookahead_limits *", (velocity, accel, 5.0, 0.5))
        assert self.lib.lookahead_set_limits(self.lookahead, limits) == 0

    def motor(self, kinematics: str, distance: float) -> Motor:
        return Motor(self.core, self.trapq, kinematics, distance, self.frequency)

    def wander(self, seed: int, moves: int, length: float, reach: float) -> None:
        """Random moves within a circle of radius `reach`, long and tiny ones."""
        chance = np.random.default_rng(seed)
        position = np.zeros(AXES)
        for _ in range(moves):
            step = chance.normal(0, length, AXES) * chance.choice([0.01, 0.1, 1]) * (1, 1, 0.02)
            if math.hypot(*(position + step)[:2]) > reach:
                step = -position * (0.5, 0.5, 1)
            position = position + step
            assert (
                self.lib.lookahead_append(self.lookahead, list(position), chance.uniform(10, 250), 1e9) >= 0
            )
        assert self.lib.lookahead_flush(self.lookahead) >= 0

    def generate(self, *motors: Motor, piece: float = 0.07) -> None:
        """All steps, in pieces."""
        end = self.lib.lookahead_print_time(self.lookahead) + 0.2
        for until in np.arange(0, end, piece):
            for motor in motors:
                motor.generate(float(until))
        for motor in motors:
            motor.generate(end)


def assert_steps_follow(motor: Motor, coordinate: Callable[[Array], Array], error: float = 25e-6) -> int:
    """Each step's half-way point is crossed within `error` (s) of it, and the last step is where the motion ends.

    `coordinate`: mm from step 0 at print times. Gives the number of steps.
    """
    steps = motor.steps
    at = np.cumsum(np.sign(steps)) - np.sign(steps) / 2
    times = np.abs(steps) / motor.frequency
    assert bool(np.all(np.diff(np.abs(steps)) > 0))
    late = [
        (coordinate(times + offset) / motor.distance - at) * np.sign(steps)
        for offset in np.linspace(-1, 1, 9) * (error + 1 / motor.frequency)
    ]
    assert np.max(np.min(late, axis=0)) < 1e-3
    assert np.min(np.max(late, axis=0)) > -1e-3
    end = coordinate(np.array([motor.last / motor.frequency + 10]))[0] / motor.distance
    assert abs(end - motor.lib.stepper_position(motor.stepper)) < 0.501
    return len(steps)


@pytest.mark.parametrize("frequency", [16e6, 520e6])
def test_corexy_motors_follow_sum_and_difference(core: Core, frequency: float) -> None:
    rig = Rig(core, frequency)
    plus, minus = rig.motor("corexy_x", 0.0125), rig.motor("corexy_y", 0.0125)
    rig.wander(1, 150, 40, 100)
    rig.generate(plus, minus)
    moves = Moves(core, rig.trapq)
    count = assert_steps_follow(plus, lambda t: np.array([1, 1, 0]) @ moves.position(t))
    count += assert_steps_follow(minus, lambda t: np.array([1, -1, 0]) @ moves.position(t))
    assert count > 200_000


def shaped(moves: Moves, x: list[tuple[float, float]], y: list[tuple[float, float]], t: Array) -> Array:
    """The positions, x and y under the impulses of input shapers."""
    parts = (x, y, [(1.0, 0.0)])
    return np.array(
        [
            sum((amplitude * moves.position(t - late)[axis] for amplitude, late in part), np.zeros(len(t)))
            for axis, part in enumerate(parts)
        ]
    )


@pytest.mark.parametrize("frequency, error", [(16e6, 25e-6), (520e6, 5e-6)])
@pytest.mark.parametrize("names", [("zv", "3hump_ei"), ("mzv", "2hump_ei"), ("ei", "zvd")])
def test_shaped_motors_follow_the_sum_of_impulses(
    core: Core, names: tuple[str, str], frequency: float, error: float
) -> None:
    rig = Rig(core, frequency)
    x, plus = rig.motor("cartesian_x", 0.0125), rig.motor("corexy_x", 0.0125)
    for motor in (x, plus):
        assert core.lib.stepper_set_max_error(motor.stepper, error) == 0
        impulses = [motor.shape(axis, name, 45 - 7 * axis) for axis, name in enumerate(names)]
    rig.wander(2, 120, 30, 100)
    rig.generate(x, plus)
    moves = Moves(core, rig.trapq)
    count = assert_steps_follow(x, lambda t: shaped(moves, impulses[0], impulses[1], t)[0], error)
    count += assert_steps_follow(
        plus, lambda t: np.array([1, 1, 0]) @ shaped(moves, impulses[0], impulses[1], t), error
    )
    assert count > 100_000


def vibration(impulses: list[tuple[float, float]], frequency: float, damping: float) -> float:
    """What is left of the vibration of a resonance after a step, as a part of that without a shaper."""
    pole = 2 * math.pi * frequency * complex(-damping, math.sqrt(1 - damping**2))
    last = impulses[-1][1]
    return float(abs(sum(amplitude * np.exp(pole * (last - t)) for amplitude, t in impulses)))


@pytest.mark.parametrize(
    "name, most", [("zv", 0), ("zvd", 0), ("mzv", 0), ("ei", 0.05), ("2hump_ei", 0.05), ("3hump_ei", 0.05)]
)
@pytest.mark.parametrize("damping", [0.0, 0.05, 0.1])
def test_shaper_leaves_no_more_vibration_than_its_design_says(
    core: Core, name: str, most: float, damping: float
) -> None:
    shaper: Any = core.ffi.new("struct shaper *")
    assert core.lib.shaper_set(shaper, name.encode(), 40.0, damping) == 0
    impulses = [(shaper.amplitude[i], shaper.time[i]) for i in range(shaper.count)]
    assert sum(amplitude for amplitude, _ in impulses) == pytest.approx(1)
    assert sum(amplitude * t for amplitude, t in impulses) == pytest.approx(0, abs=1e-15)
    assert vibration(impulses, 40, damping) < most + 0.002


def test_shaper_of_another_name_or_out_of_range_is_refused(core: Core) -> None:
    shaper: Any = core.ffi.new("struct shaper *")
    for name, frequency, damping in ((b"zz", 40, 0.1), (b"zv", 0, 0.1), (b"zv", 40, 1), (b"zv", math.nan, 0)):
        assert core.lib.shaper_set(shaper, name, frequency, damping) < 0


def test_shaper_is_not_changed_while_the_axis_moves(core: Core) -> None:
    rig = Rig(core)
    x = rig.motor("cartesian_x", 0.0125)
    x.shape(0, "mzv", 40)
    assert core.lib.lookahead_append(rig.lookahead, [50.0, 0.0, 0.0], 50.0, 1e9) == 0
    assert core.lib.lookahead_flush(rig.lookahead) == 1
    x.generate(START + 0.1)
    assert core.lib.stepper_set_shaper(x.stepper, 0, core.ffi.NULL) < 0
    assert core.lib.stepper_set_position(x.stepper, 0.0, 0) < 0
    x.generate(3)
    assert core.lib.stepper_set_shaper(x.stepper, 0, core.ffi.NULL) == 0
    assert core.lib.stepper_delay(x.stepper) == 0
    assert core.lib.stepper_position(x.stepper) == 4000


def height(position: Array, tower: tuple[float, float, float]) -> Array:
    """Of a delta's carriage over z = 0."""
    x, y, arm = tower
    return np.asarray(position[2] + np.sqrt(arm**2 - (position[0] - x) ** 2 - (position[1] - y) ** 2))


@pytest.mark.parametrize("frequency, error", [(16e6, 25e-6), (520e6, 5e-6)])
@pytest.mark.parametrize("shaper", [None, "mzv", "3hump_ei"])
def test_delta_carriages_follow_the_length_of_the_arm(
    core: Core, frequency: float, error: float, shaper: str | None
) -> None:
    rig = Rig(core, frequency)
    near, far = (151.0, 87.0, 333.0), (-80.0, 0.0, 180.0)
    motors = [rig.motor("delta", 0.0125), rig.motor("delta", 0.01)]
    impulses = [[(1.0, 0.0)], [(1.0, 0.0)]]
    places = []
    for motor, tower in zip(motors, (near, far), strict=True):
        assert core.lib.stepper_set_max_error(motor.stepper, error) == 0
        assert core.lib.stepper_set_geometry(motor.stepper, tower, 3) == 0
        places.append(motor.stand_at(0, 0, 0))
        if shaper:
            impulses = [motor.shape(axis, shaper, 45 - 7 * axis) for axis in range(2)]
    rig.wander(3, 100, 25, 70)
    rig.generate(*motors)
    moves = Moves(core, rig.trapq)
    count = 0
    for motor, tower, place in zip(motors, (near, far), places, strict=True):

        def coordinate(t: Array, at: tuple[float, float, float] = tower, zero: float = place) -> Array:
            return height(shaped(moves, impulses[0], impulses[1], t), at) - zero

        count += assert_steps_follow(motor, coordinate, error)
    assert count > 60_000


def test_delta_tells_what_is_out_of_reach(core: Core) -> None:
    rig = Rig(core)
    motor, other = rig.motor("delta", 0.0125), rig.motor("cartesian_x", 0.0125)
    assert core.lib.stepper_set_geometry(other.stepper, [0.0, 0.0, 100.0], 3) < 0
    assert core.lib.stepper_set_geometry(motor.stepper, [0.0, 0.0, 0.0], 3) < 0
    assert core.lib.stepper_set_geometry(motor.stepper, [0.0, 0.0, 100.0], 3) == 0
    motor.stand_at(0, 0, 0)
    assert core.lib.lookahead_append(rig.lookahead, [120.0, 0.0, 0.0], 50.0, 1e9) == 0
    assert core.lib.lookahead_flush(rig.lookahead) == 1
    assert core.lib.stepper_generate(motor.stepper, 5.0, 5.0) < 0


class Smoothed:
    """The average of the filament's position and its advance under a triangle of half width `half`.

    The triangle's second derivative is three impulses: there the second integral of the position is taken, and the
    first of `rise`, whose rate the advance is; from sums over a fine grid.
    """

    GRID = 1e-5

    def __init__(self, moves: Moves, half: float, end: float) -> None:
        self.half = half
        self.grid = np.arange(-2 * half, end + 2 * half, self.GRID)
        self.f = moves.position(self.grid)[0]
        number, way, _ = moves.along(self.grid)
        lengths = moves.along(moves.times.sum(axis=1) - 1e-12)[1]
        before = np.concatenate([[0.0], np.cumsum(moves.direction[:, 1] * lengths)])
        rise = before[number] + moves.direction[number, 1] * way
        self.first, self.rise = self.integral(self.f), self.integral(rise)
        self.second = self.integral(self.first)

    def integral(self, of: Array) -> Array:
        """In long doubles: three of them are subtracted from each other and divided by half^2."""
        pieces = np.asarray((of[1:] + of[:-1]) / 2 * self.GRID, dtype=np.longdouble)
        return np.concatenate([np.zeros(1, dtype=np.longdouble), np.cumsum(pieces)])

    def second_at(self, t: Array) -> Array:
        i = np.clip(((t - self.grid[0]) / self.GRID).astype(int), 0, len(self.grid) - 1)
        d = t - self.grid[i]
        return np.asarray(self.second[i] + d * (self.first[i] + d * self.f[i] / 2))

    def rise_at(self, t: Array) -> Array:
        i = np.clip(((t - self.grid[0]) / self.GRID).astype(int), 0, len(self.grid) - 2)
        part = (t - self.grid[i]) / self.GRID
        return np.asarray(self.rise[i] + part * (self.rise[i + 1] - self.rise[i]))

    def __call__(self, t: Array) -> Array:
        t = np.minimum(t, self.grid[-1] - self.half)
        around = (t + self.half, t, t - self.half)
        f = sum(weight * self.second_at(at) for weight, at in zip((1, -2, 1), around, strict=True))
        rise = sum(weight * self.rise_at(at) for weight, at in zip((1, -2, 1), around, strict=True))
        return np.asarray((f + rise) / self.half**2, dtype=float)


@pytest.mark.parametrize("frequency, error", [(16e6, 25e-6), (520e6, 5e-6)])
@pytest.mark.parametrize("advance, smooth_time", [(0.05, 0.04), (0.2, 0.02), (0.0, 0.04)])
def test_extruder_follows_the_smoothed_advance(
    core: Core, frequency: float, error: float, advance: float, smooth_time: float
) -> None:
    rig = Rig(core, frequency)
    filament = core.ffi.gc(core.lib.trapq_new(), core.lib.trapq_free)
    assert core.lib.lookahead_set_extruder(rig.lookahead, filament, 3.0, 1.0) == 0
    assert core.lib.lookahead_set_pressure_advance(rig.lookahead, advance) == 0
    motor = Motor(core, filament, "extruder", 0.0025, frequency)
    motor.stand_at(3.0)
    assert core.lib.stepper_set_max_error(motor.stepper, error) == 0
    assert core.lib.stepper_set_smooth_time(motor.stepper, smooth_time) == 0
    chance, end = np.random.default_rng(5), [0.0, 0.0, 0.0]
    for _ in range(100):
        start = end
        end = [*chance.uniform(-20, 20, 2) * chance.choice([0.03, 1]), 0.0]
        pushed = chance.choice([0.0, 0.04, 0.045, 0.3]) * math.dist(start, end)
        assert core.lib.lookahead_extrude(rig.lookahead, end, pushed, 80.0, 1e9) >= 0
        if chance.random() < 0.1:
            assert core.lib.lookahead_extrude(rig.lookahead, end, -0.8, 40.0, 1500.0) >= 0
            assert core.lib.lookahead_extrude(rig.lookahead, end, 0.8, 40.0, 1500.0) >= 0
    assert core.lib.lookahead_flush(rig.lookahead) >= 0
    rig.generate(motor)
    wanted = Smoothed(Moves(core, filament), smooth_time / 2, core.lib.lookahead_print_time(rig.lookahead))
    assert assert_steps_follow(motor, lambda t: wanted(t) - 3.0, error) > 30_000


def test_smooth_time_is_for_extruders_at_rest(core: Core) -> None:
    rig = Rig(core)
    x, extruder = rig.motor("cartesian_x", 0.01), rig.motor("extruder", 0.01)
    assert core.lib.stepper_set_smooth_time(x.stepper, 0.04) < 0
    assert core.lib.stepper_set_smooth_time(extruder.stepper, -0.01) < 0
    assert core.lib.stepper_set_smooth_time(extruder.stepper, 0.04) == 0
    assert core.lib.stepper_delay(extruder.stepper) == pytest.approx(0.02)
    assert core.lib.lookahead_append(rig.lookahead, [50.0, 0.0, 0.0], 50.0, 1e9) == 0
    assert core.lib.lookahead_flush(rig.lookahead) == 1
    extruder.generate(START + 0.1)
    assert core.lib.stepper_set_smooth_time(extruder.stepper, 0.0) < 0
    extruder.generate(3)
    assert core.lib.stepper_set_smooth_time(extruder.stepper, 0.0) == 0
