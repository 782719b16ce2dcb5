"""A motion that one motor makes by itself, apart from all kinematics: legs there and back, with rests between them.

add(1, 4), add(-1, 4)  -->  lay(print time)  -->  trapezoid queue of its own  -->  Toolhead.move_alone
"""

import math
from dataclasses import dataclass
from typing import Any

from klipkit._core import ffi, lib

SETTLE = 0.01  # s after the last step until the steps at the end are final too


@dataclass(frozen=True, slots=True)
class Leg:
    """A way of so many mm at `velocity`, mm/s, with this acceleration, mm/s^2 (0: at once); then a rest, s."""

    distance: float
    velocity: float
    accel: float
    rest: float

    def times(self) -> tuple[float, float, float]:
        """Seconds of speeding up (and of slowing down), seconds of cruising, and the speed then."""
        way = abs(self.distance)
        if self.accel <= 0:
            return 0.0, way / self.velocity, self.velocity
        speeding = min(self.velocity / self.accel, math.sqrt(way / self.accel))
        speed = self.accel * speeding
        return speeding, max(0.0, way / speed - speeding), speed


class Alone:
    """Owns a trapezoid queue and a stepper of motion on it until close(); the motor begins at 0 mm."""

    def __init__(self, step_distance: float) -> None:
        self._trapq: Any = lib.trapq_new()
        self.stepper: Any = lib.stepper_new(self._trapq, b"cartesian_x", step_distance)
        if ffi.NULL in (self._trapq, self.stepper):
            raise MemoryError("no memory for motion")
        self._legs: list[Leg] = []

    def add(self, distance: float, velocity: float, accel: float = 0.0, rest: float = 0.0) -> None:
        """One more leg; a distance of 0 only rests."""
        self._legs.append(Leg(distance, velocity, accel, rest))

    def lay(self, print_time: float) -> float:
        """The legs begin then; gives the print time at which all steps are made."""
        place = 0.0
        for leg in self._legs:
            if leg.distance:
                print_time = append_leg(self._trapq, leg, print_time, place)
                place += leg.distance
            print_time += leg.rest
        return print_time + SETTLE

    def close(self) -> None:
        """Give the memory back; no stepper may follow it any more."""
        lib.stepper_free(self.stepper)
        lib.trapq_free(self._trapq)


def append_leg(trapq: Any, leg: Leg, print_time: float, place: float) -> float:
    """A leg from `place` along x of a trapezoid queue, beginning then; gives when it ends."""
    speeding, cruising, speed = leg.times()
    move = ffi.new("struct trapq_move *")
    move.print_time, move.accel_t, move.cruise_t, move.decel_t = print_time, speeding, cruising, speeding
    move.start_v, move.cruise_v, move.accel = 0.0 if leg.accel > 0 else speed, speed, max(0.0, leg.accel)
    move.start[0], move.direction[0] = place, math.copysign(1.0, leg.distance)
    if lib.trapq_append(trapq, move) < 0:
        raise AssertionError("motion refused a leg")
    return float(lib.trapq_move_end(move))
