"""A deltesian: a delta of two towers in one plane, over a bed that moves along Y (motion/deltesian.c)."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from klipkit._core import lib
from klipkit.base.declare import Problem, option, section, when
from klipkit.base.errors import ConfigError
from klipkit.base.schema import Loaded
from klipkit.base.values import number
from klipkit.machine.config import HomingOptions, PrinterConfig, RailConfig
from klipkit.machine.kinematics.kind import (
    OVERRUN,
    Endstops,
    HomingPlan,
    Kind,
    Motor,
    Place,
    nowhere,
    printer_of,
    rail_plan,
)
from klipkit.machine.options import DeltesianOptions

DELTESIAN = when("printer", "kinematics", "deltesian")
SIDES = {"stepper_left": -1.0, "stepper_right": 1.0}  # of X, where the towers are


def _leans(side: "SideConfig") -> Iterable[Problem]:
    if side.arm_x_length >= side.arm_length:
        yield Problem("arm_x_length", "must be below arm_length")


@section(*SIDES, required=True, roles=["stepper"], when=DELTESIAN, checks=[_leans])
class SideConfig(HomingOptions):
    """A tower of a deltesian: its stepper, its endstop and its arm."""

    position_endstop: float = option(
        number(),
        "The height of the nozzle over the middle of the bed when the endstop triggers.",
        unit="mm",
        fallback="stepper_left",
    )
    arm_length: float = option(number(above=0), "The length of the arm.", unit="mm", fallback="stepper_left")
    arm_x_length: float = option(
        number(above=0),
        "How far along X the tower is from the toolhead in the middle.",
        unit="mm",
        fallback="stepper_left",
    )

    @property
    def x(self) -> float:
        """Where the tower is."""
        return SIDES[self.source.name] * self.arm_x_length

    @property
    def top(self) -> float:
        """The height of the carriage at the endstop, over Z 0 of the toolhead."""
        return self.position_endstop + math.sqrt(self.arm_length**2 - self.arm_x_length**2)


@section("stepper_y", required=True, roles=["stepper"], when=DELTESIAN)
class DeltesianYConfig(RailConfig):
    """The rail of Y."""


def _sides(loaded: Loaded) -> list[SideConfig]:
    return [loaded.named(name, SideConfig) for name in SIDES]


def _motors(loaded: Loaded) -> list[Motor]:
    towers = [
        Motor(side.source.name, side, "deltesian", (side.x, side.arm_length)) for side in _sides(loaded)
    ]
    rail = loaded.named("stepper_y", DeltesianYConfig)
    return [*towers, Motor("stepper_y", rail, "linear", (0.0, 1.0, 0.0))]


def _endstops(loaded: Loaded) -> Endstops:
    """In the middle; the lower endstop bounds how high that is."""
    y = loaded.named("stepper_y", DeltesianYConfig).position_endstop
    return Endstops((0.0, y, min(side.position_endstop for side in _sides(loaded))), ((0, 2), (1,)))


def _bound(bounds: Any, loaded: Loaded, printer: PrinterConfig) -> None:
    """A carriage at the distance D is D / sqrt(arm^2 - D^2) times faster than the toolhead moves along X."""
    options = printer.kinematics
    assert isinstance(options, DeltesianOptions)
    left, right = _sides(loaded)
    rail = loaded.named("stepper_y", DeltesianYConfig)

    def between(part: float) -> tuple[float, float]:
        """The X at which each tower is that part of its arm away, but not beyond a tower."""
        low = max(right.x - part * right.arm_length, left.x)
        return low, min(left.x + part * left.arm_length, right.x)

    def fast(ratio: float) -> tuple[float, float]:
        return between(ratio / math.sqrt(ratio * ratio + 1))

    low, high = between(math.cos(math.radians(options.min_angle)))
    widest = 2 * min(-low, high)
    if options.print_width is not None and options.print_width > widest:
        where = options.source.where("print_width")
        raise ConfigError(
            f"print_width is more than the {widest:g} mm that arms and towers allow", where=where
        )
    half = math.inf if options.print_width is None else options.print_width / 2
    bounds.kind = lib.BOUNDS_DELTESIAN
    bounds.velocity, bounds.accel = printer.max_velocity, printer.max_accel
    bounds.z_velocity, bounds.z_accel = options.max_z_velocity, options.max_z_accel
    bounds.low[0], bounds.high[0] = max(low, -half), min(high, half)
    bounds.low[1], bounds.high[1] = rail.position_min, rail.position_max
    bounds.low[2] = options.minimum_z_position
    bounds.high[2] = min(left.position_endstop, right.position_endstop)
    bounds.slow_x[0], bounds.slow_x[1] = fast(options.slow_ratio)
    bounds.slower_x[0], bounds.slower_x[1] = fast(2 * options.slow_ratio)
    for number_, side in enumerate((left, right)):
        tower = bounds.towers[number_]
        tower.x, tower.arm, tower.top = side.x, side.arm_length, side.top


def _forward(loaded: Loaded, places: Mapping[str, float]) -> Place:
    """Below the line between the carriages, an arm's length from each."""
    left, right = _sides(loaded)
    begin, end = places["stepper_left"], places["stepper_right"]
    width, rise = right.x - left.x, end - begin
    d2 = width * width + rise * rise
    along = 0.5 + (left.arm_length**2 - right.arm_length**2) / (2 * d2)
    rest = left.arm_length**2 / d2 - along * along
    if rest < 0:
        raise nowhere()
    down = math.sqrt(rest)
    x = left.x + along * width + down * rise
    return (x, places["stepper_y"], begin + along * rise - down * width)


def _homing(loaded: Loaded) -> list[HomingPlan]:
    """Both carriages at once, the nozzle in the middle as far as the host knows; then Y."""
    options = printer_of(loaded).kinematics
    assert isinstance(options, DeltesianOptions)
    sides = {side.source.name: side for side in _sides(loaded)}
    top = max(side.position_endstop for side in sides.values())
    bottom = top - OVERRUN * (top - options.minimum_z_position)
    first = sides["stepper_left"]
    rail = loaded.named("stepper_y", DeltesianYConfig)
    ends = (0.0, None, bottom), (0.0, None, top)
    heights = {name: side.top for name, side in sides.items()}
    rails = {name: (name,) for name in sides}
    return [
        HomingPlan((0, 2), first, rails, *ends, first.step_distance, heights),
        rail_plan(1, rail, rail, {"stepper_y": ("stepper_y",)}, rail.step_distance),
    ]


DELTESIAN_KIND = Kind(motors=_motors, bound=_bound, endstops=_endstops, forward=_forward, homing=_homing)
