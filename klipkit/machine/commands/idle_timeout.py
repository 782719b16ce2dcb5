"""What happens when nobody uses the printer for a while: SET_IDLE_TIMEOUT; the object `idle_timeout`.

Idle --something moves or is carried out--> Printing --no more--> Ready --nothing for `timeout` s: its G-code--> Idle
"""

import asyncio
from collections.abc import Callable, Set
from dataclasses import dataclass
from enum import Enum
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
from klipkit.machine.printing import FilePrint
from klipkit.machine.toolhead import Toolhead
from klipkit.parts.idleness import Idleness
from klipkit.parts.part import Apply, Part

PERIOD = 0.5  # s between looks


class Use(Enum):
    """Whether the printer is used."""

    IDLE = "Idle"
    READY = "Ready"
    PRINTING = "Printing"


@section("idle_timeout", always=True)
class IdleTimeoutConfig(Declared):
    """What is done when the printer has not been used for a while."""

    gcode: Template = option(
        template(),
        "The G-code that is carried out then.",
        default=Template("TURN_OFF_HEATERS\nM84"),
        said="TURN_OFF_HEATERS and M84",
    )
    timeout: float = option(number(above=0), "How long it is not used before that.", unit="s", default=600.0)


@dataclass(frozen=True, slots=True)
class IdleTimeoutStatus:
    """Of the object `idle_timeout`."""

    state: Annotated[str, "Idle, Ready or Printing."]
    printing_time: Annotated[float, "For how long it has been printing, s."]
    idle_timeout: Annotated[float, "How long it is not used before the G-code is carried out, s."]


class IdleTimeout(Part, Idleness):
    """Watches whether the printer is used."""

    live = frozenset(("gcode", "timeout"))

    def __init__(
        self,
        config: IdleTimeoutConfig,
        toolhead: Toolhead,
        templates: Templates,
        scripts: Scripts,
        responses: Responses,
        file: FilePrint | None,
    ) -> None:
        self._templates = templates
        self._gcode = templates.of_option(config.gcode, config)
        self._timeout = config.timeout
        self._toolhead = toolhead
        self._scripts = scripts
        self._responses = responses
        self._file = file
        self._listeners: list[Callable[[bool], None]] = []
        self._state = Use.IDLE
        self._since = 0.0  # loop time at which the state began
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """The printer may be used."""
        self._become(Use.READY)
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def halt(self) -> None:
        """Nothing is done any more."""
        if self._task is not None:
            self._task.cancel()

    async def end(self) -> None:
        """No more looks."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def listen(self, listener: Callable[[bool], None]) -> None:
        """Call `listener` with whether it is idle, whenever that changes."""
        self._listeners.append(listener)

    def status(self) -> IdleTimeoutStatus:
        """The state, and for how long."""
        printing = self._state is Use.PRINTING
        return IdleTimeoutStatus(self._state.value, self._passed() if printing else 0.0, self._timeout)

    def reload(self, config: IdleTimeoutConfig, changed: Set[str]) -> Apply:
        """A time that SET_IDLE_TIMEOUT has set stays, unless the section has another one now."""
        compiled = self._templates.of_option(config.gcode, config)

        def apply() -> None:
            self._gcode = compiled
            if "timeout" in changed:
                self._timeout = config.timeout

        return apply

    @gcode("SET_IDLE_TIMEOUT")
    async def set_timeout(self, *, line: Line, timeout: Annotated[float | None, "s"] = None) -> None:
        """Change how long the printer is not used before its G-code for that is carried out."""
        if timeout is not None and timeout <= 0:
            raise GcodeError(f"SET_IDLE_TIMEOUT: TIMEOUT={timeout:g} is not above 0", where=line.where)
        self._timeout = self._timeout if timeout is None else timeout
        if self._state is Use.READY:
            self._become(Use.READY)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            if self._is_used():
                if self._state is not Use.PRINTING:
                    self._become(Use.PRINTING)
            elif self._state is Use.PRINTING:
                self._become(Use.READY)
            elif self._state is Use.READY and self._passed() >= self._timeout:
                await self._time_out()

    async def _time_out(self) -> None:
        """Nobody uses it, and nobody has the turn: its G-code."""
        async with self._scripts.turn:
            try:
                await self._gcode.carry_out()
            except KlipkitError as error:
                self._responses.error(str(error))
                self._become(Use.READY)
                return
        self._become(Use.IDLE)

    def _is_used(self) -> bool:
        is_printed = self._file is not None and self._file.is_active
        return self._toolhead.is_moving or self._scripts.turn.locked() or is_printed

    def _become(self, state: Use) -> None:
        was, self._state = self._state, state
        self._since = asyncio.get_running_loop().time()
        if (was is Use.IDLE) != (state is Use.IDLE):
            for listener in self._listeners:
                listener(state is Use.IDLE)

    def _passed(self) -> float:
        return asyncio.get_running_loop().time() - self._since
