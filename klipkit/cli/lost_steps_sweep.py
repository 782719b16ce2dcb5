"""Searches the highest speed and acceleration at which an axis loses no steps, by halving what is left."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from klipkit.base.errors import DeviceError, UsageError
from klipkit.cli.homings import AXES, Homings
from klipkit.cli.lost_steps_check import Check, Row
from klipkit.cli.lost_steps_moves import leg, limits, reach_of
from klipkit.machine.losses import MOST, Verdict

TOO_NOISY, MENDS = (
    "the endstops' noise is too large to tell lost steps",
    "[endstop_phase] or better switches help",
)
REACHED = 0.9  # of the way that speeding up and slowing down may take


@dataclass(frozen=True, slots=True)
class Grid:
    """What is tried: from `low` in equal steps to `high`, at most."""

    low: float
    high: float
    step: float

    @property
    def count(self) -> int:
        """Steps from the lowest value to the highest."""
        return max(0, int((self.high - self.low) / self.step + 1e-9))

    def value(self, number: int) -> float:
        """The value so many steps above the lowest."""
        return self.low + number * self.step


@dataclass(frozen=True, slots=True)
class Limit:
    """`safe`: the highest value at which no steps were lost, None: not even at the lowest; `lost`: the next one, at
    which some were, None: not even at the highest."""

    safe: float | None
    lost: float | None


@dataclass(frozen=True, slots=True)
class Trial:
    """One value that was tried."""

    axis: str
    velocity: float
    accel: float
    rows: tuple[Row, ...]

    @property
    def is_safe(self) -> bool:
        """Whether all steppers have kept their steps."""
        return all(row.loss.verdict is Verdict.KEPT for row in self.rows)

    def record(self) -> dict[str, Any]:
        """For programs, and for people."""
        lost = [
            f"{row.stepper.name}:{row.loss.cycles:+d}"
            for row in self.rows
            if row.loss.verdict is Verdict.LOST
        ]
        return {
            "axis": self.axis,
            "velocity": self.velocity,
            "accel": self.accel,
            "lost_cycles": lost,
            "verdict": Verdict.KEPT.value if self.is_safe else "steps lost" if lost else "moved",
        }


async def bisect(grid: Grid, is_safe: Callable[[float], Awaitable[bool]]) -> Limit:
    """The limit on a grid, taken that what is safe at a value is so at all lower ones."""
    if not await is_safe(grid.value(0)):
        return Limit(None, grid.value(0))
    low, high = 0, grid.count
    if high == 0 or await is_safe(grid.value(high)):
        return Limit(grid.value(high), None)
    while high - low > 1:
        middle = (low + high) // 2
        if await is_safe(grid.value(middle)):
            low = middle
        else:
            high = middle
    return Limit(grid.value(low), grid.value(high))


class Sweep:
    """Of one axis ("x"). `show` is told of each trial."""

    def __init__(self, homings: Homings, axis: str, show: Callable[[Trial], None]) -> None:
        self._homings = homings
        self._axis = axis
        self._show = show
        self._check: Check | None = None

    async def run(self, speeds: Grid, accels: Grid) -> tuple[Limit, Limit]:
        """The limit of the speed (at the lowest acceleration), then of the acceleration (a step below the safe speed).

        Raises UsageError when the way is too short, DeviceError when the switches are too noisy.
        """
        await self._begin()
        far, near = self._reach.way(AXES.index(self._axis))
        most = math.sqrt(REACHED * abs(near - far) * accels.low)
        if most < speeds.low:
            raise UsageError(
                f"{self._axis.upper()} is too short: at {accels.low:g} mm/s^2 it reaches {most:.0f} mm/s",
                hint="begin at a lower speed or a higher acceleration",
            )
        z_speed, z_accel = await self._bounds()
        speeds = Grid(speeds.low, min(speeds.high, most, z_speed), speeds.step)
        accels = Grid(accels.low, min(accels.high, z_accel), accels.step)
        slow = (speeds.low, accels.low)
        try:
            speed = await bisect(speeds, lambda velocity: self._is_safe(velocity, accels.low, slow))
            if speed.safe is None:
                return speed, Limit(None, None)
            fastest = max(speeds.low, speed.safe - speeds.step)  # where the speed itself is no question
            return speed, await bisect(accels, lambda accel: self._is_safe(fastest, accel, slow))
        finally:
            await self._homings.session.gcode(self._old)

    async def _begin(self) -> None:
        """Home, and find out what the axis can reach and which axes hang together with it."""
        steppers = (await self._homings.home()).values()
        toolhead = (await self._homings.session.query("toolhead"))["toolhead"]
        self._reach = reach_of(toolhead)
        self._old = limits(toolhead["max_velocity"], toolhead["max_accel"])
        coupled = {
            letter
            for one in steppers
            for letter in one.axes
            if self._axis in one.axes or (one.refused and one.axes)
        }
        self._check = Check(self._homings, "".join(sorted(coupled)))
        await self._check.note()

    async def _bounds(self) -> tuple[float, float]:
        """What Z is driven with at most, whatever is asked for."""
        if self._axis != "z":
            return math.inf, math.inf
        status = await self._homings.session.query("configfile")
        printer = status.get("configfile", {}).get("settings", {}).get("printer", {})
        return float(printer.get("max_z_velocity", math.inf)), float(printer.get("max_z_accel", math.inf))

    async def _is_safe(self, velocity: float, accel: float, slow: tuple[float, float]) -> bool:
        check = self._check
        assert check is not None
        if not check.can_tell:
            raise DeviceError(TOO_NOISY, hint=MENDS)
        axis = AXES.index(self._axis)
        await self._homings.session.gcode("\n".join(leg(self._reach, axis, velocity, accel, slow)))
        trial = Trial(self._axis, velocity, accel, tuple(await check.compare()))
        self._show(trial)
        if any(row.loss.verdict is Verdict.UNSURE for row in trial.rows):
            raise DeviceError(TOO_NOISY, hint=MENDS)
        await check.note({name: zeros[-MOST // 2 :] for name, zeros in check.after.items()})
        return trial.is_safe
