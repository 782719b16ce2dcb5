"""A polar machine: the bed turns, an arm reaches out over it (motion/polar.c).

The bed has no endstop: how it stands when the arm is homed is its angle 0, where X is the arm's position and Y is 0.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from klipkit._core import lib
from klipkit.base.declare import Problem, section, when
from klipkit.base.schema import Loaded
from klipkit.machine.config import PrinterConfig, RailConfig, TurningStepperOptions
from klipkit.machine.kinematics.kind import Endstops, Kind, Motor, Place
from klipkit.machine.options import PolarOptions

POLAR = when("printer", "kinematics", "polar")


@section("stepper_bed", required=True, roles=["stepper"], when=POLAR)
class BedConfig(TurningStepperOptions):
    """The stepper that turns the bed."""


def _outside(arm: "ArmConfig") -> Iterable[Problem]:
    if arm.position_min < 0:
        yield Problem(
            "position_min", "must not be below 0: the arm's position is its distance from the middle"
        )


@section("stepper_arm", required=True, roles=["stepper"], when=POLAR, checks=[_outside])
class ArmConfig(RailConfig):
    """The rail of the arm; positions are distances from the middle of the bed."""


@section("stepper_z", required=True, roles=["stepper"], when=POLAR)
class PolarZConfig(RailConfig):
    """The rail of Z."""


def _motors(loaded: Loaded) -> list[Motor]:
    return [
        Motor("stepper_bed", loaded.named("stepper_bed", BedConfig), "polar_bed"),
        Motor("stepper_arm", loaded.named("stepper_arm", ArmConfig), "polar_arm"),
        Motor("stepper_z", loaded.named("stepper_z", PolarZConfig), "linear", (0.0, 0.0, 1.0)),
    ]


def _endstops(loaded: Loaded) -> Endstops:
    arm, rail = loaded.named("stepper_arm", ArmConfig), loaded.named("stepper_z", PolarZConfig)
    return Endstops((arm.position_endstop, 0.0, rail.position_endstop), ((0, 1), (2,)))


def _bound(bounds: Any, loaded: Loaded, printer: PrinterConfig) -> None:
    """The arm is at least half a step out: in the middle the bed has no angle."""
    options = printer.kinematics
    assert isinstance(options, PolarOptions)
    arm, rail = loaded.named("stepper_arm", ArmConfig), loaded.named("stepper_z", PolarZConfig)
    bounds.kind = lib.BOUNDS_POLAR
    bounds.z_velocity, bounds.z_accel = options.max_z_velocity, options.max_z_accel
    bounds.angular_velocity = options.max_angular_velocity
    bounds.inner, bounds.radius = max(arm.position_min, arm.step_distance / 2), arm.position_max
    bounds.low[2], bounds.high[2] = rail.position_min, rail.position_max


def _forward(loaded: Loaded, places: Mapping[str, float]) -> Place:
    angle, radius = places["stepper_bed"], places["stepper_arm"]
    return (radius * math.cos(angle), radius * math.sin(angle), places["stepper_z"])


POLAR_KIND = Kind(motors=_motors, bound=_bound, endstops=_endstops, forward=_forward)
