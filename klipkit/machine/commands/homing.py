"""G-code that homes, and that tells of the endstops: G28 QUERY_ENDSTOPS M119."""

from klipkit.gcode.commands import gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.words import Line
from klipkit.machine.homing import Homing

AXES = "XYZ"


class HomingCommands:
    """Homing as G-code has it."""

    def __init__(self, homing: Homing, responses: Responses) -> None:
        self._homing = homing
        self._responses = responses
        self.states: dict[str, bool] = {}  # of the endstops, when they were last asked for

    @gcode("G28")
    async def home(self, *, line: Line) -> None:
        """Home the axes that are named (X, Y, Z), or all."""
        told = [axis for axis, letter in enumerate(AXES) if letter in line.parameters]
        await self._homing.home(told or (0, 1, 2))

    @gcode("QUERY_ENDSTOPS", "M119")
    async def query_endstops(self) -> None:
        """Tell whether each endstop is triggered."""
        self.states = await self._homing.query()
        said = (f"{name}:{'TRIGGERED' if state else 'open'}" for name, state in self.states.items())
        self._responses.say(" ".join(said))
