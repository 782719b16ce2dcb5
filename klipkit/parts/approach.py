"""What has to be made ready for a homing move, as a driver that is to feel the end of its rail.

before()  --> the move towards the endstop --> after()      for each approach, at standstill
"""

from typing import Protocol

from klipkit.base.pin import Pin


class Approach(Protocol):
    """What makes an endstop ready."""

    async def before(self) -> None:
        """A move towards the endstop comes. Raises KlipkitError."""

    async def after(self) -> None:
        """It is over, whatever became of it. Raises KlipkitError."""


class Approaches(Protocol):
    """Who tells of homing moves."""

    def around(self, pin: Pin, approach: Approach) -> None:
        """`approach` is told of each homing move that ends by the endstop on this pin, as it is written."""
