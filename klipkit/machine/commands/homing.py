"""G-code that homes, and that tells of the endstops: G28 QUERY_ENDSTOPS M119; the object `query_endstops`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from klipkit.base.declare import Declared, section
from klipkit.gcode.commands import gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.words import Line
from klipkit.machine.homing import Homing
from klipkit.parts.part import Part

AXES = "XYZ"


class HomingCommands:
    """Homing as G-code has it."""

    def __init__(self, homing: Homing) -> None:
        self._homing = homing

    @gcode("G28")
    async def home(self, *, line: Line) -> None:
        """Home the axes that are named (X, Y, Z), or all."""
        told = [axis for axis, letter in enumerate(AXES) if letter in line.parameters]
        await self._homing.home(told or (0, 1, 2))


@section("query_endstops", always=True)
class QueryEndstopsConfig(Declared):
    """Asking the endstops. The section has no options and need not be written."""


@dataclass(frozen=True, slots=True)
class QueryEndstopsStatus:
    """Of the object `query_endstops`."""

    last_query: Annotated[Mapping[str, bool], "Whether each endstop was triggered when last asked for."]


class QueryEndstops(Part):
    """Asks the endstops."""

    def __init__(self, config: QueryEndstopsConfig, homing: Homing, responses: Responses) -> None:
        self._homing = homing
        self._responses = responses
        self._states: dict[str, bool] = {}

    def status(self) -> QueryEndstopsStatus:
        """What they were when they were last asked for."""
        return QueryEndstopsStatus(dict(self._states))

    @gcode("QUERY_ENDSTOPS", "M119")
    async def query_endstops(self) -> None:
        """Tell whether each endstop is triggered."""
        self._states = await self._homing.query()
        said = (f"{name}:{'TRIGGERED' if state else 'open'}" for name, state in self._states.items())
        self._responses.say(" ".join(said))
