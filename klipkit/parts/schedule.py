"""When things happen: what parts know of the toolhead's time. The machine's toolhead is one."""

from collections.abc import Callable
from typing import Protocol


class Schedule(Protocol):
    """Print time, s: the main MCU's clock over its nominal frequency."""

    def now(self) -> float:
        """The print time now."""

    def after_moves(self, action: Callable[[float], None]) -> None:
        """Call `action` with the print time at which the moves given so far end, once that is known.

        That is before the time has come, and a little ahead of now when nothing moves. Moves go on meanwhile.
        """

    async def drain(self) -> None:
        """Wait until all moves are done."""
