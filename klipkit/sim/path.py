"""The path that was really printed: where the toolhead was, from the steps that its motors made."""

from collections.abc import Iterator
from typing import NamedTuple

from klipkit._core import ffi, lib
from klipkit.base.schema import Loaded
from klipkit.machine.kinematics import EXTRUDER, motors
from klipkit.sim.printer import SimulatedPrinter

APART = 0.1  # mm of a motor between points
AT_ONCE = 4096


class PathPoint(NamedTuple):
    """Where the toolhead was, mm, at a virtual time, s, and the filament pushed until then, mm."""

    time: float
    x: float
    y: float
    z: float
    filament: float


class Path:
    """Records the path of a simulated printer from now on."""

    def __init__(self, printer: SimulatedPrinter, loaded: Loaded, apart: float = APART) -> None:
        """A point is put down whenever a motor has moved `apart` mm. Raises DeviceError; a printer has one record."""
        self._printer = printer
        self._distances = {motor.name: motor.config.step_distance for motor in motors(loaded)}
        numbers = [printer.carriages[name].number for name in self._distances]
        steps = [max(1, round(apart / distance)) for distance in self._distances.values()]
        cosim = printer.cosim
        cosim.check(
            lib.cosim_record(cosim.handle, numbers, steps, len(numbers)), "the path cannot be recorded"
        )

    def points(self) -> Iterator[PathPoint]:
        """The points since the last call, in order of time."""
        rails = self._printer.rails
        block = ffi.new("struct cosim_point[]", AT_ONCE)
        while count := lib.cosim_recorded(self._printer.cosim.handle, block, AT_ONCE):
            for point in block[0:count]:
                steps = dict(zip(self._distances, point.steps, strict=False))
                filament = steps.pop(EXTRUDER, 0) * self._distances.get(EXTRUDER, 0.0)
                yield PathPoint(float(point.time), *rails.toolhead_at(steps), filament)
