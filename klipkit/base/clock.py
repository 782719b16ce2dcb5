"""The one clock that every component takes its time from: real (monotonic) or virtual."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Time in seconds that never goes back; only differences mean anything."""

    def now(self) -> float:
        """The time, s."""
        ...

    async def sleep_until(self, when: float) -> None:
        """Wait until the clock shows `when`, s; other tasks run at least once even when that has passed."""
        ...


class _LoopClock:
    """Waits by the running event loop, whose time goes as fast as `now`."""

    __slots__ = ("now",)

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now

    async def sleep_until(self, when: float) -> None:
        """Wait until the clock shows `when`, s."""
        await asyncio.sleep(max(0.0, when - self.now()))
        while (left := when - self.now()) > 0:  # a loop may wake up a tick of its own clock too early
            await asyncio.sleep(left)


class RealClock(_LoopClock):
    """CLOCK_MONOTONIC, the clock of the link threads as well."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(time.monotonic)


class VirtualClock(_LoopClock):
    """A clock that somebody else moves; `now` gives its time, s."""

    __slots__ = ()
