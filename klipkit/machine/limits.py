"""The limits of [printer] as a running printer takes them on."""

from collections.abc import Set

from klipkit.machine.config import PrinterConfig
from klipkit.machine.planner import Planner
from klipkit.parts.part import Apply, Part


class PrinterLimits(Part):
    """Sets the planner's limits when the section has changed."""

    live = frozenset(("max_velocity", "max_accel", "minimum_cruise_ratio", "square_corner_velocity"))

    def __init__(self, config: PrinterConfig, planner: Planner) -> None:
        self._planner = planner

    def reload(self, config: PrinterConfig, changed: Set[str]) -> Apply:
        """Moves from now on; what SET_VELOCITY_LIMIT has set of options that have not changed stays."""
        names = ("max_velocity", "max_accel", "square_corner_velocity", "minimum_cruise_ratio")
        now = zip(names, self._planner.limits, strict=True)
        limits = [getattr(config, name) if name in changed else value for name, value in now]
        return lambda: self._planner.set_limits(*limits) if changed else None
