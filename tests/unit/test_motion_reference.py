"""Steps of the reference prints against the recorded ones, within what two correct programs may differ by."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reference import reference_path
from tests.unit.test_motion_kinematics import Array, Motor, Rig
from tests.unit.test_motion_steps import Core, core

__all__ = ["core"]
TICKS_A_US = 16
FAR = 1000.0  # us: a step with none like it nearer than this has no match
FILAMENT = math.pi * (1.75 / 2) ** 2  # mm^2
SCALE = 4 * 0.4**2 / FILAMENT  # of the limits, for filament that moves alone
Limit = Callable[[tuple[float, ...], tuple[float, ...], float, float], tuple[float, float]]


def climb(
    start: tuple[float, ...], end: tuple[float, ...], velocity: float, accel: float
) -> tuple[float, float]:
    """Limits of a machine whose z is slow: max_z_velocity 25, max_z_accel 300."""
    part = abs(end[2] - start[2]) / (math.dist(start, end) or 1)
    return (min(velocity, 25 / part), min(accel, 300 / part)) if part else (velocity, accel)


class Print:
    """The words of a reference print, on a rig with an extruder."""

    def __init__(self, rig: Rig, limit: Limit, advance: float = 0) -> None:
        self.rig, self.limit = rig, limit
        self.most = {"VELOCITY": 300.0, "ACCEL": 3000.0, "SQUARE_CORNER_VELOCITY": 5.0}
        self.position: tuple[float, ...] = (0.0, 0.0, 10.0)
        self.feed, self.filament, self.absolute = 25.0, 0.0, True
        self.extruder = rig.core.ffi.gc(rig.lib.trapq_new(), rig.lib.trapq_free)
        assert rig.lib.lookahead_set_extruder(rig.lookahead, self.extruder, 0.0, 1.0) == 0
        assert rig.lib.lookahead_set_pressure_advance(rig.lookahead, advance) == 0
        assert rig.lib.lookahead_set_position(rig.lookahead, list(self.position)) == 0
        self.set_limits()

    def run(self, file: Path) -> None:
        for line in file.read_text().splitlines():
            word, *rest = line.split(";")[0].split() or [""]
            if word == "G1":
                self.move({parameter[0]: float(parameter[1:]) for parameter in rest})
            elif word == "G4":
                self.pause(float(rest[0][1:]) / 1000)
            elif word == "G92":
                self.filament = float(rest[0][1:]) if rest else 0.0
            elif word in ("M82", "M83"):
                self.absolute = word == "M82"
            elif word == "M204":
                self.most["ACCEL"] = float(rest[0][1:])
            elif word == "SET_VELOCITY_LIMIT":
                self.most |= {name: float(value) for name, value in (text.split("=") for text in rest)}
            self.set_limits()
        assert self.rig.lib.lookahead_flush(self.rig.lookahead) >= 0

    def set_limits(self) -> None:
        limits = self.rig.core.ffi.new("struct lookahead_limits *", (*self.most.values(), 0.5))
        assert self.rig.lib.lookahead_set_limits(self.rig.lookahead, limits) == 0

    def pause(self, seconds: float) -> None:
        lib = self.rig.lib
        assert lib.lookahead_flush(self.rig.lookahead) >= 0
        lib.lookahead_set_start(self.rig.lookahead, lib.lookahead_print_time(self.rig.lookahead) + seconds)

    def move(self, words: dict[str, float]) -> None:
        self.feed = words.get("F", self.feed * 60) / 60
        end = tuple(words.get(axis, at) for axis, at in zip("XYZ", self.position, strict=True))
        filament = words.get("E", self.filament if self.absolute else 0.0)
        if self.absolute:
            self.filament, filament = filament, filament - self.filament
        velocity, accel = min(self.feed, self.most["VELOCITY"]), self.most["ACCEL"]
        if end == self.position:
            velocity, accel = min(self.feed, 300 * SCALE), 3000 * SCALE
        else:
            velocity, accel = self.limit(self.position, end, velocity, accel)
        lookahead = self.rig.lookahead
        assert self.rig.lib.lookahead_extrude(lookahead, list(end), filament, velocity, accel) >= 0
        self.position = end


def by_place(steps: Array) -> Array:
    """Position and direction after each step, in one number."""
    return np.cumsum(np.sign(steps)) * 2 + (steps > 0)


def differences(recorded: Array, steps: Array) -> Array:
    """Of each recorded step, us to the nearest step that reaches the same place in the same direction."""
    places, wanted = by_place(steps), by_place(recorded)
    order = np.lexsort((np.abs(steps), places))
    span = 4 * int(max(np.abs(recorded).max(), np.abs(steps).max()))
    low = min(places.min(), wanted.min())
    codes = (places[order] - low) * span + np.abs(steps)[order]
    at = np.searchsorted(codes, (wanted - low) * span + np.abs(recorded))
    best = np.full(len(recorded), np.inf)
    for shift in (-1, 0):
        near = order[np.clip(at + shift, 0, len(steps) - 1)]
        late = np.abs(np.abs(steps[near]) - np.abs(recorded)) / TICKS_A_US
        best = np.minimum(best, np.where(places[near] == wanted, late, np.inf))
    return best


def assert_as_recorded(folder: Path, motors: dict[str, Motor]) -> None:
    first = min(int(abs(motor.steps[0])) for motor in motors.values()) - 1
    with np.load(folder / "steps.npz") as recorded:
        for name, motor in motors.items():
            steps = motor.steps - first * np.sign(motor.steps)
            late = differences(recorded[name], steps)
            assert np.sign(steps).sum() == np.sign(recorded[name]).sum(), name
            assert np.count_nonzero(late > FAR) * 10_000 <= len(late), name
            assert np.percentile(late[late <= FAR], 99.9) <= 50, name


def play(core: Core, name: str, steppers: dict[str, tuple[str, float]], limit: Limit, **options: Any) -> None:
    """A reference print on motors given by name, kinematics and step distance; then the comparison."""
    folder = reference_path(f"steps/{name}")
    rig = Rig(core)
    text = Print(rig, limit, options.get("advance", 0))
    motors = {name: rig.motor(*stepper) for name, stepper in steppers.items()}
    for motor, tower in zip(motors.values(), options.get("towers", []), strict=False):
        assert core.lib.stepper_set_geometry(motor.stepper, tower, 3) == 0
    for motor in motors.values():
        motor.stand_at(*text.position)
    motors["extruder"] = Motor(core, text.extruder, "extruder", 33.5 / 3200, rig.frequency)
    if options.get("advance"):
        assert core.lib.stepper_set_smooth_time(motors["extruder"].stepper, 0.04) == 0
    for axis, (shaper, frequency) in enumerate(options.get("shapers", [])):
        for axis_name in "xy":
            motors[f"stepper_{axis_name}"].shape(axis, shaper, frequency)
    text.run(folder / "input.gcode")
    rig.generate(*motors.values())
    assert_as_recorded(folder, motors)


CARTESIAN = {f"stepper_{axis}": (f"cartesian_{axis}", 40 / 3200) for axis in "xy"} | {
    "stepper_z": ("cartesian_z", 8 / 3200)
}
COREXY = CARTESIAN | {f"stepper_{axis}": (f"corexy_{axis}", 40 / 3200) for axis in "xy"}


@pytest.mark.parametrize("name, steppers", [("cartesian_torture", CARTESIAN), ("corexy_sphere", COREXY)])
def test_plain_prints_have_the_recorded_steps(
    core: Core, name: str, steppers: dict[str, tuple[str, float]]
) -> None:
    play(core, name, steppers, climb)


RADIUS, ARM = 174.75, 333.0
TOWERS = [
    (RADIUS * math.cos(math.radians(at)), RADIUS * math.sin(math.radians(at)), ARM) for at in (210, 330, 90)
]
DELTA = {f"stepper_{tower}": ("delta", 40 / 3200) for tower in "abc"}


def delta_limit(
    start: tuple[float, ...], end: tuple[float, ...], velocity: float, accel: float
) -> tuple[float, float]:
    """Limits of the delta: max_z_velocity 150."""
    part = abs(end[2] - start[2]) / (math.dist(start, end) or 1)
    return (min(velocity, 150 / part), accel) if part else (velocity, accel)


@pytest.mark.parametrize("name", ["delta_sphere", "delta_torture"])
def test_delta_prints_have_the_recorded_steps(core: Core, name: str) -> None:
    play(core, name, DELTA, delta_limit, towers=TOWERS)


def test_pressure_advance_has_the_recorded_steps(core: Core) -> None:
    play(core, "cartesian_torture_pa", CARTESIAN, climb, advance=0.05)


def test_input_shaper_and_pressure_advance_have_the_recorded_steps(core: Core) -> None:
    play(
        core,
        "corexy_torture_mzv_pa",
        COREXY,
        climb,
        advance=0.05,
        shapers=[("mzv", 45), ("mzv", 38)],
    )
