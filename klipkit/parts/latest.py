"""Values that people and macros give an output, in step with the moves: of those that come too fast, the latest counts.

want(a)  want(b) want(c) want(d)       the output takes one each SPACING at most
   a        b            d
---+--------+------------+------> print time
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from klipkit.mcu.scheduled import LEAD, SPACING
from klipkit.parts.schedule import Schedule

AHEAD = LEAD + SPACING  # s by which a value that had to wait is sent ahead


V = TypeVar("V")


class Latest(Generic[V]):
    """`give` sends a value at a print time; it gives the time at which the output is done with it."""

    def __init__(self, schedule: Schedule, give: Callable[[float, V], float]) -> None:
        self._schedule = schedule
        self._give = give
        self._free = 0.0  # print time from which the output can be changed
        self._waiting: V | None = None
        self._timer: asyncio.TimerHandle | None = None

    def want(self, value: V) -> None:
        """That value, when the moves given so far end."""
        self._schedule.after_moves(lambda time: self.at(time, value))

    def at(self, time: float, value: V) -> None:
        """That value at a print time, not before that of the value before it."""
        if self._waiting is not None and time >= self._free + SPACING:
            self._flush()
        if self._waiting is None and time >= self._free:
            self._take(time, value)
            return
        self._waiting = value
        if self._timer is None:
            delay = max(0.0, self._free - self._schedule.now() - AHEAD)
            self._timer = asyncio.get_running_loop().call_later(delay, self._flush)

    def close(self) -> None:
        """What waits is forgotten."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._waiting = None

    def _flush(self) -> None:
        value = self._waiting
        self.close()
        if value is not None:
            self._take(max(self._free, self._schedule.now() + LEAD), value)

    def _take(self, time: float, value: V) -> None:
        self._free = self._give(time, value) + SPACING
