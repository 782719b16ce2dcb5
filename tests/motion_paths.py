"""Print-like paths on a look-ahead, and steppers whose steps are collected: what the truth is compared with."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from tests.motion_crossings import DOUBT_MM, Crossings, Solver
from tests.motion_truth import Array
from tests.unit.test_motion_steps import RUN, Core

GAP_MOST = 3 << 28  # ticks
EACH_TICK = 1e-12  # s; a max error less than any tick: each step as near to its time as whole ticks allow
ROUNDING_MM = 1e-12  # of places of some hundred mm, as doubles
WINDOW_LEAST = 0.56  # ticks; a whole tick is always within it
Place = tuple[float, float, float]


class Bench:
    """A look-ahead with an extruder; its moves begin after the print time `begin`."""

    def __init__(self, core: Core, begin: float = 0.0, corner: float = 1.0) -> None:
        self.core, self.lib, self.begin = core, core.lib, begin
        self.trapq = core.ffi.gc(core.lib.trapq_new(), core.lib.trapq_free)
        self.filament = core.ffi.gc(core.lib.trapq_new(), core.lib.trapq_free)
        self.lookahead = core.ffi.gc(core.lib.lookahead_new(self.trapq), core.lib.lookahead_free)
        assert core.lib.lookahead_set_extruder(self.lookahead, self.filament, 0.0, corner) == 0
        core.lib.lookahead_set_start(self.lookahead, begin + 0.25)
        self.place: Place = (0.0, 0.0, 0.0)
        self.travelled = 0.0
        self.limit(300, 5000)

    def limit(self, velocity: float, accel: float, corner: float = 5.0, ratio: float = 0.5) -> None:
        limits = self.core.ffi.new("struct lookahead_limits *", (velocity, accel, corner, ratio))
        assert self.lib.lookahead_set_limits(self.lookahead, limits) == 0

    def go(
        self, x: float, y: float, z: float, filament: float = 0, velocity: float = 100, accel: float = 1e9
    ) -> None:
        self.travelled += math.dist(self.place, (x, y, z))
        self.place = (x, y, z)
        assert self.lib.lookahead_extrude(self.lookahead, [x, y, z], filament, velocity, accel) >= 0

    def pull(self, filament: float, velocity: float = 40, accel: float = 1500) -> None:
        assert self.lib.lookahead_extrude(self.lookahead, list(self.place), filament, velocity, accel) >= 0

    def rest(self, seconds: float = 0) -> None:
        assert self.lib.lookahead_flush(self.lookahead) >= 0
        self.lib.lookahead_set_start(self.lookahead, self.print_time + seconds)

    @property
    def print_time(self) -> float:
        return float(self.lib.lookahead_print_time(self.lookahead))


class Wanderer:
    """Random parts of prints within `reach` of the middle, z up and down; `size` scales all lengths."""

    def __init__(self, bench: Bench, seed: int, size: float, reach: float) -> None:
        self.bench, self.size, self.reach = bench, size, reach
        self.chance = np.random.default_rng(seed)
        self.features: list[Callable[[], None]] = [
            self.infill,
            self.arc,
            self.zigzag,
            self.hop,
            self.retract,
            self.anywhere,
            self.extreme,
            self.grid,
            self.speeds,
            self.stop,
        ]

    def wander(self, length: float) -> None:
        """Until so many mm were travelled."""
        end, turn = self.bench.travelled + length, 0
        while self.bench.travelled < end:
            self.features[turn % len(self.features) if turn < 10 else self.chance.integers(10)]()
            turn += 1
        self.bench.rest()

    def line(self, dx: float, dy: float, dz: float, ratio: float, velocity: float) -> None:
        x, y, z = self.bench.place
        end = (x + dx, y + dy, z + dz)
        if math.hypot(end[0], end[1]) > self.reach or abs(end[2]) > self.reach:
            end = (x / 2, y / 2, z / 2)
        self.bench.go(*end, filament=ratio * math.dist(end, (x, y, z)), velocity=velocity)

    def heading(self, length: float) -> tuple[float, float]:
        angle = self.chance.uniform(0, 2 * math.pi)
        return length * math.cos(angle), length * math.sin(angle)

    def speed(self) -> float:
        return float(self.chance.uniform(5, 350))

    def infill(self) -> None:
        (dx, dy), velocity, ratio = self.heading(self.size), self.speed(), self.chance.choice([0.033, 0.05])
        for k in range(5):
            self.line(dx * (-1) ** k, dy * (-1) ** k, 0, ratio, velocity)
            self.line(-dy * 0.45 / self.size, dx * 0.45 / self.size, 0, ratio, velocity)

    def arc(self) -> None:
        """Tiny segments of an arc."""
        (dx, dy), velocity = self.heading(0.02 * self.size * self.chance.uniform(0.1, 2)), self.speed()
        turn = complex(math.cos(bend := self.chance.uniform(-0.3, 0.3)), math.sin(bend))
        way = complex(dx, dy)
        for _ in range(20):
            self.line(way.real, way.imag, 0, 0.04, velocity)
            way *= turn

    def zigzag(self) -> None:
        """There and back, of the size of a step."""
        length, velocity = self.chance.choice([0.005, 0.0125, 0.02, 0.1]), self.speed()
        dx, dy = self.heading(length)
        for k in range(8):
            self.line(dx * (-1) ** k * self.chance.uniform(0.5, 1.5), dy * (-1) ** k, 0, 0.04, velocity)

    def hop(self) -> None:
        self.line(0, 0, 0.4, 0, 30)
        self.line(*self.heading(self.size / 2), 0, 0, self.speed())
        self.line(0, 0, -0.4, 0, 30)

    def retract(self) -> None:
        self.bench.pull(-0.1 * self.size**0.5)
        self.line(*self.heading(self.size / 2), 0, 0, self.speed())
        self.bench.pull(0.1 * self.size**0.5)

    def anywhere(self) -> None:
        for _ in range(6):
            length = self.chance.normal(0, self.size) * self.chance.choice([0.003, 0.1, 1])
            dz = self.chance.choice([0, 0, 0.002, 0.03]) * length
            self.line(*self.heading(length), dz, self.chance.choice([0, -0.01, 0.03, 0.3]), self.speed())

    def extreme(self) -> None:
        """Axes and filament that nearly stand, and such that run."""
        for ratio in (1e-4, 0.8, 0.001):
            length = self.size * self.chance.uniform(0.1, 0.5)
            tiny = length * 10 ** self.chance.uniform(-9, -3)
            dx, dy = (length, tiny) if self.chance.random() < 0.5 else (tiny, length)
            self.line(dx, -dy, 0, ratio, self.speed())

    def grid(self) -> None:
        """On numbers with few digits: whole and half steps are met exactly, axes stand still."""
        for _ in range(4):
            x, y, z = (round(at, 1) for at in self.bench.place)
            n = self.chance.integers(-4, 5, 2) * 0.1 * self.size
            end = (round(x + float(n[0]), 3), round(y + float(n[1]), 3), z)
            if math.hypot(*end[:2]) < self.reach:
                self.bench.go(*end, filament=0.05, velocity=self.speed())

    def speeds(self) -> None:
        """Other limits, and a line in parts of other speeds."""
        self.bench.limit(
            self.chance.uniform(50, 400),
            10 ** self.chance.uniform(2.5, 4.5),
            self.chance.uniform(0, 12),
            self.chance.uniform(0, 0.95),
        )
        dx, dy = self.heading(self.size / 4)
        for _ in range(4):
            self.line(dx, dy, 0, 0.04, self.speed())

    def stop(self) -> None:
        self.bench.rest(self.chance.choice([0, 0.001, 0.3, 2]))


@dataclass
class Worst:
    """The largest errors seen: ticks, and as a part of what is allowed; and how many steps."""

    steps: int = 0
    ticks: float = 0
    part: float = 0
    excused: int = 0

    def add(self, other: "Worst") -> None:
        self.steps += other.steps
        self.excused += other.excused
        self.ticks, self.part = max(self.ticks, other.ticks), max(self.part, other.part)


EXCUSED_MOST = (
    2e-5  # seen: 1e-5 with ten times the usual pressure advance, half of it ten hours after 0; else 1e-6
)


def prove_steps(name: str, prove: Callable[[int], Worst], seed: int, steps: int) -> None:
    """Paths with one seed after another, until so many steps have been compared."""
    worst = Worst()
    for number in count(seed):
        if worst.steps >= steps:
            break
        worst.add(prove(number))
    assert worst.excused <= 3 + EXCUSED_MOST * worst.steps
    print(f"{name}: {worst}")


class Watched:
    """A stepper at `frequency`, each step of it. Its clock is 0 at print time 0."""

    def __init__(
        self, bench: Bench, kinematics: str, distance: float, frequency: float, error: float
    ) -> None:
        self.bench, self.lib = bench, bench.lib
        self.distance, self.frequency, self.error = distance, frequency, error
        trapq = bench.filament if kinematics == "extruder" else bench.trapq
        self.stepper = bench.core.ffi.gc(
            self.lib.stepper_new(trapq, kinematics.encode(), distance), self.lib.stepper_free
        )
        assert self.lib.stepper_set_max_error(self.stepper, error) == 0
        assert self.lib.stepper_set_clock(self.stepper, 0.0, 0, frequency) == 0
        self.first = int(bench.begin * frequency)
        self.lib.stepper_set_last_clock(self.stepper, self.first)
        self.runs: list[Array] = []

    def shape(self, axis: int, name: str, frequency: float, damping: float) -> None:
        if name == "none":
            return
        shaper: Any = self.bench.core.ffi.new("struct shaper *")
        assert self.lib.shaper_set(shaper, name.encode(), frequency, damping) == 0
        assert self.lib.stepper_set_shaper(self.stepper, axis, shaper) == 0

    def stand_at(self, coordinate: float) -> None:
        assert self.lib.stepper_set_position(self.stepper, coordinate, 0) == 0

    def generate(self, until: float, due: float) -> None:
        count = self.lib.stepper_generate(self.stepper, until, due)
        assert count >= 0
        if count:
            raw = self.bench.core.ffi.buffer(self.lib.stepper_runs(self.stepper), count * RUN.itemsize)
            self.runs.append(np.frombuffer(bytes(raw), RUN))

    def steps(self) -> tuple[Array, Array]:
        """Clocks, from the print time `begin`, and directions of all steps. What run.h promises of runs is checked."""
        runs = np.concatenate([np.zeros(0, RUN), *self.runs])
        count, first = runs["count"].astype(np.int64), runs["first"].astype(np.int64)
        interval, add = runs["interval"].astype(np.int64), runs["add"].astype(np.int64)
        last = first + (count - 1) * interval + add * (count * (count - 1) // 2)
        before = np.append(self.first, last[:-1])
        assert bool(np.all((first - before) % (1 << 32) == interval)) and bool(np.all(count >= 1))
        assert bool(np.all((count == 1) | (first - before <= GAP_MOST)))
        of = np.repeat(np.arange(len(runs)), count)
        k = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
        clocks = first[of] + k * interval[of] + add[of] * (k * (k + 1) // 2)
        assert bool(np.all(np.diff(clocks, prepend=self.first) > 0)), "steps out of order"
        return clocks - self.first, runs["direction"].astype(np.int64)[of]


def generate(bench: Bench, watched: list[Watched], seed: int) -> None:
    """All steps, at a random cadence, some runs being kept back."""
    chance, until = np.random.default_rng(seed), bench.begin
    end = bench.print_time + 0.3
    while until < end:
        until += float(chance.choice([0.011, 0.07, 0.4]) * chance.uniform(0.1, 1))
        due = until - float(chance.choice([0, 0, 0.1, 1]))
        for one in watched:
            one.generate(until, due)
    for one in watched:
        one.generate(until + 1, until + 1)


def agreed(solver: Solver, directions: Array) -> Crossings:
    """The true crossings; what hangs on less than can be known is answered as the steps have it, one by one."""
    answers: frozenset[tuple[str, int]] = frozenset()
    truth = solver.crossings(answers)
    for _ in range(50):
        least = min(len(directions), len(truth.direction))
        differs = np.flatnonzero(directions[:least] != truth.direction[:least])
        if len(directions) == len(truth.direction) and not len(differs):
            break
        time = truth.time[differs[0]] if len(differs) else np.inf
        open_ones = [
            doubt for doubt in truth.doubts if doubt.key not in answers and doubt.time <= time + 1e-3
        ]
        if not open_ones:
            break
        answers |= {max(open_ones, key=lambda doubt: doubt.time).key}
        truth = solver.crossings(answers)
    return truth


def compare(solver: Solver, truth: Crossings, watched: Watched, window_least: float = WINDOW_LEAST) -> Worst:
    """Each step against its crossing; the counts and the order are the truth's."""
    clocks, directions = watched.steps()
    assert len(clocks) == len(truth.time), f"{len(clocks)} steps, not {len(truth.time)}"
    assert bool(np.all(directions == truth.direction)), "directions"
    assert watched.lib.stepper_position(watched.stepper) == int(directions.sum())
    if not len(clocks):
        return Worst()
    ticks = truth.time * watched.frequency
    off = np.abs(clocks - ticks)
    interval = np.diff(ticks, prepend=-np.inf, append=np.inf)
    nearer = np.minimum(interval[1:], interval[:-1])
    bound = np.maximum(np.minimum(watched.error * watched.frequency, nearer / 2), window_least)
    blurred = excused(solver, truth, watched, np.flatnonzero(off > bound), clocks, bound)
    part = off / bound
    part[blurred] = 0
    worst = int(np.argmax(part))
    message = f"step {worst} at {truth.time[worst]} s is {off[worst]} ticks off, not {bound[worst]}"
    assert part[worst] <= 1, message
    return Worst(len(clocks), float(off.max()), float(part[worst]), len(blurred))


