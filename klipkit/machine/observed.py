"""What is seen of the machine and asked for by nobody's command: `toolhead`, `motion_report`, `system_stats`, `mcu`."""

import bisect
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from klipkit._core import ffi, lib
from klipkit.base.declare import Declared, section
from klipkit.machine.coordinate import Coordinate, coordinate
from klipkit.machine.toolhead import Toolhead
from klipkit.mcu.config import McuConfig
from klipkit.mcu.pins import Pins
from klipkit.mcu.statistics import McuStatus
from klipkit.parts.part import Part

MEMORY = Path("/proc/meminfo")
ROUND = (lib.BOUNDS_DELTA, lib.BOUNDS_POLAR)  # kinds of bounds whose reach is a radius


@section("toolhead", always=True)
class ToolheadConfig(Declared):
    """What is seen of the toolhead. The section has no options and need not be written."""


@dataclass(frozen=True, slots=True)
class ToolheadStatus:
    """Of the object `toolhead`."""

    homed_axes: Annotated[str, 'The axes whose position is known, of "xyz".']
    axis_minimum: Annotated[Coordinate, "The lowest position of each axis, mm."]
    axis_maximum: Annotated[Coordinate, "The highest position of each axis, mm."]
    cone_start_z: Annotated[float | None, "Of a delta: the z above which the reach gets narrower, mm."]
    print_time: Annotated[float, "The print time at which the moves end that are committed, s."]
    estimated_print_time: Annotated[float, "The print time now, s."]
    stalls: Annotated[int, "Times that the toolhead had to wait because moves came too slowly."]
    extruder: Annotated[str, "The active extruder's section."]
    position: Annotated[Coordinate, "Where the last move ends, mm."]
    max_velocity: Annotated[float, "The limit of the speed now, mm/s."]
    max_accel: Annotated[float, "The limit of the acceleration now, mm/s^2."]
    minimum_cruise_ratio: Annotated[
        float, "The share of a short move that is at least driven at constant speed."
    ]
    square_corner_velocity: Annotated[float, "The speed at which a corner of 90 degrees is taken, mm/s."]
    extra_axes: Annotated[Mapping[str, int], "Further axes, and their place in a coordinate."] = field(
        default_factory=dict
    )


class ToolheadObject(Part):
    """The toolhead as it is seen."""

    def __init__(self, config: ToolheadConfig, toolhead: Toolhead) -> None:
        self._toolhead = toolhead

    def status(self) -> ToolheadStatus:
        """Position, reach and limits."""
        planner = self._toolhead.planner
        low, high = _reach(planner.bounds)
        velocity, accel, corner, ratio = planner.limits
        return ToolheadStatus(
            homed_axes="".join("xyz"[axis] for axis in sorted(planner.known)),
            axis_minimum=low,
            axis_maximum=high,
            cone_start_z=planner.bounds.taper if planner.bounds.kind == lib.BOUNDS_DELTA else None,
            print_time=planner.committed,
            estimated_print_time=self._toolhead.now(),
            stalls=self._toolhead.stalls,
            extruder=planner.active,
            position=coordinate(list(planner.moves.position)),
            max_velocity=velocity,
            max_accel=accel,
            minimum_cruise_ratio=ratio,
            square_corner_velocity=corner,
        )


def _reach(bounds: Any) -> tuple[Coordinate, Coordinate]:
    low, high = list(bounds.low), list(bounds.high)
    if bounds.kind in ROUND:
        low[:2], high[:2] = [-bounds.radius] * 2, [bounds.radius] * 2
    return coordinate(low), coordinate(high)


@section("motion_report", always=True)
class MotionReportConfig(Declared):
    """What is seen of the motion now. The section has no options and need not be written."""


@dataclass(frozen=True, slots=True)
class MotionReportStatus:
    """Of the object `motion_report`."""

    live_position: Annotated[Coordinate, "Where the toolhead is now, mm."]
    live_velocity: Annotated[float, "Its speed now, mm/s."]
    live_extruder_velocity: Annotated[
        float, "The filament's speed now, less than 0 when it is pulled back, mm/s."
    ]
    steppers: Annotated[tuple[str, ...], "The motors whose steps can be asked for, by section."]
    trapq: Annotated[tuple[str, ...], "The queues of moves that can be asked for."]


class MotionReport(Part):
    """Where the toolhead is now, from the moves that were sent."""

    def __init__(self, config: MotionReportConfig, toolhead: Toolhead) -> None:
        self._toolhead = toolhead

    def status(self) -> MotionReportStatus:
        """The motion now."""
        planner, now = self._toolhead.planner, self._toolhead.now()
        place, velocity = live(planner.trapq, now) or (list(planner.position), 0.0)
        at_rest = [float(lib.lookahead_filament(planner.lookahead))], 0.0
        filament, filament_velocity = live(planner.filament_trapq, now) or at_rest
        has_extruder = bool(planner.extruder.present)
        return MotionReportStatus(
            coordinate([*place[:3], filament[0] if has_extruder else 0.0]),
            abs(velocity),
            filament_velocity if has_extruder else 0.0,
            tuple(motor.name for motor in planner.motors),
            ("toolhead", *planner.filaments),
        )


def live(trapq: Any, print_time: float) -> tuple[list[float], float] | None:
    """Position and speed along a queue's moves then, less than 0 against x; None before its oldest move."""
    position, speed = ffi.new("double[3]"), ffi.new("double *")
    if lib.trapq_position(trapq, print_time, position, speed) < 0:
        return None
    numbers = range(lib.trapq_begin(trapq), lib.trapq_end(trapq))
    begun = bisect.bisect_right(numbers, print_time, key=lambda n: lib.trapq_get(trapq, n).print_time)
    towards = lib.trapq_get(trapq, numbers[max(0, begun - 1)]).direction[0]
    return list(position), math.copysign(speed[0], towards)


@section("system_stats", always=True)
class SystemStatsConfig(Declared):
    """What is seen of this computer. The section has no options and need not be written."""


@dataclass(frozen=True, slots=True)
class SystemStatsStatus:
    """Of the object `system_stats`."""

    sysload: Annotated[float, "The computer's load over the last minute."]
    cputime: Annotated[float, "The processor time that klipkit has taken, s."]
    memavail: Annotated[int, "Memory that is free or can be freed, KiB; 0: not known."]


class SystemStats(Part):
    """The computer that klipkit runs on."""

    def __init__(self, config: SystemStatsConfig) -> None:
        pass

    def status(self) -> SystemStatsStatus:
        """Load, time and memory."""
        return SystemStatsStatus(os.getloadavg()[0], time.process_time(), _memory())


def _memory() -> int:
    try:
        lines = MEMORY.read_text().splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) if found else 0


class McuObject(Part):
    """A microcontroller as it is seen."""

    def __init__(self, config: McuConfig, pins: Pins) -> None:
        self._mcu = pins.mcu(config.source.short)

    def status(self) -> McuStatus:
        """Its version, constants and statistics."""
        return self._mcu.status()
