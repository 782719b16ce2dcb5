"""Homings that the precision tools ask of a running daemon, from places that differ, and what they found."""

import contextlib
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from klipkit.base.errors import KlipkitError, NotFound, PrinterError
from klipkit.base.faults import HomingError
from klipkit.base.text import sanitise
from klipkit.daemon.session import Session

OBJECT = "endstop_phase"
STATE = "klipkit_precision"  # of G-code, kept meanwhile
BUSY = ("printing", "paused")
NEAR, FAR = 2.0, 10.0  # mm from the endstops to where homing begins
SHARE = 0.4  # of the way of an axis, at most
TRIES, PRESSED = 10, "still triggered after retract"
GOLDEN = (math.sqrt(5) - 1) / 2  # multiples of it are spread evenly, however many there are
MINUTE = 60  # s
AXES = "xyz"


@dataclass(frozen=True, slots=True)
class Stepper:
    """A stepper of the machine, as the daemon tells of it: see machine/endstop_phase/part.py."""

    name: str
    axes: str
    homing_speed: float  # mm/s
    phases: int
    step: float  # mm
    mcu_zero: float
    mcu_begun: float
    tells_phase: str
    refused: str
    is_corrected: bool
    trigger_phase: int | None
    accuracy: float
    rail: str
    phase: int | None  # at the last trigger
    mcu_position: int | None
    late: int | None


class Homings:
    """Asks for homings, which begin `near` to `far` mm from the endstops; made by `homing`."""

    def __init__(self, session: Session, near: float = NEAR, far: float = FAR) -> None:
        self.session = session
        self.made = 0
        self._near, self._far = near, far

    async def steppers(self) -> dict[str, Stepper]:
        """All of the machine but the filament's. Raises NotFound."""
        status = (await self.session.query(OBJECT)).get(OBJECT)
        if status is None:
            raise NotFound(
                f"the daemon has no object {OBJECT}", hint="it is another version, or another program"
            )
        last = status["last_home"]
        return {name: _stepper(name, told, last.get(name, {})) for name, told in status["steppers"].items()}

    async def home(self, axes: str = AXES) -> dict[str, Stepper]:
        """Home these axes, from another place than before where they are homed already."""
        toolhead = (await self.session.query("toolhead"))["toolhead"]
        homed = [stepper for stepper in (await self.steppers()).values() if set(stepper.axes) & set(axes)]
        away = self._away(toolhead, axes, min(stepper.homing_speed for stepper in homed)) if homed else ""
        await self._patiently(f"{away}G28{_letters(axes)}", f"G28{_letters(axes)}")
        self.made += 1
        return await self.steppers()

    async def _patiently(self, script: str, again: str) -> None:
        """A motor that lost many steps may stand far beyond its endstop: each try goes back by a retract."""
        for _ in range(TRIES):
            try:
                await self.session.gcode(script)
                return
            except HomingError as error:
                if PRESSED not in error.what:
                    raise
                script = again
        await self.session.gcode(again)

    def _away(self, toolhead: Mapping[str, Any], axes: str, speed: float) -> str:
        """The move to where the next homing begins, as fast as homing: that is what all motors can do."""
        is_delta = toolhead["cone_start_z"] is not None
        moved = [axis for axis in ("z" if is_delta else axes) if axis in toolhead["homed_axes"]]
        way = self._near + (self._far - self._near) * (self.made * GOLDEN % 1)
        words = ""
        for axis in moved:
            number = AXES.index(axis)
            low, high = toolhead["axis_minimum"][number], toolhead["axis_maximum"][number]
            sign = 1 if toolhead["position"][number] < (low + high) / 2 else -1
            words += f" {axis.upper()}{sign * min(way, SHARE * (high - low)):.4f}"
        return f"G91\nG1{words} F{speed * MINUTE:.2f}\nG90\n" if words else ""


@contextlib.asynccontextmanager
async def homing(session: Session) -> AsyncIterator[Homings]:
    """Homings, with G-code's modes as they were afterwards. Raises PrinterError while something is printed."""
    status = await session.query("print_stats")
    state = status.get("print_stats", {}).get("state", "")
    if state in BUSY:
        raise PrinterError(
            f"a file is being printed ({sanitise(state, 20)})", hint="wait for its end, or cancel it"
        )
    await session.gcode(f"SAVE_GCODE_STATE NAME={STATE}")
    try:
        yield Homings(session)
    finally:
        with contextlib.suppress(KlipkitError):  # what ended it is told, not that the daemon is down
            await session.gcode(f"RESTORE_GCODE_STATE NAME={STATE}")


def chosen(steppers: Mapping[str, Stepper], names: Sequence[str]) -> list[Stepper]:
    """The steppers of these names. Raises NotFound."""
    for name in names:
        if name not in steppers:
            hint = f"there are {', '.join(steppers) or 'none'}"
            raise NotFound(f"there is no stepper '{sanitise(name, 40)}'", hint=hint)
    return [steppers[name] for name in names]


def _letters(axes: str) -> str:
    return "" if axes == AXES else "".join(f" {axis.upper()}" for axis in axes)


def _stepper(name: str, told: Mapping[str, Any], last: Mapping[str, Any]) -> Stepper:
    return Stepper(
        name,
        told["axes"],
        told["homing_speed"],
        told["phases"],
        told["step_distance"],
        told["mcu_zero"],
        told["mcu_begun"],
        told["tells_phase"],
        told["refused"],
        told["is_corrected"],
        told["trigger_phase"],
        told["accuracy"],
        told["rail"],
        last.get("phase"),
        last.get("mcu_position"),
        last.get("late"),
    )
