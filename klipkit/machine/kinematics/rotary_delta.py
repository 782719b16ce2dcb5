"""A rotary delta: arms that turn about their shoulders hold the toolhead by lower arms (motion/rotary_delta.c)."""

import math
from collections.abc import Mapping
from typing import Any

from klipkit._core import lib
from klipkit.base.declare import computed, option, section, when
from klipkit.base.errors import ConfigError
from klipkit.base.schema import Loaded
from klipkit.base.values import number
from klipkit.machine.config import EndstopOptions, PrinterConfig, TurningStepperOptions
from klipkit.machine.kinematics.kind import (
    OVERRUN,
    TOGETHER,
    Endstops,
    HomingPlan,
    Kind,
    Motor,
    Place,
    met,
    printer_of,
)
from klipkit.machine.options import RotaryDeltaOptions

NAMES = ("stepper_a", "stepper_b", "stepper_c")
ANGLES = {"stepper_a": 30.0, "stepper_b": 150.0, "stepper_c": 270.0}  # degrees
RATIO_MOST = 12.0  # an elbow's speed over the toolhead's, as of a linear delta's carriages
LOWER = 100  # parts of the way in which it is looked how low homing may begin
ROUNDS, DIRECTIONS = 40, 24  # of the search for the reach


@section(*NAMES, required=True, roles=["stepper"], when=when("printer", "kinematics", "rotary_delta"))
class ShoulderConfig(EndstopOptions, TurningStepperOptions):
    """An arm of a rotary delta: its stepper, its endstop and its lengths."""

    position_endstop: float = option(
        number(),
        "The height of the nozzle over the middle of the bed when the endstop triggers.",
        unit="mm",
        fallback="stepper_a",
    )
    upper_arm_length: float = option(
        number(above=0), "From the shoulder joint to the elbow joint.", unit="mm", fallback="stepper_a"
    )
    lower_arm_length: float = option(
        number(above=0), "From the elbow joint to the effector joint.", unit="mm", fallback="stepper_a"
    )
    angle: float = option(
        number(),
        "Where the arm is.",
        unit="degrees",
        compute=computed("30, 150 and 270", lambda known: ANGLES[known.source.name]),
    )


def _arms(loaded: Loaded) -> list[ShoulderConfig]:
    return [loaded.named(name, ShoulderConfig) for name in NAMES]


def _options(loaded: Loaded) -> RotaryDeltaOptions:
    options = printer_of(loaded).kinematics
    assert isinstance(options, RotaryDeltaOptions)
    return options


def _motors(loaded: Loaded) -> list[Motor]:
    options = _options(loaded)
    shoulder = (options.shoulder_radius, options.shoulder_height)
    found = []
    for arm in _arms(loaded):
        lengths = (arm.upper_arm_length, arm.lower_arm_length)
        found.append(
            Motor(arm.source.name, arm, "rotary_delta", (*shoulder, *lengths, math.radians(arm.angle)))
        )
    return found


def _elbow(motor: Motor, angle: float) -> Place:
    """Where it is when the upper arm is at an angle."""
    radius, height, upper, _, direction = motor.geometry
    out = radius + upper * math.cos(angle)
    return (out * math.cos(direction), out * math.sin(direction), height + upper * math.sin(angle))


def _forward(loaded: Loaded, places: Mapping[str, float]) -> Place:
    """Below the elbows, a lower arm's length from each."""
    motors = _motors(loaded)
    elbows = [_elbow(motor, places[motor.name]) for motor in motors]
    return met(elbows, [motor.geometry[3] for motor in motors])[0]


def _endstops(loaded: Loaded) -> Endstops:
    """In the middle; the lowest endstop bounds how high that is."""
    return Endstops((0.0, 0.0, min(arm.position_endstop for arm in _arms(loaded))), TOGETHER)


def _slack(motor: Motor, x: float, y: float, z: float) -> float:
    """By how much an elbow is slower than RATIO_MOST times the toolhead, as a share; < 0: too fast, or out of reach.

    With n along the upper arm and t across it, e along the lower arm: e.t of its length lower moves the elbow.
    """
    radius, height, upper, lower, direction = motor.geometry
    out = x * math.cos(direction) + y * math.sin(direction) - radius
    aside, up = y * math.cos(direction) - x * math.sin(direction), z - height
    flat2 = out * out + up * up
    k = (upper * upper + flat2 + aside * aside - lower * lower) / (2 * upper)
    across2 = flat2 - k * k  # (e.t)^2: n and t part the place from the shoulder into k and e.t
    return math.sqrt(across2) * RATIO_MOST / lower - 1 if across2 > 0 else -1.0


