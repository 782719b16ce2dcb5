"""Which motors a machine has, what coordinate each follows, where its toolhead may go: an entry a kinematics."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from klipkit._core import lib
from klipkit.base.errors import MissingSection
from klipkit.base.schema import Loaded
from klipkit.machine.config import (
    CartesianOptions,
    CoreXYOptions,
    DeltaOptions,
    ExtruderConfig,
    HomingOptions,
    NoKinematicsOptions,
    PrinterConfig,
    RailConfig,
    StepperOptions,
    TowerConfig,
)
from klipkit.machine.geometry import Position, trilaterate

EXTRUDER = "extruder"
RATIO_HALF, RATIO_QUARTER, RATIO_MOST = 3.0, 6.0, 12.0  # a tower's speed over the toolhead's


@dataclass(frozen=True, slots=True)
class Motor:
    """A stepper motor by its section, with the coordinate of motion/stepper.h that it follows."""

    name: str
    config: StepperOptions
    coordinate: str
    tower: tuple[float, float, float] | None = None  # of a delta: x, y, arm, mm


def printer_of(loaded: Loaded) -> PrinterConfig:
    """The section [printer]. Raises MissingSection."""
    printer = loaded.one(PrinterConfig)
    if printer is None:
        raise MissingSection("there is no section [printer]", where=loaded.config.files[0])
    return printer


def motors(loaded: Loaded) -> list[Motor]:
    """All motors, the extruder's last."""
    kind = KINDS[type(printer_of(loaded).kinematics)]
    found = kind.motors(loaded)
    extruder = loaded.one(ExtruderConfig)
    if extruder is not None and extruder.stepper is not None:
        found.append(Motor(EXTRUDER, extruder.stepper, "extruder"))
    return found


@dataclass(frozen=True, slots=True)
class Endstops:
    """Where the toolhead stands when it is homed, mm; `each`: axis by axis, or all at once."""

    position: tuple[float, float, float]
    each: bool


def endstops(loaded: Loaded) -> Endstops:
    """Of all axes."""
    return KINDS[type(printer_of(loaded).kinematics)].endstops(loaded)


def forward(loaded: Loaded, coordinates: Sequence[float]) -> Position:
    """Where the toolhead is, mm, when the motors' coordinates (motion/stepper.h) are these, in the order of motors().

    Raises ValueError when there is no such place. The extruder's coordinate, if there is one, does not count.
    """
    return KINDS[type(printer_of(loaded).kinematics)].forward(loaded, coordinates)


@dataclass(frozen=True, slots=True)
class HomingPlan:
    """How axes are homed that are homed at once: the toolhead is taken to be at `begin` and driven to `end`, mm.

    None: the axis stays where it is. `rails`: the sections with the endstops, and the motors that each stops.
    """

    axes: tuple[int, ...]
    config: HomingOptions
    rails: Mapping[str, tuple[str, ...]]
    begin: tuple[float | None, float | None, float | None]
    end: tuple[float | None, float | None, float | None]
    heights: Mapping[str, float] | None = (
        None  # of a delta: of each motor at its endstop, where that is not `end`
    )


def homing_plans(loaded: Loaded) -> list[HomingPlan]:
    """In the order in which the axes are homed."""
    return KINDS[type(printer_of(loaded).kinematics)].homing(loaded)


def fill_bounds(bounds: Any, loaded: Loaded) -> None:
    """Fill a `struct bounds` of machine/bounds.h; no axis is known yet."""
    printer = printer_of(loaded)
    KINDS[type(printer.kinematics)].bound(bounds, loaded, printer)


def _rails(loaded: Loaded, coordinates: Mapping[str, str]) -> list[Motor]:
    return [Motor(name, loaded.named(name, RailConfig), at) for name, at in coordinates.items()]


def _cartesian(loaded: Loaded) -> list[Motor]:
    return _rails(loaded, {f"stepper_{axis}": f"cartesian_{axis}" for axis in "xyz"})


def _corexy(loaded: Loaded) -> list[Motor]:
    return _rails(loaded, {"stepper_x": "corexy_x", "stepper_y": "corexy_y", "stepper_z": "cartesian_z"})


def _delta(loaded: Loaded) -> list[Motor]:
    options = printer_of(loaded).kinematics
    assert isinstance(options, DeltaOptions)
    found = []
    for letter in "abc":
        tower = loaded.named(f"stepper_{letter}", TowerConfig)
        angle = math.radians(tower.angle)
        place = (options.delta_radius * math.cos(angle), options.delta_radius * math.sin(angle))
        found.append(Motor(f"stepper_{letter}", tower, "delta", (*place, tower.arm_length)))
    return found


def _cartesian_forward(loaded: Loaded, at: Sequence[float]) -> Position:
    return (at[0], at[1], at[2])


def _corexy_forward(loaded: Loaded, at: Sequence[float]) -> Position:
    """The belts' coordinates are x + y and x - y."""
    return ((at[0] + at[1]) / 2, (at[0] - at[1]) / 2, at[2])


def _delta_forward(loaded: Loaded, at: Sequence[float]) -> Position:
    """The lower of the two points that are an arm's length away from each carriage."""
    towers = [motor.tower for motor in _delta(loaded) if motor.tower is not None]
    spheres = [(x, y, height, arm) for (x, y, arm), height in zip(towers, at, strict=False)]
    return trilaterate(spheres)


OVERRUN = 1.5  # ways of a rail that homing goes at most: the position before is not known


