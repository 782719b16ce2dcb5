"""A print from a file: its lines, the plain ones the quick way (machine/fast.h), the others as any source's.

    turn { lines until BUDGET is committed } wait for room, turn { ... } ...      others have their turn in between

A job stops between two lines: when it is told to, when the file ends, when a line fails or is given up.
"""

import asyncio
from collections.abc import Set
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from klipkit._core import ffi, lib
from klipkit.base.errors import KlipkitError, UsageError
from klipkit.base.faults import GivenUp
from klipkit.gcode.chunks import chunks, end_of_line, line_at
from klipkit.gcode.scripts import Scripts
from klipkit.machine.planner import Planner
from klipkit.machine.refusals import refusal
from klipkit.machine.toolhead import Toolhead


def without(changed: Set[str]) -> int:
    """The bits of `struct fast`'s `without`: commands of the quick way that have another meaning now."""
    return sum(1 << number for number, name in enumerate(_quick()) if name in changed) if changed else 0


@lru_cache(maxsize=1)
def _quick() -> tuple[str, ...]:
    """The commands of the quick way, in their order."""
    names: list[str] = []
    while (name := lib.fast_command(len(names))) != ffi.NULL:
        names.append(ffi.string(name).decode())
    return tuple(names)


class JobState(Enum):
    """How far a job is."""

    READY = "ready"
    PRINTING = "printing"
    PAUSED = "paused"
    COMPLETE = "complete"
    FAILED = "error"


class Job:
    """The printing of one file. `offset`: bytes done; `line`: lines done."""

    def __init__(self, path: str, planner: Planner, toolhead: Toolhead, scripts: Scripts) -> None:
        self.path = path
        try:
            self.size = Path(path).stat().st_size
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=path) from None
        self.state = JobState.READY
        self.offset = 0
        self.line = 0
        self.error: KlipkitError | None = None
        self.is_in_line = False  # a line is being carried out
        self._planner = planner
        self._toolhead = toolhead
        self._scripts = scripts
        self._stops = False
        self._fast: Any = ffi.new("struct fast *")

    @property
    def progress(self) -> float:
        """The share of the file's bytes that are done, 0 to 1."""
        return self.offset / self.size if self.size else 1.0

    @property
    def where(self) -> str:
        """File and line of the line that is being read."""
        return f"{self.path}:{self.line + 1}"

    def pause(self) -> None:
        """Stop before the next line; `run` comes back then."""
        self._stops = True

    async def run(self) -> None:
        """Print on from `offset`, to the end or until it is paused. Raises the first error, which `error` keeps."""
        self.state, self._stops, self.error = JobState.PRINTING, False, None
        try:
            for chunk in chunks(self.path, self.offset):
                await self._run_chunk(chunk)
                if self._stops:
                    break
        except GivenUp:
            self._stops = True
        except KlipkitError as error:
            self.state, self.error = JobState.FAILED, error
            raise
        except asyncio.CancelledError:
            self.state = JobState.PAUSED
            raise
        self.state = JobState.PAUSED if self._stops else JobState.COMPLETE

    async def _run_chunk(self, chunk: bytes) -> None:
        begin = self.offset
        while (at := self.offset - begin) < len(chunk) and not self._stops:
            async with self._scripts.turn:
                self.is_in_line = True
                try:
                    await self._turn(chunk, at)
                finally:
                    self.is_in_line = False
            await self._toolhead.room()

    async def _turn(self, chunk: bytes, at: int) -> None:
        """Carry out lines until enough is committed, or one that is not plain. One that fails is over, too."""
        fast, toolhead = self._fast, self._toolhead
        await toolhead.begin()
        fast.lines = self.line
        fast.without = without(self._scripts.commands.changed)
        text = ffi.cast("const char *", ffi.from_buffer(chunk))
        until = toolhead.horizon()
        done = int(lib.fast_run(fast, self._planner.moves, text + at, len(chunk) - at, until))
        self.line, self.offset = fast.lines, self.offset + done
        toolhead.push()
        if fast.why not in (lib.FAST_REFUSED, lib.FAST_OTHER):
            return
        where, at = self.where, at + done
        try:
            if fast.why == lib.FAST_REFUSED:
                raise refusal(self._planner, fast.refused, where)
            lib.lookahead_set_line(self._planner.lookahead, self.line + 1)
            line, _ = line_at(chunk, at, where)
            if line is not None:
                await self._scripts.carry_out(line)
        finally:
            self.line, self.offset = self.line + 1, self.offset + end_of_line(chunk, at) - at
