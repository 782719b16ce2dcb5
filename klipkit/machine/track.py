"""A motion of its own beside the toolhead's: a trapezoid queue along one line, and where it stands."""

from typing import Any

from klipkit._core import ffi, lib
from klipkit.machine.alone import Leg, append_leg


class Track:
    """Owns the queue until close(). `position`: where it stands, mm; `end`: when its last move ends, print time."""

    smooths = 0.0  # s over which its motors smooth

    def __init__(self, name: str) -> None:
        self.name = name
        self.trapq: Any = lib.trapq_new()
        if self.trapq == ffi.NULL:
            raise MemoryError("no memory for motion")
        self.position = self.end = 0.0

    def lay(self, print_time: float, to: float, velocity: float, accel: float) -> float:
        """Move to a position from a print time on; gives when the move ends. No acceleration: at full speed at once."""
        leg = Leg(to - self.position, velocity, accel, 0.0)
        self.end = append_leg(self.trapq, leg, print_time, self.position) if leg.distance else print_time
        self.position = to
        return self.end

    def stand(self, print_time: float, position: float) -> None:
        """It is at `position` without moving; steppers know theirs."""
        place = ffi.new("double[3]", (position, 0.0, 0.0))
        if lib.trapq_set_position(self.trapq, print_time, place) < 0:
            raise AssertionError("motion refused a position")
        self.position = position

    def discard(self) -> None:
        """All its moves are forgotten; steppers must be told where they are."""
        lib.trapq_discard(self.trapq)
        self.end = 0.0

    def close(self) -> None:
        """Give the memory back; no stepper may follow it any more."""
        lib.trapq_free(self.trapq)
