"""G-code that moves the toolhead: G0 G1 G4 G20 G21 G90 G91 G92 M400 SET_KINEMATIC_POSITION."""

import asyncio
import math
from collections.abc import Sequence
from typing import Annotated

from klipkit.base.faults import GcodeError, MoveError
from klipkit.gcode.commands import gcode
from klipkit.gcode.words import Line
from klipkit.machine.config import PrinterConfig, RailConfig
from klipkit.machine.toolhead import Position, Toolhead

SPEED = 25.0  # mm/s until a move names one
MINUTE = 60.0  # s
LETTERS = "XYZ"
Z = 2

Coordinate = Annotated[float | None, "position along the axis, mm"]


class MoveCommands:
    """Position, units and modes as G-code has them. An axis may be moved once its position is known."""

    def __init__(
        self, toolhead: Toolhead, printer: PrinterConfig, rails: Sequence[RailConfig], *, force_move: bool
    ) -> None:
        self.toolhead = toolhead
        self.absolute = True
        self.speed = SPEED
        self.known: set[int] = set()  # axes whose position is known
        self._printer = printer
        self._rails = rails
        self._force_move = force_move
        self._base = [0.0, 0.0, 0.0]  # mm: G-code's zero in the machine's coordinates (G92)

    @gcode("G0", "G1")
    async def move(
        self,
        *,
        line: Line,
        x: Coordinate = None,
        y: Coordinate = None,
        z: Coordinate = None,
        f: Annotated[float | None, "speed, mm/min"] = None,
    ) -> None:
        """Move in a straight line."""
        if f is not None:
            if f <= 0:
                raise GcodeError(f"{line.command}: the speed F{f:g} is not above 0", where=line.where)
            self.speed = f / MINUTE
        old = self.toolhead.position
        new = tuple(self._target(axis, given, old[axis]) for axis, given in enumerate((x, y, z)))
        if new == old:
            return
        end: Position = (new[0], new[1], new[2])
        self._check(old, end, line)
        await self.toolhead.move(end, *self._limits(old, end))

    @gcode("G4")
    async def dwell(
        self, *, p: Annotated[float, "time, ms"] = 0.0, s: Annotated[float, "time, s"] = 0.0
    ) -> None:
        """Wait, after all moves are done."""
        await self.toolhead.drain()
        await asyncio.sleep(max(0.0, p / 1000 + s))

    @gcode("G20")
    async def inches(self, *, line: Line) -> None:
        """Inches are not supported; millimetres are."""
        raise GcodeError("G20: inches are not supported", where=line.where, hint="slice in millimetres")

    @gcode("G21")
    async def millimetres(self) -> None:
        """Coordinates are in millimetres, as they always are."""

    @gcode("G90")
    async def absolute_coordinates(self) -> None:
        """Coordinates are positions."""
        self.absolute = True

    @gcode("G91")
    async def relative_coordinates(self) -> None:
        """Coordinates are distances from where the toolhead is."""
        self.absolute = False

    @gcode("G92")
    async def set_origin(self, *, x: Coordinate = None, y: Coordinate = None, z: Coordinate = None) -> None:
        """The toolhead's place gets other coordinates; nothing moves. Without an axis all become 0."""
        given = (x, y, z)
        everything = all(value is None for value in given)
        for axis, value in enumerate(given):
            if value is not None or everything:
                self._base[axis] = self.toolhead.position[axis] - (value or 0.0)

    @gcode("M400")
    async def finish(self) -> None:
        """Wait until all moves are done."""
        await self.toolhead.drain()

    @gcode("SET_KINEMATIC_POSITION")
    async def set_kinematic_position(
        self, *, line: Line, x: Coordinate = None, y: Coordinate = None, z: Coordinate = None
    ) -> None:
        """Take the toolhead to be at this position, without homing. Axes that are not named keep theirs."""
        if not self._force_move:
            hint = "write enable_force_move: True into a section [force_move]"
            raise GcodeError(f'Unknown command: "{line.command}"', where=line.where, hint=hint)
        old = self.toolhead.position
        new = [old[axis] if value is None else value for axis, value in enumerate((x, y, z))]
        await self.toolhead.set_position((new[0], new[1], new[2]))
        self.known = {0, 1, 2}

    def _target(self, axis: int, given: float | None, old: float) -> float:
        if given is None:
            return old
        return given + self._base[axis] if self.absolute else given + old

    def _check(self, old: Position, new: Position, line: Line) -> None:
        """Raises MoveError when an axis leaves its reach or is not known."""
        for axis, rail in enumerate(self._rails):
            if new[axis] == old[axis]:
                continue
            if axis not in self.known:
                hint = "home it with G28, or tell the position with SET_KINEMATIC_POSITION"
                raise MoveError(f"Must home axis first: {LETTERS[axis]}", where=line.where, hint=hint)
            if not rail.position_min <= new[axis] <= rail.position_max:
                shown = " ".join(f"{value:.3f}" for value in new)
                reach = f"{LETTERS[axis]} goes from {rail.position_min:g} to {rail.position_max:g} mm"
                raise MoveError(f"Move out of range: {shown} [0.000]", where=line.where, hint=reach)

    def _limits(self, old: Position, new: Position) -> tuple[float, float]:
        """Speed and acceleration of a move; those of Z hold for its Z part."""
        speed = min(self.speed, self._printer.max_velocity)
        accel = self._printer.max_accel
        along_z = abs(new[Z] - old[Z])
        if along_z > 0:
            ratio = math.dist(old, new) / along_z
            speed = min(speed, self._printer.max_z_velocity * ratio)
            accel = min(accel, self._printer.max_z_accel * ratio)
        return speed, accel
