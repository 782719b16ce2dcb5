"""Ten thousand steps against crossings solved with 50 digits, from the trapezoids' doubles taken as exact numbers.

Another way than that of motion_truth: pressure advance by the moments of the wanted position, each crossing by a
bracketed secant on the formula itself.
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf, sqrt

from tests.motion_cases import DAMPING, RESONANCES, WEIGHTS, Case, zero_of
from tests.motion_paths import EACH_TICK, WINDOW_LEAST, Bench, Wanderer, Watched, generate
from tests.motion_truth import ALONE, Trapezoids, impulses_of
from tests.unit.test_motion_steps import Core, core

__all__ = ["core"]
Number = Any
DIGITS = 50
CLOSE = mpf(10) ** -30  # s
STEPS = 690  # of each case
FREQUENCY = 520e6
CASES = [
    *(
        Case(kinematics, pair)
        for kinematics in ("cartesian", "corexy", "delta")
        for pair in (("none", "none"), ("zv", "3hump_ei"), ("mzv", "ei"), ("zvd", "2hump_ei"))
    ),
    Case("extruder"),
    Case("extruder", smooth_time=0.04, advance=0.05),
    Case("extruder", smooth_time=0.02, advance=0.2),
]


class Exact:
    """The moves of a trapezoid queue in exact numbers; rests between them are moves of speed 0."""

    def __init__(self, moves: Trapezoids) -> None:
        self.begins: list[Number] = []
        self.phases: list[
            tuple[Number, ...]
        ] = []  # begin, way there, speed, acceleration, number of the move
        self.rows = [[mpf(float(value)) for value in row] for row in moves.table]
        for number, row in enumerate(self.rows):
            begin, accel_t, cruise_t, decel_t, start_v, cruise_v, accel = row[:7]
            way = mpf(0)
            shape = (
                (accel_t, start_v, accel),
                (cruise_t, cruise_v, 0),
                (decel_t, cruise_v, -accel),
                (0, 0, 0),
            )
            for length, speed, change in shape:
                self.phases.append((begin, way, mpf(speed), mpf(change), number))
                way += length * (speed + change * length / 2)
                begin += length
        self.begins = [phase[0] for phase in self.phases]

    def phase(self, t: Number) -> tuple[Number, ...]:
        return self.phases[max(0, bisect_right(self.begins, t) - 1)]

    def place(self, t: Number, axis: int) -> Number:
        begin, way, speed, change, number = self.phase(t)
        u = max(mpf(0), t - begin)
        return self.rows[number][7 + axis] + self.rows[number][10 + axis] * (
            way + u * (speed + change * u / 2)
        )


class Moments:
    """Integrals of the wanted position w and of t w, from the first border; the triangle's average from six of them."""

    def __init__(self, exact: Exact, smooth_time: float) -> None:
        self.exact, self.half = exact, mpf(smooth_time) / 2
        self.sums = [(mpf(0), mpf(0))]
        for number, end in enumerate(exact.begins[1:]):
            self.sums.append(self.until(number, end))

    def until(self, number: int, t: Number) -> tuple[Number, Number]:
        """Both integrals, t in the phase of this number; w is what it is before the first one."""
        begin, way, speed, change, move = self.exact.phases[number]
        row, u = self.exact.rows[move], t - begin
        side, advance = row[10], row[11]
        if u < 0:
            speed = change = 0
        c = (row[7] + side * way + advance * speed, side * speed + advance * change, side * change / 2)
        zeroth, first = self.sums[number]
        zeroth += u * (c[0] + u * (c[1] / 2 + u * c[2] / 3))
        moment = u * u * (c[0] / 2 + u * (c[1] / 3 + u * c[2] / 4))
        return zeroth, first + moment + begin * (zeroth - self.sums[number][0])

    def at(self, t: Number) -> tuple[Number, Number]:
        return self.until(max(0, bisect_right(self.exact.begins, t) - 1), t)

    def __call__(self, t: Number) -> Number:
        h, (a0, a1), (b0, b1), (c0, c1) = (
            self.half,
            self.at(t - self.half),
            self.at(t),
            self.at(t + self.half),
        )
        return ((h - t) * (b0 - a0) + (b1 - a1) + (h + t) * (c0 - b0) - (c1 - b1)) / h**2


