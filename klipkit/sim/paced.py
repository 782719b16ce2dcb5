"""Virtual time paced to the wall: an event loop for a simulated printer on the desk, with real files and sockets.

    select(timeout): files ready? --> return        wall:    |--------|        the loop waits for files
                     run the printer up to the wall  virtual: |=======>         and never runs ahead of the wall

Virtual time is never ahead of the wall. When it lags by more than `slack`, because this computer was busy or the
simulation is slower than real time, the rest is forgotten: host and MCUs, which have the one virtual time, stall
together. Only a foreign host, which goes by the wall, sees it; with a great slack the MCUs catch up for it.
"""

import asyncio
import math
import selectors
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from klipkit.sim.cosim import Cosim

Result = TypeVar("Result")

SLACK = 0.05  # s that virtual time may lag and still catch up: more than pauses of Python, less than a host's time-outs
QUANTUM = 0.0005  # s: however much happens in the MCUs, the loop sleeps that long; bytes come as late as this at most
WAIT = 0.5  # of the slack: the longest wait, after which virtual time lags by that much on purpose


class Pace:
    """How far virtual time may go by now."""

    def __init__(self, cosim: Cosim, slack: float, wall: Callable[[], float]) -> None:
        self._cosim = cosim
        self._slack = slack
        self.longest_wait = WAIT * slack
        self._wall = wall
        self._ahead = cosim.now() - wall()  # virtual time less the wall's, s
        self.forgotten = 0.0  # s by which virtual time has fallen behind for good

    def allowed(self) -> float:
        """The virtual time up to which the printer may run, s."""
        allowed = self._wall() + self._ahead
        late = allowed - self._cosim.now() - self._slack
        if late > 0:
            self._ahead -= late
            self.forgotten += late
            allowed -= late
        return allowed


class PacedSelector(selectors.BaseSelector):
    """A selector of real files whose waits let virtual time pass, as fast as the wall."""

    def __init__(self, cosim: Cosim, pace: Pace, files: selectors.BaseSelector) -> None:
        self._cosim = cosim
        self._pace = pace
        self._files = files

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file."""
        return self._files.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Watch it no more."""
        return self._files.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch it for something else."""
        return self._files.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """The files watched."""
        return self._files.get_map() or {}

    def close(self) -> None:
        """Give the files back."""
        self._files.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for files, messages from MCUs, or the time-out. Files are looked at when the MCUs are where the wall is:
        what comes from outside never comes to them in their past."""
        cosim = self._cosim
        deadline = math.inf if timeout is None else cosim.now() + max(timeout, 0.0)
        came = bool(cosim.run(cosim.now()))  # commands that were queued since, and what is due at once
        while True:
            allowed = self._pace.allowed()
            came = came or (allowed > cosim.now() and bool(cosim.run(min(deadline, allowed))))
            ready = self._files.select(0)
            if ready or came or cosim.now() >= deadline:
                return ready
            wake = min(
                deadline,
                max(cosim.next_event(), cosim.now() + QUANTUM),
                cosim.now() + self._pace.longest_wait,
            )
            self._files.select(max(0.0, wake - self._pace.allowed()))


class PacedLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time that goes no faster than the wall."""

    def __init__(
        self,
        cosim: Cosim,
        slack: float = SLACK,
        wall: Callable[[], float] = time.monotonic,
        files: selectors.BaseSelector | None = None,
    ) -> None:
        self._cosim = cosim
        self.pace = Pace(cosim, slack, wall)
        super().__init__(PacedSelector(cosim, self.pace, files or selectors.DefaultSelector()))

    def time(self) -> float:
        """Virtual time, s."""
        return self._cosim.now()


def run_paced(coroutine: Coroutine[Any, Any, Result], cosim: Cosim, slack: float = SLACK) -> Result:
    """Run a coroutine to its end in the virtual time of `cosim`, no faster than the wall."""
    with asyncio.Runner(loop_factory=lambda: PacedLoop(cosim, slack)) as runner:
        return runner.run(coroutine)
