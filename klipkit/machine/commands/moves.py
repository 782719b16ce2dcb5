"""G-code that moves the toolhead, and that says how: G0 G1 G4 G20 G21 G90 G91 G92 M82 M83 M204 M220 M221 M400 SET_*.

Plain lines of a print file take the quick way (machine/fast.h), which moves by the same C state as this one.
"""

from typing import Annotated, Protocol

from klipkit._core import ffi, lib
from klipkit.base.faults import GcodeError, MoveError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.gcode.commands import gcode
from klipkit.gcode.words import Line
from klipkit.machine.config import ShaperName
from klipkit.machine.kinematics import Place
from klipkit.machine.planner import Planner
from klipkit.machine.refusals import refusal

PERCENT = 100
MINUTE = 60  # s
AXES = "XYZE"
SMOOTH_MOST = 0.2  # s

Coordinate = Annotated[float | None, "position along the axis, mm"]
Above = Annotated[float | None, "a number above 0"]


class Driven(Protocol):
    """Who makes the planner's moves happen: the toolhead of a printer, or a tool without one."""

    planner: Planner

    async def begin(self) -> None:
        """A move comes."""

    async def go_on(self) -> None:
        """A move came; waits while enough is queued."""

    async def drain(self) -> None:
        """Wait until all moves are done."""

    async def dwell(self, seconds: float) -> None:
        """The next move begins that much later."""

    async def set_position(self, position: Place) -> None:
        """The toolhead is at `position` without moving; waits for standstill."""


