"""Two carriages on one axis: SET_DUAL_CARRIAGE and what saves and restores their state; the object `dual_carriage`.

PRIMARY 0    x --> carriage 0; carriage 1 rests            COPY     x --> carriage 0; x + distance --> carriage 1
PRIMARY 1    x --> carriage 1; carriage 0 rests            MIRROR   x --> carriage 0; sum - x      --> carriage 1

The toolhead's position is that of the carriage that is PRIMARY. A mode is a set of weights of the carriages' motors
(motion/linear.c), changed at standstill.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from klipkit.base.faults import GcodeError
from klipkit.base.schema import Loaded
from klipkit.base.text import did_you_mean, sanitise
from klipkit.gcode.commands import gcode
from klipkit.gcode.words import Line
from klipkit.machine.config import DualCarriageConfig, RailConfig, TravelOptions
from klipkit.machine.homing import Homing
from klipkit.machine.kinematics import DUAL, HomingPlan, Place, resting
from klipkit.machine.moving import go_to
from klipkit.machine.toolhead import Toolhead
from klipkit.parts.part import Part

LETTERS = "XYZ"
DEFAULT = "default"
SAME = 1e-9  # mm


class Mode(Enum):
    """What a carriage does."""

    INACTIVE = "INACTIVE"
    PRIMARY = "PRIMARY"
    COPY = "COPY"
    MIRROR = "MIRROR"


SIGNS = {Mode.INACTIVE: 0.0, Mode.PRIMARY: 1.0, Mode.COPY: 1.0, Mode.MIRROR: -1.0}
Modes = tuple[Mode, Mode]
FIRST: Modes = (Mode.PRIMARY, Mode.INACTIVE)
SECOND: Modes = (Mode.INACTIVE, Mode.PRIMARY)


@dataclass(frozen=True, slots=True)
class DualCarriageStatus:
    """Of the object `dual_carriage`."""

    carriage_0: Annotated[str, "What the first carriage does: INACTIVE or PRIMARY."]
    carriage_1: Annotated[str, "What the second one does: INACTIVE, PRIMARY, COPY or MIRROR."]


@dataclass(frozen=True, slots=True)
class _Saved:
    modes: Modes
    places: tuple[float, float]


class DualCarriage(Part):
    """Knows where both carriages are."""

    def __init__(
        self, config: DualCarriageConfig, loaded: Loaded, toolhead: Toolhead, homing: Homing
    ) -> None:
        self._toolhead = toolhead
        self._axis = config.along
        self._travels: tuple[TravelOptions, TravelOptions] = (
            loaded.named(f"stepper_{config.axis.value}", RailConfig),
            config,
        )
        self._speed = config.homing_speed
        self._safe = self._safe_distance(config)
        self._modes = FIRST
        self._places = (0.0, 0.0)  # of the carriages when the modes were set
        self._saved: dict[str, _Saved] = {}
        self._followed = self._weights()
        homing.prepare = self._prepare

    def status(self) -> DualCarriageStatus:
        """What they do."""
        return DualCarriageStatus(self._modes[0].value, self._modes[1].value)

    @gcode("SET_DUAL_CARRIAGE")
    async def set_mode(
        self,
        *,
        line: Line,
        carriage: Annotated[int, "0 or 1"],
        mode: Annotated[str, "PRIMARY; of carriage 1 also COPY, MIRROR"] = Mode.PRIMARY.value,
    ) -> None:
        """Let a carriage carry out moves; carriage 1 may also do what carriage 0 does, or the mirror image of it."""
        wanted = mode.strip().upper()
        allowed = [Mode.PRIMARY.value, *([Mode.COPY.value, Mode.MIRROR.value] if carriage else [])]
        if carriage not in (0, 1):
            raise GcodeError(f"{line.command}: CARRIAGE={carriage} is neither 0 nor 1", where=line.where)
        if wanted not in allowed:
            hint = did_you_mean(wanted, allowed) or f"one of {', '.join(allowed)}"
            what = f"{line.command}: MODE={sanitise(wanted, 40)} is no mode of carriage {carriage}"
            raise GcodeError(what, where=line.where, hint=hint)
        self._check_homed(line)
        modes = (
            FIRST
            if carriage == 0
            else SECOND
            if wanted == Mode.PRIMARY.value
            else (Mode.PRIMARY, Mode(wanted))
        )
        await self._set(modes)

    @gcode("SAVE_DUAL_CARRIAGE_STATE")
    async def save(self, *, name: Annotated[str, "of the state"] = DEFAULT) -> None:
        """Remember modes and positions of both carriages."""
        self._saved[name] = _Saved(self._modes, self._now())

    @gcode("RESTORE_DUAL_CARRIAGE_STATE")
    async def restore(
        self,
        *,
        line: Line,
        name: Annotated[str, "of the state"] = DEFAULT,
        move: Annotated[int, "0: the carriages stay where they are"] = 1,
        move_speed: Annotated[float | None, "speed of the carriages, mm/s; else that of homing"] = None,
    ) -> None:
        """Set modes, and go to the positions, as they were saved."""
        saved = self._saved.get(name)
        if saved is None:
            hint = did_you_mean(name, self._saved)
            what = f"Unknown DUAL_CARRIAGE state: {sanitise(name, 40)}"
            raise GcodeError(what, where=line.where, hint=hint)
        speed = self._speed if move_speed is None else move_speed
        if speed <= 0:
            raise GcodeError(f"{line.command}: MOVE_SPEED={speed:g} is not above 0", where=line.where)
        if move:
            self._check_homed(line)
            await self._go_back(saved, speed, line.where)
        await self._set(saved.modes)

    async def _go_back(self, saved: _Saved, speed: float, where: str) -> None:
        """First the one that makes room for the other."""
        now = self._now()
        is_above = saved.places[1] >= now[1]
        order = (1, 0) if is_above == (now[1] >= now[0]) else (0, 1)
        for number in order:
            if abs(saved.places[number] - now[number]) > SAME:
                await self._set(SECOND if number else FIRST)
                place = list(self._toolhead.position)
                place[self._axis] = saved.places[number]
                await go_to(self._toolhead, place, speed, where)

    async def _prepare(self, plan: HomingPlan) -> None:
        """Each carriage is homed by itself, the second one first."""
        if plan.axes == (self._axis,):
            await self._set(SECOND if DUAL in plan.rails else FIRST)

    async def _set(self, modes: Modes) -> None:
        """From now on the carriages do this."""
        toolhead = self._toolhead
        await toolhead.drain()
        places = self._now()
        self._modes, self._places = modes, places
        position = list(toolhead.position)
        position[self._axis] = places[1 if modes[0] is Mode.INACTIVE else 0]
        shapes = {}
        for name, (carriage, weights) in self._followed.items():
            shape = list(weights)
            shape[self._axis] *= SIGNS[modes[carriage]]
            shapes[name] = (shape[0], shape[1], shape[2])
        await toolhead.reshape(shapes, (position[0], position[1], position[2]))
        self._bound(places)

    def _now(self) -> tuple[float, float]:
        """Where both carriages are when the last move has ended."""
        at, (begin, other) = self._toolhead.position[self._axis], self._places
        if self._modes[0] is Mode.INACTIVE:
            return begin, at
        way = (at - begin) * SIGNS[self._modes[1]]
        return at, other + way

    def _bound(self, places: tuple[float, float]) -> None:
        """The reach of the axis: both carriages keep within theirs, and away from each other."""
        ends = [(travel.position_min, travel.position_max) for travel in self._travels]
        number = 1 if self._modes[0] is Mode.INACTIVE else 0
        low, high = ends[number]
        begin, other = places[number], places[1 - number]
        follows = SIGNS[self._modes[1]] if number == 0 else 0.0
        if follows > 0:
            low, high = max(low, ends[1][0] - (other - begin)), min(high, ends[1][1] - (other - begin))
        elif follows < 0:
            low, high = max(low, begin + other - ends[1][1]), min(high, begin + other - ends[1][0])
        if self._safe and follows <= 0:
            nearest = (begin + other) / 2 if follows else other
            room = self._safe / 2 if follows else self._safe
            low, high = (
                (low, min(high, nearest - room)) if begin <= other else (max(low, nearest + room), high)
            )
        bounds = self._toolhead.planner.bounds
        bounds.low[self._axis], bounds.high[self._axis] = low, high

    def _check_homed(self, line: Line) -> None:
        if self._axis not in self._toolhead.planner.known:
            letter = LETTERS[self._axis]
            raise GcodeError(
                f"{line.command}: Must home axis first: {letter}", where=line.where, hint=f"G28 {letter}"
            )

    def _weights(self) -> Mapping[str, tuple[int, Place]]:
        """The motors of both carriages: which carriage, and what they follow while it moves."""
        found: dict[str, tuple[int, Place]] = {}
        for motor in self._toolhead.planner.motors:
            weights = motor.geometry
            if motor.moves_filament or len(weights) != len(LETTERS):
                continue
            if motor.name == DUAL:
                active = list(resting(weights, self._axis))
                active[self._axis] = 1.0
                found[motor.name] = (1, (active[0], active[1], active[2]))
            elif weights[self._axis]:
                found[motor.name] = (0, (weights[0], weights[1], weights[2]))
        return found

    def _safe_distance(self, config: DualCarriageConfig) -> float:
        if config.safe_distance is not None:
            return config.safe_distance
        first, second = self._travels
        return min(
            abs(first.position_min - second.position_min), abs(first.position_max - second.position_max)
        )