def excused(
    solver: Solver, truth: Crossings, watched: Watched, which: Array, clocks: Array, bound: Array
) -> Array:
    """Those steps whose level is met within their bounds but for rounding: of places, and of print times.

    Ten hours after 0 a double counts in 7e-12 s: two moves that follow each other differ in place by that times
    the speed, and where shaped axes or smoothed filament nearly stand still that decides about whole ticks.
    """
    blur = ROUNDING_MM + 2 * solver.motion.swift * np.spacing(watched.bench.begin)
    way = []
    for side in (-1, 1):
        place = solver.motion.coordinate((clocks[which] + side * bound[which]) / watched.frequency)
        way.append(
            (place - solver.zero - truth.level[which] * solver.distance) * truth.direction[which] * side
        )
    return np.asarray(which[np.min(way, axis=0, initial=np.inf) > -blur])


def assert_bracketed(solver: Solver, truth: Crossings, watched: Watched, most: int) -> None:
    """The motion's formula itself, a tick before a step and a tick after it: its level is crossed in between.

    Of at most about `most` steps."""
    clocks, directions = watched.steps()
    some = slice(None, None, 1 + len(clocks) // most)
    for tick in (-1, 1):
        place = solver.motion.coordinate((clocks[some] + tick) / watched.frequency)
        past = (place - solver.zero - truth.level[some] * solver.distance) * directions[some] * tick
        assert np.min(past, initial=0) > -DOUBT_MM