def formula(case: Case, bench: Bench, name: str, tower: Any) -> Callable[[Number], Number]:
    """The stepper's coordinate at an exact print time."""
    exact = Exact(Trapezoids(bench.core, bench.filament if name == "extruder" else bench.trapq))
    if case.smooth_time:
        return Moments(exact, case.smooth_time)
    pairs = zip(case.shapers, RESONANCES, strict=True)
    parts = [*(impulses_of(shaper, frequency, DAMPING) for shaper, frequency in pairs), ALONE]

    def shaped(t: Number, axis: int) -> Number:
        return sum(mpf(amplitude) * exact.place(t - mpf(late), axis) for amplitude, late in parts[axis])

    if tower:
        x, y, arm = (mpf(value) for value in tower)
        return lambda t: shaped(t, 2) + sqrt(arm**2 - (shaped(t, 0) - x) ** 2 - (shaped(t, 1) - y) ** 2)
    axes = [(axis, weight) for axis, weight in enumerate(WEIGHTS[name]) if weight]
    return lambda t: sum(weight * shaped(t, axis) for axis, weight in axes)


def solve(f: Callable[[Number], Number], low: Number, high: Number) -> Number:
    """Where f goes from below 0 to above it: regula falsi, the end that stays halved (Illinois)."""
    below, above = f(low), f(high)
    assert below <= 0 <= above, "no crossing within the bound"
    side = 0
    while high - low > CLOSE and above > below:
        t = (low * above - high * below) / (above - below)
        value = f(t)
        if abs(value) < CLOSE:
            return t
        if value < 0:
            low, below, above, side = t, value, above / (2 if side < 0 else 1), -1
        else:
            high, above, below, side = t, value, below / (2 if side > 0 else 1), 1
    return (low + high) / 2


def exact_times(
    case: Case, watched: Watched, f: Callable[[Number], Number], zero: float, most: int
) -> list[Number]:
    """The crossings of the first steps, each solved within a tick of a stepper that has no other error."""
    clocks, directions = watched.steps()
    tick, distance = 1 / mpf(watched.frequency), mpf(case_distance(watched))
    at, times = 0, []
    for clock, direction in zip(clocks[:most].tolist(), directions[:most].tolist(), strict=True):
        level = mpf(zero) + (at + mpf(direction) / 2) * distance

        def way(t: Number, level: Number = level, direction: int = direction) -> Number:
            return (f(t) - level) * direction

        times.append(solve(way, (clock - mpf(WINDOW_LEAST)) * tick, (clock + mpf(WINDOW_LEAST)) * tick))
        at += direction
    return times


def case_distance(watched: Watched) -> Number:
    """What the core takes as the step distance: it multiplies by the rounded steps a mm."""
    return 1 / mpf(1 / watched.distance)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_steps_are_true_by_fifty_digits(core: Core, case: Case) -> None:
    most = STEPS // len(case.steppers)
    bench = Bench(core)
    assert core.lib.lookahead_set_pressure_advance(bench.lookahead, case.advance) == 0
    motors = [
        [case.watch(bench, stepper, FREQUENCY, error) for error in (EACH_TICK, 25e-6, 5e-6)]
        for stepper in case.steppers
    ]
    Wanderer(bench, 10 + CASES.index(case), 2, 60).wander(150)
    generate(bench, [one for motor in motors for one in motor], 3)
    checked = 0
    with mp.workdps(DIGITS):
        for (name, tower), motor in zip(case.steppers, motors, strict=True):
            times = exact_times(case, motor[0], formula(case, bench, name, tower), zero_of(tower), most)
            for one in motor[1:]:
                assert_within(one, times)
            checked += len(times)
    print(f"{case}: {checked} steps")
    assert checked == STEPS


def assert_within(watched: Watched, times: list[Number]) -> None:
    """Steps within min(max error, half the interval to the nearer neighbour) of the exact times, but for the last."""
    clocks, _ = watched.steps()
    ticks = [time * mpf(watched.frequency) for time in times]
    for i in range(len(times) - 1):
        nearer = min(abs(ticks[k] - ticks[i]) for k in (i - 1, i + 1) if k >= 0)
        bound = max(min(watched.error * watched.frequency, nearer / 2), WINDOW_LEAST)
        assert abs(int(clocks[i]) - ticks[i]) <= bound, f"step {i}"
    assert len(np.unique(clocks)) == len(clocks)
