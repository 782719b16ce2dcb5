"""What displays show of a print: M117 SET_DISPLAY_TEXT M73; the object `display_status`."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from klipkit.base.declare import Declared, section
from klipkit.gcode.commands import gcode
from klipkit.machine.printing import FilePrint
from klipkit.parts.part import Part

RECENT = 5.0  # s after which M73's progress does not count any more while a file is printed
PERCENT = 100


@section("display_status")
class DisplayStatusConfig(Declared):
    """Message and progress, for displays and clients. The section has no options."""


@dataclass(frozen=True, slots=True)
class DisplayStatusStatus:
    """Of the object `display_status`."""

    progress: Annotated[float, "How far the print is, 0 to 1: what M73 said, or else the share of the file."]
    message: Annotated[str | None, "What M117 said."]


class DisplayStatus(Part):
    """Message and progress."""

    def __init__(self, config: DisplayStatusConfig, file: FilePrint | None) -> None:
        self._file = file
        self._message: str | None = None
        self._progress: float | None = None
        self._told_at = 0.0

    def status(self) -> DisplayStatusStatus:
        """What is shown."""
        return DisplayStatusStatus(self._shown_progress(), self._message)

    @gcode("M73")
    async def set_progress(self, *, p: Annotated[float | None, "percent"] = None) -> None:
        """Tell how far the print is."""
        if p is not None:
            self._progress = min(1.0, max(0.0, p / PERCENT))
            self._told_at = asyncio.get_running_loop().time()

    @gcode("M117")
    async def show(self, *, raw: str) -> None:
        """Show the rest of the line; nothing clears it."""
        self._message = raw or None

    @gcode("SET_DISPLAY_TEXT")
    async def set_text(
        self, *, msg: Annotated[str | None, "the text; without it nothing is shown"] = None
    ) -> None:
        """Show a text."""
        self._message = msg or None

    def _shown_progress(self) -> float:
        of_file = 0.0 if self._file is None else self._file.progress
        if self._progress is None:
            return of_file
        is_old = asyncio.get_running_loop().time() > self._told_at + RECENT
        if is_old and self._file is not None and self._file.is_active:
            self._progress = None
            return of_file
        return self._progress
