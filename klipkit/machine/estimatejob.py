"""The printing of a file for its time and its faults: its lines are carried out by the machine that is to print it."""

import asyncio
from collections.abc import Callable

from klipkit.base.errors import KlipkitError
from klipkit.base.faults import GcodeError
from klipkit.gcode.scripts import Scripts
from klipkit.machine.estimatehead import QuickToolhead
from klipkit.machine.job import Job
from klipkit.machine.planner import Planner

LONGEST = 2 * 3600.0  # s of the machine's time that a line may wait: what it waits for never comes

Found = Callable[[int, KlipkitError], None]
Shown = Callable[[float], None]


class QuickJob(Job):
    """`found` is told what is wrong with a line, which is passed over then; None: the first fault is raised.

    `fault` is what stops the machine.
    """

    def __init__(
        self,
        path: str,
        planner: Planner,
        toolhead: QuickToolhead,
        scripts: Scripts,
        found: Found | None = None,
        shown: Shown | None = None,
        fault: asyncio.Future[KlipkitError] | None = None,
    ) -> None:
        super().__init__(path, planner, toolhead, scripts)
        self._quick = toolhead
        self._found = found
        self._shown = shown
        self._fault = fault
        self.stopped_at = 0  # the line at which the machine has stopped
        toolhead.line = lambda: self.line + int(self.is_in_line)

    async def _turn(self, chunk: bytes, at: int) -> None:
        """Carry out lines until enough is committed, or one that is not plain."""
        if self._shown is not None:
            self._shown(self.progress)
        try:
            async with asyncio.timeout(LONGEST):
                await super()._turn(chunk, at)
        except asyncio.CancelledError:
            self.stopped_at = self.line
            raise
        except TimeoutError:
            what = f"a line waits for more than {LONGEST / 3600:g} hours"
            self._note(
                GcodeError(what, where=f"{self.path}:{self.line}", hint="what it waits for never comes")
            )
        except GcodeError as error:
            self._note(error)
        self._quick.rest(self.line)
        if self._fault is not None and self._fault.done():
            self.stopped_at = self.line
            await asyncio.Event().wait()  # who watches the machine ends this

    def _note(self, error: KlipkitError) -> None:
        """The line that is just over is wrong."""
        if self._found is None:
            raise error
        self._found(self.line, error)
