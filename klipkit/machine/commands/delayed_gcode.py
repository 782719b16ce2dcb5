"""G-code that is carried out after a while: [delayed_gcode NAME], UPDATE_DELAYED_GCODE."""

import asyncio
from collections.abc import Set
from typing import Annotated

from klipkit.base.declare import Declared, option, section
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import GcodeError
from klipkit.base.values import Template, number, template
from klipkit.gcode.commands import gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.scripts import Scripts
from klipkit.gcode.templates import Templates
from klipkit.gcode.words import Line
from klipkit.parts.part import Apply, Part


@section("delayed_gcode NAME")
class DelayedGcodeConfig(Declared):
    """G-code that is carried out after a while."""

    gcode: Template = option(template(), "The G-code.")
    initial_duration: float = option(
        number(minimum=0), "How long after the start it is carried out; 0: it is not.", unit="s", default=0.0
    )


class DelayedGcode(Part):
    """Waits, carries out, and waits anew when it was told to meanwhile."""

    live = frozenset(("gcode", "initial_duration"))
    comes_and_goes = True

    def __init__(
        self, config: DelayedGcodeConfig, templates: Templates, scripts: Scripts, responses: Responses
    ) -> None:
        self.name = config.source.short
        self._templates = templates
        self._gcode = templates.of_option(config.gcode, config)
        self._first = config.initial_duration
        self._scripts = scripts
        self._responses = responses
        self._due: float | None = None  # loop time
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """The first time is set; a second time what was due still is."""
        if self._task is None:
            self._set(self._first)
        self._task = asyncio.get_running_loop().create_task(self._live())

    def halt(self) -> None:
        """Nothing is done any more."""
        if self._task is not None:
            self._task.cancel()

    async def end(self) -> None:
        """Nothing is waited for any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def reload(self, config: DelayedGcodeConfig, changed: Set[str]) -> Apply:
        """What is due stays due; initial_duration is of the next start."""
        compiled = self._templates.of_option(config.gcode, config)

        def apply() -> None:
            self._gcode = compiled

        return apply

    @gcode("UPDATE_DELAYED_GCODE", select="ID")
    async def update(self, *, line: Line, duration: Annotated[float, "s from now; 0: never"]) -> None:
        """Change when a delayed G-code is carried out."""
        if duration < 0:
            raise GcodeError(f"{line.command}: DURATION={duration:g} is below 0", where=line.where)
        self._set(duration)

    def _set(self, duration: float) -> None:
        self._due = asyncio.get_running_loop().time() + duration if duration else None
        self._changed.set()

    async def _live(self) -> None:
        while True:
            await self._wait()
            if self._due is not None and self._due <= asyncio.get_running_loop().time():
                self._due = None
                await self._carry_out()

    async def _wait(self) -> None:
        """Until it is due, or that has changed."""
        self._changed.clear()
        left = None if self._due is None else max(0.0, self._due - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(left):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _carry_out(self) -> None:
        async with self._scripts.turn:
            try:
                await self._gcode.carry_out()
            except KlipkitError as error:
                self._responses.error(str(error))
