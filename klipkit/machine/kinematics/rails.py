"""Machines with a rail for each axis, whose motors follow sums of axes: what differs is the course of the belts.

                 stepper_x   stepper_y   stepper_z
cartesian        x           y           z
corexy           x + y       x - y       z            one belt round two motors and the gantry, crossed or in two layers
corexz           x + z       y           x - z        the same, upright
hybrid_corexy    x - y       y           z            "Markforged": X's belt runs over the gantry that Y moves
hybrid_corexz    x - z       y           z

A rail may have more steppers (stepper_z1, ...), which follow what its first one does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from klipkit._core import lib
from klipkit.base.errors import ConfigError
from klipkit.base.faults import MoveError
from klipkit.base.schema import Loaded
from klipkit.machine.config import (
    DualAxis,
    DualCarriageConfig,
    FollowerConfig,
    PrinterConfig,
    RailConfig,
    TravelOptions,
)
from klipkit.machine.kinematics.kind import EACH, Endstops, HomingPlan, Kind, Motor, Place, rail_plan, solved
from klipkit.machine.options import ZLimits

DUAL = "dual_carriage"
X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def fill_box(bounds: Any, printer: PrinterConfig, travels: Sequence[TravelOptions]) -> None:
    """Between the ends of what goes along X, Y and Z."""
    options = printer.kinematics
    assert isinstance(options, ZLimits)
    bounds.kind = lib.BOUNDS_BOX
    bounds.z_velocity, bounds.z_accel = options.max_z_velocity, options.max_z_accel
    for axis, travel in enumerate(travels):
        bounds.low[axis], bounds.high[axis] = travel.position_min, travel.position_max


def _rails(loaded: Loaded) -> list[RailConfig]:
    return [loaded.named(f"stepper_{axis}", RailConfig) for axis in "xyz"]


def followers(loaded: Loaded, rail: RailConfig) -> list[FollowerConfig]:
    """The further steppers of a rail."""
    return [one for one in loaded.all(FollowerConfig) if one.leader == rail.source.name]


def stops_alone(follower: FollowerConfig, rail: RailConfig) -> bool:
    """Whether it has an endstop of its own."""
    return follower.endstop_pin is not None and follower.endstop_pin != rail.endstop_pin


def _endstops(loaded: Loaded) -> Endstops:
    x, y, z = (rail.position_endstop for rail in _rails(loaded))
    return Endstops((x, y, z), EACH)


def linear_forward(motors: list[Motor], places: Mapping[str, float]) -> Place:
    """Where motors whose coordinates are weighed sums of the axes have brought the toolhead."""
    found = solved(
        [(motor.geometry[0], motor.geometry[1], motor.geometry[2]) for motor in motors],
        [places[motor.name] for motor in motors],
    )
    if found is None:
        raise MoveError(
            "the steppers do not say where the toolhead is", hint="some axis is moved by none of them"
        )
    return found


def resting(weights: Sequence[float], axis: int) -> Place:
    """What a carriage's stepper follows while its carriage stays where it is along the axis."""
    x, y, z = (0.0 if number == axis else weight for number, weight in enumerate(weights))
    return (x, y, z)


def _dual_motor(config: DualCarriageConfig, weights: Place) -> Motor:
    """Of the second carriage, at rest; a belt over another axis goes to it from the other side."""
    axis = config.along
    if config.axis is not DualAxis.X and any(weights[other] for other in range(3) if other != axis):
        raise ConfigError("the second carriage goes along x", where=config.source.where("axis"))
    return Motor(DUAL, config, "linear", resting([-weight for weight in weights], axis))


def _kind(x: Place, y: Place, z: Place) -> Kind:
    """By what the motors of the rails follow."""

    def motors(loaded: Loaded) -> list[Motor]:
        found = []
        for rail, weights in zip(_rails(loaded), (x, y, z), strict=True):
            steppers = [rail, *followers(loaded, rail)]
            found += [Motor(one.source.name, one, "linear", weights) for one in steppers]
        dual = loaded.one(DualCarriageConfig)
        return found if dual is None else [*found, _dual_motor(dual, (x, y, z)[dual.along])]

    def homing(loaded: Loaded) -> list[HomingPlan]:
        plans = [_plan(loaded, motors(loaded), axis) for axis in range(3)]
        dual = loaded.one(DualCarriageConfig)
        if dual is not None:
            plan = rail_plan(dual.along, dual, dual, {DUAL: (DUAL,)}, dual.step_distance)
            plans.insert(dual.along, plan)
        return plans

    return Kind(
        motors=motors,
        bound=lambda bounds, loaded, printer: fill_box(bounds, printer, _rails(loaded)),
        endstops=_endstops,
        forward=lambda loaded, places: linear_forward(
            [motor for motor in motors(loaded) if motor.name != DUAL], places
        ),
        homing=homing,
    )


def _plan(loaded: Loaded, motors: list[Motor], axis: int) -> HomingPlan:
    """A rail's endstop stops all motors that turn when its axis is moved, but for those with one of their own."""
    name = f"stepper_{'xyz'[axis]}"
    rail = loaded.named(name, RailConfig)
    alone = [one.source.name for one in followers(loaded, rail) if stops_alone(one, rail)]
    stops = tuple(motor.name for motor in motors if motor.geometry[axis] and motor.name not in alone)
    rails = {name: stops, **{one: (one,) for one in alone}}
    return rail_plan(axis, rail, rail, rails, rail.step_distance)


CARTESIAN = _kind(X, Y, Z)
COREXY = _kind((1.0, 1.0, 0.0), (1.0, -1.0, 0.0), Z)
COREXZ = _kind((1.0, 0.0, 1.0), Y, (1.0, 0.0, -1.0))
HYBRID_COREXY = _kind((1.0, -1.0, 0.0), Y, Z)
HYBRID_COREXZ = _kind((1.0, 0.0, -1.0), Y, Z)