def _reach(motors: list[Motor], low: float, high: float, slope: float) -> float:
    """The radius within which all elbows are slow enough, from the lowest to where the cone below the endstops ends."""

    def is_fine(radius: float) -> bool:
        turns = [2 * math.pi * part / DIRECTIONS for part in range(DIRECTIONS)]
        top = high - radius / slope
        return top >= low and all(
            _slack(motor, radius * math.cos(turn), radius * math.sin(turn), z) >= 0
            for motor in motors
            for turn in turns
            for z in (low, (low + top) / 2, top)
        )

    if not is_fine(0.0):
        return 0.0
    inside, outside = 0.0, max(motor.geometry[2] + motor.geometry[3] for motor in motors)
    for _ in range(ROUNDS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if is_fine(middle) else (inside, middle)
    return inside


def _slope(arm: ShoulderConfig, motor: Motor) -> float:
    """By how much the radius may grow for each mm below the endstop: what is below a cone is outside of a sphere.

    The sphere is that of the lower arm about the elbow at the endstop; the cone touches it in the middle.
    """
    radius, height, upper, lower, _ = motor.geometry
    up = arm.position_endstop - height
    k = (upper * upper + radius * radius + up * up - lower * lower) / (2 * upper)
    across2 = radius * radius + up * up - k * k
    if across2 <= 0:
        where = arm.source.where("position_endstop")
        raise ConfigError("the arm does not reach the position_endstop", where=where)
    angle = math.atan2(up, -radius) + math.atan2(math.sqrt(across2), k)
    out = radius + upper * math.cos(angle)
    return abs(up - upper * math.sin(angle)) / out


def _bound(bounds: Any, loaded: Loaded, printer: PrinterConfig) -> None:
    options, motors, arms = _options(loaded), _motors(loaded), _arms(loaded)
    low, high = options.minimum_z_position, min(arm.position_endstop for arm in arms)
    slope = min(_slope(arm, motor) for arm, motor in zip(arms, motors, strict=True))
    radius = _reach(motors, low, high, slope)
    if radius == 0:
        where = options.source.where("minimum_z_position")
        raise ConfigError("the arms do not reach from the endstops to minimum_z_position", where=where)
    bounds.kind = lib.BOUNDS_DELTA
    bounds.velocity, bounds.accel = printer.max_velocity, printer.max_accel
    bounds.z_velocity, bounds.z_accel, bounds.is_z_whole = options.max_z_velocity, printer.max_accel, 1
    bounds.radius = bounds.slow = bounds.slower = radius
    bounds.low[2], bounds.high[2] = low, high
    bounds.slope, bounds.taper = slope, high - radius / slope


def angle_at_endstop(arm: ShoulderConfig, motor: Motor) -> float:
    """Of the upper arm when its endstop triggers, radians: the nozzle is over the middle (motion/rotary_delta.c)."""
    radius, height, upper, lower, _ = motor.geometry
    up = arm.position_endstop - height
    flat2 = radius * radius + up * up
    k = (upper * upper + flat2 - lower * lower) / (2 * upper)
    angle = math.atan2(up, -radius) + math.atan2(math.sqrt(flat2 - k * k), k)
    return angle - 2 * math.pi if angle > math.pi else angle


def _homing(loaded: Loaded) -> list[HomingPlan]:
    """All arms at once; the nozzle is over the middle, as far as the host knows, and as low as the arms go well."""
    arms = {arm.source.name: arm for arm in _arms(loaded)}
    motors = _motors(loaded)
    low, top = _options(loaded).minimum_z_position, max(arm.position_endstop for arm in arms.values())
    bottom = top - OVERRUN * (top - low)
    while bottom < low and any(_slack(motor, 0.0, 0.0, bottom) < 0 for motor in motors):
        bottom = min(low, bottom + (top - low) / LOWER)
    heights = {motor.name: angle_at_endstop(arms[motor.name], motor) for motor in motors}
    rails = {name: (name,) for name in arms}
    first = arms["stepper_a"]
    ends = (0.0, 0.0, bottom), (0.0, 0.0, top)
    step = first.step_distance * first.upper_arm_length
    return [HomingPlan((0, 1, 2), first, rails, *ends, step, heights)]


ROTARY_DELTA = Kind(motors=_motors, bound=_bound, endstops=_endstops, forward=_forward, homing=_homing)
