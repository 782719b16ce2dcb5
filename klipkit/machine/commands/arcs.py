"""G-code arcs: G2 (clockwise) and G3 along circles in a plane, and G17 G18 G19, which choose it.

        end
    .  '   \\        An arc is gone in straight moves of about `resolution`: their ends lie on the circle
 .           .       about start + (I, J), the last one is where the words lead. What the words say of the
start         .      third axis and of filament is spread over all of them.
   (I, J) -> o
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from klipkit._core import ffi, lib
from klipkit.base.declare import Declared, option, section
from klipkit.base.faults import GcodeError
from klipkit.base.values import number
from klipkit.gcode.commands import gcode
from klipkit.gcode.words import Line
from klipkit.machine.commands.moves import MINUTE, Coordinate, Driven, words_given
from klipkit.machine.refusals import refusal

Offset = Annotated[float | None, "the circle's middle, from the start, mm"]
SAME = 1e-9  # mm: an end that is no farther from the start is the start, and the arc a full circle
LONGEST = 1_000_000  # moves of an arc: more is a wrong number


@section("gcode_arcs")
class GcodeArcsConfig(Declared):
    """Arcs in G-code: G2 and G3."""

    resolution: float = option(
        number(above=0),
        "How long the straight moves are of which an arc is made; a shorter arc is one of them.",
        unit="mm",
        default=1.0,
    )


@dataclass(frozen=True, slots=True)
class Plane:
    """Two axes, and the words by which the circle's middle is told along them."""

    first: int
    second: int
    words: str


XY, XZ, YZ = Plane(0, 1, "IJ"), Plane(0, 2, "IK"), Plane(1, 2, "JK")


class ArcCommands:
    """Arcs in the plane that was chosen last."""

    def __init__(self, driven: Driven, resolution: float) -> None:
        self.driven = driven
        self.planner = driven.planner
        self._resolution = resolution
        self._plane = XY

    @gcode("G2")
    async def clockwise(
        self,
        *,
        line: Line,
        x: Coordinate = None,
        y: Coordinate = None,
        z: Coordinate = None,
        e: Annotated[float | None, "filament, mm"] = None,
        f: Annotated[float | None, "speed, mm/min"] = None,
        i: Offset = None,
        j: Offset = None,
        k: Offset = None,
    ) -> None:
        """Move along an arc, clockwise."""
        await self._arc(line, (x, y, z, e, f), (i, j, k), -1)

    @gcode("G3")
    async def counterclockwise(
        self,
        *,
        line: Line,
        x: Coordinate = None,
        y: Coordinate = None,
        z: Coordinate = None,
        e: Annotated[float | None, "filament, mm"] = None,
        f: Annotated[float | None, "speed, mm/min"] = None,
        i: Offset = None,
        j: Offset = None,
        k: Offset = None,
    ) -> None:
        """Move along an arc, counterclockwise."""
        await self._arc(line, (x, y, z, e, f), (i, j, k), 1)

    @gcode("G17")
    async def plane_xy(self) -> None:
        """Arcs lie in the plane of X and Y."""
        self._plane = XY

    @gcode("G18")
    async def plane_xz(self) -> None:
        """Arcs lie in the plane of X and Z."""
        self._plane = XZ

    @gcode("G19")
    async def plane_yz(self) -> None:
        """Arcs lie in the plane of Y and Z."""
        self._plane = YZ

    async def _arc(
        self, line: Line, told: Sequence[float | None], middle: Sequence[float | None], direction: int
    ) -> None:
        plane, moves = self._plane, self.planner.moves
        offsets = middle[plane.first], middle[plane.second]
        if "R" in line.parameters:
            raise GcodeError(f"{line.command}: R is not supported", where=line.where, hint="write I and J")
        if not any(offsets):
            hint = f"give {plane.words[0]}, {plane.words[1]} or both"
            raise GcodeError(f"{line.command}: the circle has no middle", where=line.where, hint=hint)
        end: Any = ffi.new("double[4]")
        self._check(lib.moves_end(moves, *words_given(*told), end), line)
        start = list(moves.position)
        way = Arc(plane, start, list(end), (offsets[0] or 0.0, offsets[1] or 0.0), direction)
        count = way.length / self._resolution
        if not count <= LONGEST:
            raise GcodeError(f"{line.command}: the arc is too long", where=line.where)
        for part in range(1, max(1, int(count)) + 1):
            place = way.at(part / max(1, int(count)))
            await self.driven.begin()
            self._check(lib.moves_to(moves, place, moves.feed * moves.speed_factor / MINUTE), line)
            await self.driven.go_on()

    def _check(self, code: int, line: Line) -> None:
        if code != lib.MOVES_FINE:
            raise refusal(self.planner, code, line.where)


class Arc:
    """The way from `start` to `end` (x, y, z, filament) about a middle; `direction` 1: counterclockwise."""

    def __init__(
        self,
        plane: Plane,
        start: Sequence[float],
        end: Sequence[float],
        middle: tuple[float, float],
        direction: int,
    ) -> None:
        self.plane, self.start, self.end = plane, start, end
        self.middle = (start[plane.first] + middle[0], start[plane.second] + middle[1])
        self.radius = math.hypot(*middle)
        self.begin = math.atan2(-middle[1], -middle[0])
        finish = math.atan2(end[plane.second] - self.middle[1], end[plane.first] - self.middle[0])
        turn = (finish - self.begin) * direction % (2 * math.pi)
        is_round = math.dist(self._flat(start), self._flat(end)) <= SAME
        self.turn = (2 * math.pi if is_round else turn) * direction
        third = ({0, 1, 2} - {plane.first, plane.second}).pop()
        self.length = math.hypot(self.turn * self.radius, end[third] - start[third])

    def at(self, part: float) -> list[float]:
        """The place after a part of the way."""
        if part >= 1:
            return list(self.end)
        place = [a + (b - a) * part for a, b in zip(self.start, self.end, strict=True)]
        angle = self.begin + self.turn * part
        place[self.plane.first] = self.middle[0] + self.radius * math.cos(angle)
        place[self.plane.second] = self.middle[1] + self.radius * math.sin(angle)
        return place

    def _flat(self, place: Sequence[float]) -> tuple[float, float]:
        return place[self.plane.first], place[self.plane.second]


def arc_commands(config: GcodeArcsConfig | None, driven: Driven) -> list[object]:
    """The commands, when the config asks for them."""
    return [] if config is None else [ArcCommands(driven, config.resolution)]
