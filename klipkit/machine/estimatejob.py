"""The printing of a file for its time and its faults: its lines are carried out by the machine that is to print it."""

from collections.abc import Callable
from typing import Any

from klipkit._core import lib
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import GcodeError
from klipkit.gcode.scripts import Scripts
from klipkit.machine.estimatehead import QuickToolhead
from klipkit.machine.job import Job
from klipkit.machine.planner import Planner
from klipkit.machine.refusals import refusal

Found = Callable[[int, GcodeError], None]
Shown = Callable[[float], None]


class QuickJob(Job):
    """`found` is told what is wrong with a line, which is passed over then; None: the first fault is raised."""

    def __init__(
        self,
        path: str,
        planner: Planner,
        toolhead: QuickToolhead,
        scripts: Scripts,
        found: Found | None = None,
        shown: Shown | None = None,
    ) -> None:
        super().__init__(path, planner, toolhead, scripts)
        self._quick = toolhead
        self._found = found
        self._shown = shown

    async def _turn(self, chunk: bytes, at: int) -> int:
        """Carry out lines until enough is committed, or one that is not plain; gives where the next one begins."""
        fast: Any = self._fast
        if self._shown is not None:
            self._shown(self.progress)
        at += await self._plain(chunk, at)
        if fast.why not in (lib.FAST_REFUSED, lib.FAST_OTHER):
            return at
        self._quick.line = self.line + 1
        try:
            if fast.why == lib.FAST_REFUSED:
                raise refusal(self._planner, fast.refused, self.where)
            at = await self._other(chunk, at)
        except GcodeError as error:
            at = self._note(error, chunk, at)
        self._quick.rest()
        return at

    def _note(self, error: KlipkitError, chunk: bytes, at: int) -> int:
        """A line is wrong; gives where the next one begins."""
        if self._found is None or not isinstance(error, GcodeError):
            raise error
        self.line += 1
        self._found(self.line, error)
        return chunk.find(b"\n", at) + 1 or len(chunk)
