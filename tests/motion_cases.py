"""Whole machines under random print-like paths: each stepper compared with the truth, at all clocks and errors."""

import math
from dataclasses import dataclass
from typing import Any

from tests.motion_crossings import Solver
from tests.motion_paths import (
    EACH_TICK,
    Bench,
    Wanderer,
    Watched,
    Worst,
    agreed,
    assert_bracketed,
    compare,
    generate,
)
from tests.motion_truth import ALONE, Advanced, Delta, Impulses, Linear, Motion, Trapezoids, impulses_of
from tests.unit.test_motion_steps import Core

FREQUENCIES = (16e6, 520e6)
ERRORS = (EACH_TICK, 25e-6, 5e-6)
WEIGHTS = {
    "cartesian_x": (1, 0, 0),
    "cartesian_y": (0, 1, 0),
    "cartesian_z": (0, 0, 1),
    "corexy_x": (1, 1, 0),
    "corexy_y": (1, -1, 0),
    "extruder": (1, 0, 0),
}
TOWERS = [(math.cos(at) * 140, math.sin(at) * 140, 300.0) for at in (3.665, 5.76, math.pi / 2)]
REACH = 60.0  # mm; within that of all towers
DAMPING = 0.1
RESONANCES = (47.0, 39.0)  # Hz, of x and y
LEAST_RESONANCE = 20.0
BRACKETED = {2: 200_000, 4: 3_000}  # steps by the formula itself, by its degree: the integral is slow


@dataclass(frozen=True)
class Case:
    """A machine: kinematics, shapers of x and y, smooth time and pressure advance (s), microsteps."""

    kinematics: str
    shapers: tuple[str, str] = ("none", "none")
    smooth_time: float = 0.0
    advance: float = 0.0
    microsteps: int = 16

    def __str__(self) -> str:
        shaper = "" if self.shapers == ("none", "none") else "-" + "+".join(self.shapers)
        smooth = f"-{self.smooth_time:g}s-{self.advance:g}s" if self.smooth_time else ""
        return f"{self.kinematics}{shaper}{smooth}-{self.microsteps}"

    @property
    def steppers(self) -> list[tuple[str, tuple[float, float, float] | None]]:
        if self.kinematics == "delta":
            return [("delta", tower) for tower in TOWERS]
        if self.kinematics == "extruder":
            return [("extruder", None)]
        return [(name, None) for name in WEIGHTS if name.startswith(self.kinematics)]

    def distance(self, name: str) -> float:
        """mm a step: 40 mm a turn, z 8 mm, filament 33.5 mm, 200 full steps."""
        turn = {"cartesian_z": 8.0, "extruder": 33.5}.get(name, 40.0)
        return turn / (200 * self.microsteps)

    @property
    def impulses(self) -> list[Impulses]:
        pairs = zip(self.shapers, RESONANCES, strict=True)
        return [*(impulses_of(name, frequency, DAMPING) for name, frequency in pairs), ALONE]

    def motion(self, bench: Bench, name: str, tower: tuple[float, float, float] | None) -> Motion:
        moves = Trapezoids(bench.core, bench.filament if name == "extruder" else bench.trapq, bench.begin)
        if tower:
            return Delta(moves, tower, self.impulses)
        if self.smooth_time:
            return Advanced(moves, self.smooth_time)
        return Linear(moves, WEIGHTS[name], self.impulses)

    def watch(
        self,
        bench: Bench,
        stepper: tuple[str, tuple[float, float, float] | None],
        frequency: float,
        error: float,
        distance: float = 0.0,
    ) -> Watched:
        """One of its steppers, at step 0 where the toolhead is at 0, 0, 0."""
        name, tower = stepper
        watched = Watched(bench, name, distance or self.distance(name), frequency, error)
        if tower:
            assert bench.lib.stepper_set_geometry(watched.stepper, tower, 3) == 0
        if self.smooth_time:
            assert bench.lib.stepper_set_smooth_time(watched.stepper, self.smooth_time) == 0
        else:
            for axis, shaper in enumerate(self.shapers):
                watched.shape(axis, shaper, RESONANCES[axis], DAMPING)
        watched.stand_at(zero_of(tower))
        return watched


def zero_of(tower: Any) -> float:
    """The coordinate at 0, 0, 0."""
    return math.sqrt(tower[2] ** 2 - tower[0] ** 2 - tower[1] ** 2) if tower else 0.0


def wandered(core: Core, case: Case, seed: int, length: float) -> tuple[Bench, Any]:
    """A bench with the case's steppers, each at all clocks and errors, after so many mm of path."""
    bench = Bench(core, begin=(0.0, 36000.0)[seed % 2], corner=(1.0, 5.0)[seed // 2 % 2])
    assert core.lib.lookahead_set_pressure_advance(bench.lookahead, case.advance) == 0
    motors = [
        [case.watch(bench, stepper, frequency, error) for frequency in FREQUENCIES for error in ERRORS]
        for stepper in case.steppers
    ]
    Wanderer(bench, seed, 320 / case.microsteps, REACH).wander(length)
    return bench, motors


def prove(core: Core, case: Case, seed: int, length: float) -> Worst:
    """A path of so many mm, and each step of it against the truth."""
    bench, motors = wandered(core, case, seed, length)
    generate(bench, [one for motor in motors for one in motor], seed)
    worst = Worst()
    for (name, tower), motor in zip(case.steppers, motors, strict=True):
        solver = Solver(case.motion(bench, name, tower), zero_of(tower), case.distance(name))
        truth = agreed(solver, motor[0].steps()[1])
        for one in motor:
            worst.add(compare(solver, truth, one))
        assert_bracketed(solver, truth, motor[0], BRACKETED[solver.motion.degree])
    return worst
