"""A linear delta: carriages on three towers hold the toolhead by arms (motion/delta.c)."""

import math
from collections.abc import Mapping
from typing import Any

from klipkit._core import lib
from klipkit.base.errors import ConfigError
from klipkit.base.schema import Loaded
from klipkit.machine.config import PrinterConfig, TowerConfig
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
from klipkit.machine.options import DeltaOptions

RATIO_HALF, RATIO_QUARTER, RATIO_MOST = 3.0, 6.0, 12.0  # a tower's speed over the toolhead's


def _towers(loaded: Loaded) -> list[TowerConfig]:
    return [loaded.named(f"stepper_{letter}", TowerConfig) for letter in "abc"]


def _motors(loaded: Loaded) -> list[Motor]:
    options = printer_of(loaded).kinematics
    assert isinstance(options, DeltaOptions)
    found = []
    for tower in _towers(loaded):
        angle = math.radians(tower.angle)
        place = (options.delta_radius * math.cos(angle), options.delta_radius * math.sin(angle))
        if tower.arm_length <= options.delta_radius:
            raise ConfigError("arm_length must be above delta_radius", where=tower.source.where("arm_length"))
        found.append(Motor(tower.source.name, tower, "delta", (*place, tower.arm_length)))
    return found


def _endstops(loaded: Loaded) -> Endstops:
    """In the middle; the lowest endstop bounds how high that is."""
    return Endstops((0.0, 0.0, min(tower.position_endstop for tower in _towers(loaded))), TOGETHER)


def _forward(loaded: Loaded, places: Mapping[str, float]) -> Place:
    """Below the carriages, an arm's length from each."""
    motors = _motors(loaded)
    carriages = [(one.geometry[0], one.geometry[1], places[one.name]) for one in motors]
    return met(carriages, [one.geometry[2] for one in motors])[0]


def _bound(bounds: Any, loaded: Loaded, printer: PrinterConfig) -> None:
    """A tower at distance D is D / sqrt(arm^2 - D^2) times faster than the toolhead moves towards it.

    Solved for D, which is delta_radius farther than the toolhead is from the middle; half the smallest step to spare.
    """
    options = printer.kinematics
    assert isinstance(options, DeltaOptions)
    towers = _towers(loaded)
    radius, arm = options.delta_radius, min(tower.arm_length for tower in towers)
    half = min(tower.step_distance for tower in towers) / 2

    def reach(ratio: float) -> float:
        return ratio * math.sqrt(max(0.0, arm**2 / (ratio**2 + 1) - half**2)) + half - radius

    bounds.kind = lib.BOUNDS_DELTA
    bounds.velocity, bounds.accel = printer.max_velocity, printer.max_accel
    bounds.z_velocity, bounds.z_accel = options.max_z_velocity, options.max_z_accel
    bounds.slope = 1.0
    bounds.slow, bounds.slower = reach(RATIO_HALF), reach(RATIO_QUARTER)
    bounds.radius = min(options.print_radius, arm - radius, reach(RATIO_MOST))
    bounds.low[2] = options.minimum_z_position
    bounds.high[2] = min(tower.position_endstop for tower in towers)
    bounds.taper = min(
        tower.position_endstop + math.sqrt(max(0.0, tower.arm_length**2 - radius**2)) - tower.arm_length
        for tower in towers
    )


def _homing(loaded: Loaded) -> list[HomingPlan]:
    """All towers at once; the nozzle is over the middle, as far as the host knows."""
    options = printer_of(loaded).kinematics
    assert isinstance(options, DeltaOptions)
    towers = {tower.source.name: tower for tower in _towers(loaded)}
    heights = {
        name: tower.position_endstop + math.sqrt(tower.arm_length**2 - options.delta_radius**2)
        for name, tower in towers.items()
    }
    top = max(tower.position_endstop for tower in towers.values())
    bottom = top - OVERRUN * (top - options.minimum_z_position)
    rails = {name: (name,) for name in towers}
    first = towers["stepper_a"]
    ends = (0.0, 0.0, bottom), (0.0, 0.0, top)
    return [HomingPlan((0, 1, 2), first, rails, *ends, first.step_distance, heights)]


DELTA = Kind(motors=_motors, bound=_bound, endstops=_endstops, forward=_forward, homing=_homing)
