"""The filament of an extruder: its trapezoid queue, its limits, its pressure advance; and whether it may be moved."""

import math
from typing import Any

from klipkit._core import ffi
from klipkit.machine.config import ExtruderConfig
from klipkit.machine.track import Track


class Filament(Track):
    """`position` is where it stood when another extruder was chosen, mm."""

    def __init__(self, config: ExtruderConfig) -> None:
        super().__init__(config.source.name)
        self.limits: Any = ffi.new("struct moves_extruder *")
        self.corner_velocity = config.instantaneous_corner_velocity
        self.advance, self.smooth_time = config.pressure_advance, config.pressure_advance_smooth_time
        self.position = 0.0
        limits, area = self.limits, math.pi * (config.filament_diameter / 2) ** 2
        limits.present, limits.area, limits.nozzle = 1, area, config.nozzle_diameter
        limits.ratio_most = config.max_extrude_cross_section / area
        limits.length_most = config.max_extrude_only_distance
        limits.velocity_most = config.max_extrude_only_velocity
        limits.accel_most = config.max_extrude_only_accel

    @property
    def smooths(self) -> float:  # type: ignore[override]
        """The time over which its motors smooth, s: none without an advance."""
        return self.smooth_time if self.advance else 0.0
