"""No kinematics: nothing moves the toolhead."""

from typing import Any

from klipkit._core import lib
from klipkit.base.schema import Loaded
from klipkit.machine.config import PrinterConfig
from klipkit.machine.kinematics.kind import EACH, Endstops, Kind


def _bound(bounds: Any, loaded: Loaded, printer: PrinterConfig) -> None:
    bounds.kind = lib.BOUNDS_NONE


NONE = Kind(
    motors=lambda loaded: [],
    bound=_bound,
    endstops=lambda loaded: Endstops((0.0, 0.0, 0.0), EACH),
    forward=lambda loaded, places: (0.0, 0.0, 0.0),
)
