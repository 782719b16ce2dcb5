"""A polar machine: the bed turns, an arm reaches out over it (motion/polar.c).

The bed has no endstop: how it stands when the arm is homed is its angle 0, where X is the arm's position and Y is 0.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from klipkit._core import lib
from klipkit.base.declare import Problem, section, when
from klipkit.base.errors import ConfigError
from klipkit.base.schema import Loaded
from klipkit.machine.config import PrinterConfig, RailConfig, TurningStepperOptions
from klipkit.machine.kinematics.kind import OVERRUN, Endstops, HomingPlan, Kind, Motor, Place, rail_plan
from klipkit.machine.options import PolarOptions

NEAREST = 0.01  # mm from the middle, in which the bed has no angle: where homing begins at the least
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


def _homing(loaded: Loaded) -> list[HomingPlan]:
    """The arm goes outwards over a bed that rests: its angle is 0 then. Raises ConfigError when it would go inwards."""
    arm, rail = loaded.named("stepper_arm", ArmConfig), loaded.named("stepper_z", PolarZConfig)
    if not arm.homing_positive_dir:
        raise ConfigError(
            "the arm can be homed outwards only: in the middle the bed has no angle",
            where=arm.source.where("homing_positive_dir"),
            hint="put its endstop near position_max",
        )
    begin = max(arm.position_endstop - OVERRUN * (arm.position_max - arm.position_min), NEAREST)
    ends = (begin, 0.0, None), (arm.position_endstop, 0.0, None)
    return [
        HomingPlan((0, 1), arm, {"stepper_arm": ("stepper_arm",)}, *ends, arm.step_distance),
        rail_plan(2, rail, rail, {"stepper_z": ("stepper_z",)}, rail.step_distance),
    ]


POLAR_KIND = Kind(motors=_motors, bound=_bound, endstops=_endstops, forward=_forward, homing=_homing)
