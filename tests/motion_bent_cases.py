"""Machines whose motors follow no plain sum of axes, under random print-like paths; each stepper against the truth."""

import math
from dataclasses import dataclass

from tests.motion_bent import Angle, Bent, Cable, Lean, Shape, Shoulder
from tests.motion_cases import BRACKETED, DAMPING, ERRORS, FREQUENCIES, RESONANCES
from tests.motion_crossings import Solver
from tests.motion_paths import (
    Bench,
    Place,
    Wanderer,
    Watched,
    Worst,
    agreed,
    assert_bracketed,
    compare,
    generate,
)
from tests.motion_truth import ALONE, Impulses, Linear, Motion, Trapezoids, impulses_of
from tests.unit.test_motion_steps import Core

TURN = 200 * 5  # full steps of a motor with gears for a turn of what it turns
WINDOW_LEAST = 0.565  # ticks: a whole one is within 0.56 of a time that is known to 0.005 (curve_segments.c)
TO_MIDDLE = 15.0  # mm; a polar machine's paths keep away from the middle


@dataclass(frozen=True)
class Follower:
    """A motor: the core's kinematics and geometry, and what it truly follows; `full_step`: mm or radians."""

    coordinate: str
    geometry: tuple[float, ...]
    shape: Shape | tuple[float, float, float]  # or the weights of a sum
    full_step: float


def _sum(*weights: float) -> Follower:
    return Follower("linear", weights, (weights[0], weights[1], weights[2]), 0.2)


def _cable(x: float, y: float, z: float) -> Follower:
    return Follower("winch", (x, y, z), Cable((x, y, z)), 0.2)


def _lean(tower: float, arm: float) -> Follower:
    return Follower("deltesian", (tower, arm), Lean(tower, arm), 0.2)


def _shoulder(*geometry: float) -> Follower:
    return Follower("rotary_delta", geometry, Shoulder(*geometry), 2 * math.pi / TURN)


MACHINES: dict[str, list[Follower]] = {
    "corexz": [_sum(1, 0, 1), _sum(1, 0, -1)],
    "hybrid": [_sum(1, -1, 0), _sum(1, 0, -1)],
    "odd_sums": [_sum(1, -0.5, 0.25), _sum(-0.3, 0.9, 1)],
    "winch": [_cable(0, -400, -100), _cable(300, 200, -60), _cable(10, 20, 900)],
    "polar": [
        Follower("polar_bed", (), Angle(), 2 * math.pi / TURN),
        Follower("polar_arm", (), Cable((0, 0, 0), 2), 0.2),
    ],
    "deltesian": [_lean(-130, 217), _lean(160, 230)],
    "rotary_delta": [
        _shoulder(33.9, 300, 170, 320, math.radians(30)),
        _shoulder(60, 260, 120, 260, math.radians(151)),
        _shoulder(20, 280, 150, 300, math.radians(270)),
    ],
}
STARTS: dict[str, Place] = {"polar": (70.0, -20.0, 0.0)}  # else the middle
REACHES = {"deltesian": 60.0, "polar": 110.0}  # mm from the middle


class Around(Wanderer):
    """Keeps away from the middle of the bed."""

    def line(self, dx: float, dy: float, dz: float, ratio: float, velocity: float) -> None:
        x, y, z = self.bench.place
        end = (x + dx, y + dy, z + dz)
        if math.hypot(*end[:2]) > self.reach or abs(end[2]) > self.reach:
            end = (x * 0.8, y * 0.8, z / 2)
        if to_segment((x, y), (end[0], end[1])) > TO_MIDDLE:
            self.bench.go(*end, filament=ratio * math.dist(end, (x, y, z)), velocity=velocity)

    def grid(self) -> None:
        """Along the axes, and on numbers with few digits."""
        for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
            x, y, _ = self.bench.place
            self.line(round(x) - x + dx, round(y) - y + dy, 0, 0.05, self.speed())


def to_segment(a: tuple[float, float], b: tuple[float, float]) -> float:
    """How near the way from a to b comes to the middle."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length2 = dx * dx + dy * dy
    part = min(1.0, max(0.0, -(a[0] * dx + a[1] * dy) / length2)) if length2 else 0.0
    return math.hypot(a[0] + part * dx, a[1] + part * dy)


@dataclass(frozen=True)
class BentCase:
    """A machine, shapers of x and y, microsteps."""

    machine: str
    shapers: tuple[str, str] = ("none", "none")
    microsteps: int = 16

    def __str__(self) -> str:
        shaper = "" if self.shapers == ("none", "none") else "-" + "+".join(self.shapers)
        return f"{self.machine}{shaper}-{self.microsteps}"

    @property
    def start(self) -> Place:
        return STARTS.get(self.machine, (0.0, 0.0, 0.0))

    @property
    def impulses(self) -> list[Impulses]:
        pairs = zip(self.shapers, RESONANCES, strict=True)
        return [*(impulses_of(name, frequency, DAMPING) for name, frequency in pairs), ALONE]

    def motion(self, bench: Bench, motor: Follower) -> Motion:
        moves = Trapezoids(bench.core, bench.trapq, bench.begin)
        if isinstance(motor.shape, tuple):
            return Linear(moves, motor.shape, self.impulses)
        return Bent(moves, motor.shape, self.impulses)

    def watch(self, bench: Bench, motor: Follower, frequency: float, error: float) -> Watched:
        """A stepper, at step 0 where the toolhead begins."""
        watched = Watched(bench, motor.coordinate, motor.full_step / self.microsteps, frequency, error)
        numbers = list(motor.geometry)
        if numbers:
            assert bench.lib.stepper_set_geometry(watched.stepper, numbers, len(numbers)) == 0
        for axis, shaper in enumerate(self.shapers):
            watched.shape(axis, shaper, RESONANCES[axis], DAMPING)
        watched.stand_at(bench.lib.stepper_coordinate(watched.stepper, self.start))
        return watched


def wandered(core: Core, case: BentCase, seed: int, length: float) -> tuple[Bench, list[list[Watched]]]:
    """A bench with the case's steppers, each at all clocks and errors, after so many mm of path."""
    bench = Bench(core, begin=(0.0, 36000.0)[seed % 2])
    bench.place = case.start
    assert core.lib.trapq_set_position(bench.trapq, bench.begin, case.start) == 0
    assert core.lib.lookahead_set_position(bench.lookahead, case.start) == 0
    motors = [
        [case.watch(bench, motor, frequency, error) for frequency in FREQUENCIES for error in ERRORS]
        for motor in MACHINES[case.machine]
    ]
    kind = Around if case.machine == "polar" else Wanderer
    kind(bench, seed, 320 / case.microsteps, REACHES.get(case.machine, 60.0)).wander(length)
    return bench, motors


def prove(core: Core, case: BentCase, seed: int, length: float) -> Worst:
    """A path of so many mm, and each step of it against the truth."""
    bench, motors = wandered(core, case, seed, length)
    generate(bench, [one for motor in motors for one in motor], seed)
    worst = Worst()
    for motor, watched in zip(MACHINES[case.machine], motors, strict=True):
        motion = case.motion(bench, motor)
        zero = float(motion.coordinate(motion.borders[:1] - 1)[0])
        curves = motion.curves() if isinstance(motion, Bent) else None
        solver = Solver(motion, zero, watched[0].distance, curves)
        truth = agreed(solver, watched[0].steps()[1])
        for one in watched:
            worst.add(compare(solver, truth, one, WINDOW_LEAST))
        assert_bracketed(solver, truth, watched[0], BRACKETED[motion.degree])
    return worst
