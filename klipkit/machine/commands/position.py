"""G-code's coordinates: M114 GET_POSITION SAVE_GCODE_STATE RESTORE_GCODE_STATE; the object `gcode_move`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from klipkit.base.declare import Declared, section
from klipkit.base.faults import GcodeError
from klipkit.base.schema import Loaded
from klipkit.base.text import did_you_mean, sanitise
from klipkit.gcode.commands import gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.words import Line
from klipkit.machine.coordinate import Coordinate, coordinate
from klipkit.machine.gcodestate import GcodeState, gcode_position, restore, saved
from klipkit.machine.kinematics import forward
from klipkit.machine.moving import go_to
from klipkit.machine.toolhead import Toolhead
from klipkit.parts.part import Part

MINUTE = 60  # s
AXIS_MAP: Mapping[str, int] = {"X": 0, "Y": 1, "Z": 2, "E": 3}
StateName = Annotated[str, "name of the state"]


@section("gcode_move", always=True)
class GcodeMoveConfig(Declared):
    """G-code's coordinates. The section has no options and need not be written."""


@dataclass(frozen=True, slots=True)
class GcodeMoveStatus:
    """Of the object `gcode_move`."""

    speed_factor: Annotated[float, "The speed factor that M220 has set; 1: as written."]
    speed: Annotated[float, "The speed that moves say (F), mm/min."]
    extrude_factor: Annotated[float, "The filament factor that M221 has set; 1: as written."]
    absolute_coordinates: Annotated[bool, "Whether coordinates are positions (G90) or distances (G91)."]
    absolute_extrude: Annotated[bool, "Whether E is a position (M82) or a length (M83)."]
    homing_origin: Annotated[Coordinate, "What SET_GCODE_OFFSET has set, mm."]
    position: Annotated[Coordinate, "Where the last move ends, in the machine's coordinates, mm."]
    gcode_position: Annotated[Coordinate, "The same in G-code's coordinates, mm."]
    axis_map: Annotated[Mapping[str, int], "The place of each axis' letter in a coordinate."]


class GcodeMove(Part):
    """Coordinates as G-code has them."""

    def __init__(
        self, config: GcodeMoveConfig, loaded: Loaded, toolhead: Toolhead, responses: Responses
    ) -> None:
        self._loaded = loaded
        self._toolhead = toolhead
        self._responses = responses
        self._states: dict[str, GcodeState] = {}

    def status(self) -> GcodeMoveStatus:
        """Modes, factors and positions."""
        moves = self._toolhead.planner.moves
        return GcodeMoveStatus(
            moves.speed_factor,
            moves.feed,
            moves.extrude_factor,
            not moves.is_relative,
            not moves.is_relative_e,
            coordinate(list(moves.offset)),
            coordinate(list(moves.position)),
            gcode_position(moves),
            AXIS_MAP,
        )

    def save(self, name: str) -> None:
        """Keep the state under a name."""
        self._states[name] = saved(self._toolhead.planner.moves)

    async def go_back(self, name: str, speed: float | None, where: str = "") -> None:
        """Give back the state of that name; with `speed` (mm/s) the toolhead goes to where it was then.

        Raises GcodeError.
        """
        state, moves = self._states[name], self._toolhead.planner.moves
        restore(moves, state)
        if speed is not None:
            await go_to(self._toolhead, state.position, speed, where)

    @gcode("M114")
    async def report_position(self) -> None:
        """Report the position in G-code's coordinates."""
        self._responses.answer(_axes(gcode_position(self._toolhead.planner.moves), digits=3))

    @gcode("GET_POSITION")
    async def get_position(self) -> None:
        """Report where the toolhead and its motors are, in all coordinates."""
        await self._toolhead.drain()
        planner, moves = self._toolhead.planner, self._toolhead.planner.moves
        filament = [motor.name for motor in planner.motors if motor.moves_filament]
        steppers = {
            drive.stepper.name: drive.stepper
            for drive in self._toolhead.drives
            if drive.stepper.name not in filament
        }
        places = {name: stepper.position() for name, stepper in steppers.items()}
        lines = {
            "mcu": " ".join(f"{name}:{stepper.commanded()}" for name, stepper in steppers.items()),
            "stepper": " ".join(f"{name}:{place:.6f}" for name, place in places.items()),
            "kinematic": _axes(forward(self._loaded, places)),
            "toolhead": _axes(list(moves.position)),
            "gcode": _axes(gcode_position(moves)),
            "gcode base": _axes(list(moves.origin)),
            "gcode homing": _axes(list(moves.offset)[:3]),
        }
        self._responses.note("\n".join(f"{name}: {said}" for name, said in lines.items()))

    @gcode("SAVE_GCODE_STATE")
    async def save_state(self, *, name: StateName = "default") -> None:
        """Keep coordinates, modes, factors and speed, and the position."""
        self.save(name)

    @gcode("RESTORE_GCODE_STATE")
    async def restore_state(
        self,
        *,
        line: Line,
        name: StateName = "default",
        move: Annotated[int, "1: the toolhead goes back, too"] = 0,
        move_speed: Annotated[float | None, "its speed, mm/s"] = None,
    ) -> None:
        """Give back what SAVE_GCODE_STATE has kept."""
        state = self._states.get(name)
        if state is None:
            hint = did_you_mean(name, self._states) or "SAVE_GCODE_STATE keeps one"
            raise GcodeError(f"Unknown g-code state: {sanitise(name, 40)}", where=line.where, hint=hint)
        speed = state.feed * state.speed_factor / MINUTE if move_speed is None else move_speed
        if speed <= 0:
            raise GcodeError(
                f"{line.command}: MOVE_SPEED={speed:g} is not above 0", where=line.where, hint="in mm/s"
            )
        await self.go_back(name, speed if move else None, line.where)


def _axes(numbers: Sequence[float], *, digits: int = 6) -> str:
    """The axes with their letters."""
    return " ".join(f"{letter}:{number:.{digits}f}" for letter, number in zip("XYZE", numbers, strict=False))
