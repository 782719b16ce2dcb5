"""Virtual time for asyncio: an event loop that, instead of sleeping, lets the co-simulator run.

    coroutine awaits --> loop: next timer --> selector.select(timeout) --> cosim.run(min(now + timeout, next message))
                 <------------ callbacks <-- pipes that have messages set `ready` <--'

Time stands still while Python computes. No threads, sockets or executors: what would need them raises. Everything
here is asyncio's public interface: an event loop with a selector and a time() of its own.
"""

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, NoReturn, TypeVar

from klipkit.base.clock import VirtualClock
from klipkit.base.errors import TimedOut
from klipkit.sim.cosim import Cosim, is_never

Result = TypeVar("Result")

SLICE = 0.25  # s of virtual time: so often Python gets to see signals (Ctrl-C)
HORIZON = 3600.0  # s of virtual time in which no message came and no task has a timer: nobody will ever wake
STANDSTILL = 5_000_000  # turns of the loop without time passing: a task polls without waiting


class VirtualSelector(selectors.BaseSelector):
    """A selector that no file ever becomes ready in; its select() lets virtual time pass."""

    def __init__(self, cosim: Cosim) -> None:
        self._cosim = cosim
        self._files: dict[Any, selectors.SelectorKey] = {}
        self._turns = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Accepts the one file that the loop registers for itself, its wake-up call; it needs none here."""
        if self._files:
            raise RuntimeError("no files, sockets or pipes in virtual time")
        key = selectors.SelectorKey(
            fileobj, fileobj if isinstance(fileobj, int) else fileobj.fileno(), events, data
        )
        self._files[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Forget the file."""
        return self._files.pop(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """The files registered."""
        return self._files

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let virtual time pass for `timeout` s at most (None: until something comes). Raises TimedOut when all tasks
        wait for something that cannot come."""
        if timeout is not None and timeout <= 0:
            self._turns += 1
            if self._turns > STANDSTILL:
                raise TimedOut(
                    "a task goes round without waiting, and time stands still", where=self._where()
                )
        else:
            self._turns = 0
            self._pass(timeout)
        return []

    def _pass(self, timeout: float | None) -> None:
        cosim = self._cosim
        end = cosim.now() + (HORIZON if timeout is None else timeout)
        if cosim.run(cosim.now()):  # commands that were queued since, and what is due at once
            return
        while True:
            alone = is_never(cosim.next_event())
            if alone and timeout is None:
                self._stuck("every task waits, and nothing is left to happen")
            until = end if alone else min(end, cosim.now() + SLICE)
            if cosim.run(until):
                return
            if until >= end:
                break
        if timeout is None:
            self._stuck(f"every task waits, and no message came for {HORIZON:.0f} s")

    def _stuck(self, what: str) -> NoReturn:
        raise TimedOut(
            what, where=self._where(), hint="a task waits without a time-out for what does not come"
        )

    def _where(self) -> str:
        return f"virtual time {self._cosim.now():.6f} s"


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in the virtual time of a co-simulator."""

    def __init__(self, cosim: Cosim) -> None:
        self._cosim = cosim
        super().__init__(VirtualSelector(cosim))

    def time(self) -> float:
        """Virtual time, s."""
        return self._cosim.now()

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        """Raises: a thread knows nothing of virtual time."""
        raise RuntimeError("no threads in virtual time")


def virtual_clock(cosim: Cosim) -> VirtualClock:
    """The clock of what runs under run_virtual."""
    return VirtualClock(cosim.now)


def run_virtual(coroutine: Coroutine[Any, Any, Result], cosim: Cosim) -> Result:
    """Run a coroutine to its end in the virtual time of `cosim`, as asyncio.run does in real time.

    Raises TimedOut when every task waits for something that cannot come any more.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(cosim)) as runner:
        return runner.run(coroutine)
