"""What differs from kinematics to kinematics, and the arithmetic that several of them need."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from klipkit.base.errors import MissingSection
from klipkit.base.faults import MoveError
from klipkit.base.schema import Loaded
from klipkit.machine.config import EndstopOptions, PrinterConfig, StepperOptions, TravelOptions

Place = tuple[float, float, float]
Told = tuple[float | None, float | None, float | None]
FLAT = 1e-12  # part of the product of the lengths that the volume of three vectors has at least
EACH = ((0,), (1,), (2,))  # axis by axis
TOGETHER = ((0, 1, 2),)


@dataclass(frozen=True, slots=True)
class Motor:
    """A stepper motor by its section, with the kinematics of motion/stepper.h whose coordinate it follows.

    `geometry` are the numbers that this one has of its own: see the file in motion/.
    """

    name: str
    config: StepperOptions
    coordinate: str
    geometry: tuple[float, ...] = ()
    filament: str = ""  # whose it moves: the section of the extruder; of a manual stepper: its own

    @property
    def moves_filament(self) -> bool:
        """Whether it follows a filament, or a motion of its own, and not the toolhead."""
        return self.coordinate == "extruder"


@dataclass(frozen=True, slots=True)
class Endstops:
    """Where the toolhead stands when it is homed, mm; `groups`: which axes are only homed together."""

    position: Place
    groups: tuple[tuple[int, ...], ...]

    def with_axes(self, axes: Sequence[int]) -> list[int]:
        """These axes, and those that are homed together with them."""
        return sorted(axis for group in self.groups if not set(group).isdisjoint(axes) for axis in group)


OVERRUN = 1.5  # ways of a rail that homing goes at most: the position before is not known


@dataclass(frozen=True, slots=True)
class HomingPlan:
    """How axes are homed that are homed at once: the toolhead is taken to be at `begin` and driven to `end`, mm.

    None: the axis stays where it is. `rails`: the sections with the endstops, and the motors that each stops.
    `heights`: the coordinate of each motor at its endstop, where `end` is not the toolhead's place at the endstops.
    `step`: the way of the toolhead for a step, mm: endstops are looked at as often.
    """

    axes: tuple[int, ...]
    config: EndstopOptions
    rails: Mapping[str, tuple[str, ...]]
    begin: Told
    end: Told
    step: float
    heights: Mapping[str, float] | None = None


def along(axis: int, begin: float, end: float) -> tuple[Told, Told]:
    """Where the toolhead begins and ends when it is driven along one axis."""
    first: list[float | None] = [None, None, None]
    last: list[float | None] = [None, None, None]
    first[axis], last[axis] = begin, end
    return (first[0], first[1], first[2]), (last[0], last[1], last[2])


def rail_plan(
    axis: int,
    travel: TravelOptions,
    config: EndstopOptions,
    rails: Mapping[str, tuple[str, ...]],
    step: float,
) -> HomingPlan:
    """Of what goes along an axis by itself."""
    way = OVERRUN * (travel.position_max - travel.position_min) * (1 if travel.homing_positive_dir else -1)
    ends = along(axis, travel.position_endstop - way, travel.position_endstop)
    return HomingPlan((axis,), config, rails, *ends, step)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kinematics. `forward`: where the toolhead is when the motors have come to these coordinates, by their names;
    `homing`: how the axes are homed, in the order in which they are."""

    motors: Callable[[Loaded], list[Motor]]
    bound: Callable[[Any, Loaded, PrinterConfig], None]
    endstops: Callable[[Loaded], Endstops]
    forward: Callable[[Loaded, Mapping[str, float]], Place]
    homing: Callable[[Loaded], list[HomingPlan]] = lambda loaded: []


def printer_of(loaded: Loaded) -> PrinterConfig:
    """The section [printer]. Raises MissingSection."""
    printer = loaded.one(PrinterConfig)
    if printer is None:
        raise MissingSection("there is no section [printer]", where=loaded.config.files[0])
    return printer


def minus(a: Place, b: Place) -> Place:
    """a - b."""
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def length(a: Place) -> float:
    """Of a vector."""
    return math.sqrt(dot(a, a))


def plus(a: Place, b: Place, times: float = 1.0) -> Place:
    """a + times b."""
    return (a[0] + times * b[0], a[1] + times * b[1], a[2] + times * b[2])


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """The scalar product."""
    return sum(one * other for one, other in zip(a, b, strict=True))


def cross(a: Place, b: Place) -> Place:
    """The vector product."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def solved(rows: Sequence[Place], values: Sequence[float]) -> Place | None:
    """The x for which `rows` x come nearest to `values` (least squares, Cramer's rule); None when no x is the best."""
    columns = list(zip(*rows, strict=True))
    a, b, c = ((dot(one, columns[0]), dot(one, columns[1]), dot(one, columns[2])) for one in columns)
    right = (dot(columns[0], values), dot(columns[1], values), dot(columns[2], values))
    volume = dot(a, cross(b, c))
    if abs(volume) <= FLAT * math.sqrt(dot(a, a) * dot(b, b) * dot(c, c)):
        return None
    return (
        dot(right, cross(b, c)) / volume,
        dot(a, cross(right, c)) / volume,
        dot(a, cross(b, right)) / volume,
    )


def met(middles: Sequence[Place], radii: Sequence[float]) -> tuple[Place, Place]:
    """The lower and the higher of the two points where three spheres meet. Raises MoveError.

    In the plane of the middles, with the unit vectors u (to the second) and v: x = (r0^2 - r1^2 + d^2) / 2 d, ...
    """
    first, second, third = middles
    along, across = minus(second, first), minus(third, first)
    d = length(along)
    u: Place = (along[0] / d, along[1] / d, along[2] / d)
    i = dot(u, across)
    rest = plus(across, u, -i)
    j = length(rest)
    v: Place = (rest[0] / j, rest[1] / j, rest[2] / j)
    x = (radii[0] ** 2 - radii[1] ** 2 + d * d) / (2 * d)
    y = (radii[0] ** 2 - radii[2] ** 2 + i * i + j * j - 2 * i * x) / (2 * j)
    left = radii[0] ** 2 - x * x - y * y
    if left < 0:
        raise nowhere()
    foot, up = plus(plus(first, u, x), v, y), cross(u, v)
    height = math.copysign(math.sqrt(left), up[2])
    return plus(foot, up, -height), plus(foot, up, height)


def nowhere() -> MoveError:
    """The motors have come to places that do not fit each other."""
    return MoveError(
        "the steppers' positions do not meet in a place of the toolhead",
        hint="home, or tell the position with SET_KINEMATIC_POSITION",
    )