def _rail_plan(loaded: Loaded, axis: int, stops: Sequence[str]) -> HomingPlan:
    name = f"stepper_{'xyz'[axis]}"
    rail = loaded.named(name, RailConfig)
    way = OVERRUN * (rail.position_max - rail.position_min) * (1 if rail.homing_positive_dir else -1)
    begin: list[float | None] = [None, None, None]
    end: list[float | None] = [None, None, None]
    begin[axis], end[axis] = rail.position_endstop - way, rail.position_endstop
    return HomingPlan(
        (axis,), rail, {name: tuple(stops)}, (begin[0], begin[1], begin[2]), (end[0], end[1], end[2])
    )


def _cartesian_homing(loaded: Loaded) -> list[HomingPlan]:
    return [_rail_plan(loaded, axis, [f"stepper_{letter}"]) for axis, letter in enumerate("xyz")]


def _corexy_homing(loaded: Loaded) -> list[HomingPlan]:
    belts = ["stepper_x", "stepper_y"]
    return [_rail_plan(loaded, axis, belts if axis < 2 else ["stepper_z"]) for axis in range(3)]


def _delta_homing(loaded: Loaded) -> list[HomingPlan]:
    """All towers at once; the nozzle is over the middle, as far as the host knows."""
    options = printer_of(loaded).kinematics
    assert isinstance(options, DeltaOptions)
    towers = {f"stepper_{letter}": loaded.named(f"stepper_{letter}", TowerConfig) for letter in "abc"}
    heights = {
        name: tower.position_endstop + math.sqrt(tower.arm_length**2 - options.delta_radius**2)
        for name, tower in towers.items()
    }
    top = max(tower.position_endstop for tower in towers.values())
    bottom = top - OVERRUN * (top - options.minimum_z_position)
    rails = {name: (name,) for name in towers}
    return [HomingPlan((0, 1, 2), towers["stepper_a"], rails, (0.0, 0.0, bottom), (0.0, 0.0, top), heights)]


def _no_forward(loaded: Loaded, at: Sequence[float]) -> Position:
    return (0.0, 0.0, 0.0)


def _rails_stop(loaded: Loaded) -> Endstops:
    x, y, z = (loaded.named(f"stepper_{axis}", RailConfig).position_endstop for axis in "xyz")
    return Endstops((x, y, z), each=True)


def _towers_stop(loaded: Loaded) -> Endstops:
    """In the middle; the lowest endstop bounds how high that is."""
    heights = [loaded.named(f"stepper_{letter}", TowerConfig).position_endstop for letter in "abc"]
    return Endstops((0.0, 0.0, min(heights)), each=False)


def _nothing_stops(loaded: Loaded) -> Endstops:
    return Endstops((0.0, 0.0, 0.0), each=True)


def _bound_box(bounds: Any, loaded: Loaded, printer: PrinterConfig) -> None:
    options = printer.kinematics
    assert isinstance(options, CartesianOptions | CoreXYOptions)
    bounds.kind = lib.BOUNDS_BOX
    bounds.z_velocity, bounds.z_accel = options.max_z_velocity, options.max_z_accel
    for axis, letter in enumerate("xyz"):
        rail = loaded.named(f"stepper_{letter}", RailConfig)
        bounds.low[axis], bounds.high[axis] = rail.position_min, rail.position_max


def _bound_delta(bounds: Any, loaded: Loaded, printer: PrinterConfig) -> None:
    """A tower at distance D is D / sqrt(arm^2 - D^2) times faster than the toolhead moves towards it.

    Solved for D, which is delta_radius farther than the toolhead is from the middle; half the smallest step to spare.
    """
    options = printer.kinematics
    assert isinstance(options, DeltaOptions)
    towers = [loaded.named(f"stepper_{letter}", TowerConfig) for letter in "abc"]
    radius, arm = options.delta_radius, min(tower.arm_length for tower in towers)
    half = min(tower.step_distance for tower in towers) / 2

    def reach(ratio: float) -> float:
        return ratio * math.sqrt(max(0.0, arm**2 / (ratio**2 + 1) - half**2)) + half - radius

    bounds.kind = lib.BOUNDS_DELTA
    bounds.velocity, bounds.accel = printer.max_velocity, printer.max_accel
    bounds.z_velocity, bounds.z_accel = options.max_z_velocity, options.max_z_accel
    bounds.slow, bounds.slower = reach(RATIO_HALF), reach(RATIO_QUARTER)
    bounds.radius = min(options.print_radius, arm - radius, reach(RATIO_MOST))
    bounds.low[2], bounds.high[2] = (
        options.minimum_z_position,
        min(tower.position_endstop for tower in towers),
    )
    bounds.taper = min(
        tower.position_endstop + math.sqrt(max(0.0, tower.arm_length**2 - radius**2)) - tower.arm_length
        for tower in towers
    )


def _bound_none(bounds: Any, loaded: Loaded, printer: PrinterConfig) -> None:
    bounds.kind = lib.BOUNDS_NONE


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs from kinematics to kinematics."""

    motors: Callable[[Loaded], list[Motor]]
    bound: Callable[[Any, Loaded, PrinterConfig], None]
    endstops: Callable[[Loaded], Endstops]
    forward: Callable[[Loaded, Sequence[float]], Position]
    homing: Callable[[Loaded], list[HomingPlan]]


KINDS: Mapping[type[object], Kind] = {
    CartesianOptions: Kind(_cartesian, _bound_box, _rails_stop, _cartesian_forward, _cartesian_homing),
    CoreXYOptions: Kind(_corexy, _bound_box, _rails_stop, _corexy_forward, _corexy_homing),
    DeltaOptions: Kind(_delta, _bound_delta, _towers_stop, _delta_forward, _delta_homing),
    NoKinematicsOptions: Kind(lambda loaded: [], _bound_none, _nothing_stops, _no_forward, lambda loaded: []),
}