class MoveCommands:
    """Position, units, modes and limits as G-code has them. An axis may be moved once its position is known."""

    def __init__(self, driven: Driven, *, force_move: bool) -> None:
        self.driven = driven
        self.planner = driven.planner
        self._force_move = force_move

    @gcode("G0", "G1")
    async def move(
        self,
        *,
        line: Line,
        x: Coordinate = None,
        y: Coordinate = None,
        z: Coordinate = None,
        e: Annotated[float | None, "filament, mm"] = None,
        f: Annotated[float | None, "speed, mm/min"] = None,
    ) -> None:
        """Move in a straight line."""
        given, words = words_given(x, y, z, e, f)
        await self.driven.begin()
        self._check(lib.moves_line(self.planner.moves, given, words), line)
        await self.driven.go_on()

    @gcode("G4")
    async def dwell(
        self, *, p: Annotated[float, "time, ms"] = 0.0, s: Annotated[float, "time, s"] = 0.0
    ) -> None:
        """Rest for a time, after all moves before."""
        await self.driven.dwell(max(0.0, p / 1000 + s))

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
        self.planner.moves.is_relative = 0

    @gcode("G91")
    async def relative_coordinates(self) -> None:
        """Coordinates are distances from where the toolhead is."""
        self.planner.moves.is_relative = 1

    @gcode("M82")
    async def absolute_filament(self) -> None:
        """E is a position of the filament."""
        self.planner.moves.is_relative_e = 0

    @gcode("M83")
    async def relative_filament(self) -> None:
        """E is a length of filament."""
        self.planner.moves.is_relative_e = 1

    @gcode("G92")
    async def set_origin(
        self, *, x: Coordinate = None, y: Coordinate = None, z: Coordinate = None, e: Coordinate = None
    ) -> None:
        """The toolhead's place gets other coordinates; nothing moves. Without an axis all become 0."""
        lib.moves_set_origin(self.planner.moves, *words_given(x, y, z, e, None))

    @gcode("M204")
    async def set_acceleration(
        self, *, line: Line, s: Above = None, p: Above = None, t: Above = None
    ) -> None:
        """Set the acceleration, mm/s^2: S, or the lesser of P and T. P or T alone changes nothing."""
        accel = s if s is not None else None if p is None or t is None else min(p, t)
        if accel is None and (p is not None or t is not None):
            return
        if accel is None:
            raise GcodeError("M204: S must be given", where=line.where, hint="or both P and T")
        if accel <= 0 or lib.moves_set_accel(self.planner.moves, accel):
            raise refusal(self.planner, lib.MOVES_NO_SPEED, line.where)

    @gcode("M220")
    async def set_speed_factor(self, *, line: Line, s: Annotated[float, "percent"] = 100.0) -> None:
        """Drive all moves faster or slower than they say."""
        lib.moves_set_speed_factor(self.planner.moves, _above_zero("S", s, line) / PERCENT)

    @gcode("M221")
    async def set_extrude_factor(self, *, line: Line, s: Annotated[float, "percent"] = 100.0) -> None:
        """Extrude more or less filament than moves say."""
        lib.moves_set_extrude_factor(self.planner.moves, _above_zero("S", s, line) / PERCENT)

    @gcode("M400")
    async def finish(self) -> None:
        """Wait until all moves are done."""
        await self.driven.drain()

    @gcode("SET_VELOCITY_LIMIT")
    async def set_velocity_limit(
        self,
        *,
        line: Line,
        velocity: Annotated[float | None, "highest speed, mm/s"] = None,
        accel: Annotated[float | None, "highest acceleration, mm/s^2"] = None,
        square_corner_velocity: Annotated[float | None, "speed of a 90 degree corner, mm/s"] = None,
        minimum_cruise_ratio: Annotated[float | None, "0 to below 1"] = None,
    ) -> None:
        """Change the limits of moves."""
        told = (velocity, accel, square_corner_velocity, minimum_cruise_ratio)
        now = self.planner.limits
        wanted = tuple(old if new is None else new for old, new in zip(now, told, strict=True))
        try:
            self.planner.set_limits(*wanted)
        except ValueError as error:
            raise GcodeError(f"{line.command}: {error}", where=line.where) from None

    @gcode("SET_PRESSURE_ADVANCE")
    async def set_pressure_advance(
        self,
        *,
        line: Line,
        extruder: Annotated[
            str | None, "section of the extruder or its stepper; without it the active one"
        ] = None,
        advance: Annotated[float | None, "filament ahead for each mm/s, s"] = None,
        smooth_time: Annotated[float | None, "over which it is smoothed, s"] = None,
    ) -> None:
        """Change the pressure advance."""
        planner = self.planner
        told = planner.active if extruder is None else extruder.strip()
        moved = {motor.name: motor.filament for motor in planner.motors if motor.filament}
        filament = planner.filaments.get(moved.get(told, told))
        if filament is None:
            raise GcodeError(f"{line.command}: there is no extruder '{sanitise(told, 40)}'", where=line.where)
        new = filament.advance if advance is None else advance
        smooth = filament.smooth_time if smooth_time is None else smooth_time
        if new < 0 or not 0 <= smooth <= SMOOTH_MOST:
            raise GcodeError(
                f"{line.command}: a number is out of its range",
                where=line.where,
                hint=f"ADVANCE from 0, SMOOTH_TIME from 0 to {SMOOTH_MOST}",
            )
        if (bool(new), smooth) != (bool(filament.advance), filament.smooth_time):
            await self.driven.drain()
        planner.set_advance(new, smooth, filament.name)

    @gcode("SET_INPUT_SHAPER")
    async def set_input_shaper(
        self,
        *,
        line: Line,
        shaper_freq_x: Annotated[float | None, "resonance of X, Hz; 0: none"] = None,
        shaper_freq_y: Annotated[float | None, "resonance of Y, Hz; 0: none"] = None,
        damping_ratio_x: Annotated[float | None, "how X is damped"] = None,
        damping_ratio_y: Annotated[float | None, "how Y is damped"] = None,
        shaper_type: Annotated[str | None, "shaper of both axes"] = None,
        shaper_type_x: Annotated[str | None, "shaper of X"] = None,
        shaper_type_y: Annotated[str | None, "shaper of Y"] = None,
    ) -> None:
        """Change the input shapers."""
        told = {
            "x": (shaper_type_x, shaper_freq_x, damping_ratio_x),
            "y": (shaper_type_y, shaper_freq_y, damping_ratio_y),
        }
        wanted = {axis: self._shaper(line, axis, shaper_type, told[axis]) for axis in told}
        await self.driven.drain()
        try:
            for axis, shaper in wanted.items():
                self.planner.set_shaper(axis, *shaper)
        except ValueError as error:
            raise GcodeError(f"{line.command}: {error}", where=line.where) from None

    @gcode("SET_GCODE_OFFSET")
    async def set_gcode_offset(
        self,
        *,
        line: Line,
        x: Coordinate = None,
        y: Coordinate = None,
        z: Coordinate = None,
        e: Coordinate = None,
        x_adjust: Coordinate = None,
        y_adjust: Coordinate = None,
        z_adjust: Coordinate = None,
        e_adjust: Coordinate = None,
        move: Annotated[int, "1: the toolhead moves along"] = 0,
        move_speed: Annotated[float | None, "its speed, mm/s"] = None,
    ) -> None:
        """Shift G-code's coordinates, to a value or by one."""
        moves = self.planner.moves
        end = list(moves.position)
        new, by = (x, y, z, e), (x_adjust, y_adjust, z_adjust, e_adjust)
        for axis in range(len(AXES)):
            value, more = new[axis], by[axis]
            wanted = value if value is not None else None if more is None else moves.offset[axis] + more
            if wanted is not None:
                end[axis] += wanted - moves.offset[axis]
                lib.moves_set_offset(moves, axis, wanted)
        if move:
            speed = moves.feed * moves.speed_factor / MINUTE if move_speed is None else move_speed
            await self.driven.begin()
            self._check(lib.moves_to(moves, end, _above_zero("MOVE_SPEED", speed, line)), line)
            await self.driven.go_on()

    @gcode("SET_KINEMATIC_POSITION")
    async def set_kinematic_position(
        self,
        *,
        line: Line,
        x: Coordinate = None,
        y: Coordinate = None,
        z: Coordinate = None,
        set_homed: Annotated[str, "axes that are homed then"] = "XYZ",
        clear_homed: Annotated[str, "axes that are not homed then"] = "",
    ) -> None:
        """Take the toolhead to be at this position, without homing. Axes that are not named keep theirs."""
        if not self._force_move:
            hint = "write enable_force_move: True into a section [force_move]"
            raise GcodeError(f'Unknown command: "{line.command}"', where=line.where, hint=hint)
        known = (self.planner.known | _axes(set_homed, line)) - _axes(clear_homed, line)
        old = self.planner.position
        new = [old[axis] if value is None else value for axis, value in enumerate((x, y, z))]
        position = (new[0], new[1], new[2])
        if not self.planner.can_stand_at(position):
            raise MoveError(f"{line.command}: the motors cannot be in that place", where=line.where)
        await self.driven.set_position(position)
        self.planner.know(sorted(known))

    def _check(self, code: int, line: Line) -> None:
        if code != lib.MOVES_FINE:
            raise refusal(self.planner, code, line.where)

    def _shaper(
        self, line: Line, axis: str, both: str | None, told: tuple[str | None, float | None, float | None]
    ) -> tuple[str, float, float]:
        kind, frequency, damping = self.planner.shapers.get(axis, (ShaperName.MZV.value, 0.0, 0.1))
        name = (told[0] or both or kind).strip().lower()
        names = [shaper.value for shaper in ShaperName]
        if name not in names:
            hint = did_you_mean(name, names) or f"one of {', '.join(names)}"
            raise GcodeError(
                f"{line.command}: there is no shaper '{sanitise(name, 40)}'", where=line.where, hint=hint
            )
        frequency = frequency if told[1] is None else told[1]
        damping = damping if told[2] is None else told[2]
        if frequency < 0 or not 0 <= damping < 1:
            raise GcodeError(f"{line.command}: a number is out of its range", where=line.where)
        return name, frequency, damping


def words_given(*values: float | None) -> tuple[int, object]:
    """Which are given, and their values, as machine/moves.h has them."""
    given = sum(1 << place for place, value in enumerate(values) if value is not None)
    return given, ffi.new("double[5]", [value or 0.0 for value in values])


def _axes(letters: str, line: Line) -> set[int]:
    """The numbers of axes, of their letters."""
    wanted = letters.upper()
    if set(wanted) - set("XYZ"):
        shown = sanitise(letters, 40)
        raise GcodeError(f"{line.command}: '{shown}' is not a set of axes", where=line.where, hint="as XY")
    return {AXES.index(letter) for letter in wanted}


def _above_zero(name: str, value: float, line: Line) -> float:
    if value <= 0:
        raise GcodeError(f"{line.command}: {name}={value:g} is not above 0", where=line.where)
    return value
