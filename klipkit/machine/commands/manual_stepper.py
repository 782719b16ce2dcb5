"""MANUAL_STEPPER: motors that belong to no axis, and move when they are told to, also until their endstop triggers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from klipkit.base.faults import GcodeError
from klipkit.base.tasks import carried_through
from klipkit.gcode.commands import gcode
from klipkit.gcode.words import Line
from klipkit.machine.config import ManualStepperConfig
from klipkit.machine.homing import SPARE, Switch, judge
from klipkit.machine.toolhead import Toolhead
from klipkit.machine.track import Track
from klipkit.mcu.endstop import Endstop
from klipkit.mcu.pins import Pins
from klipkit.mcu.trsync import Outcome, Reason, Trigger
from klipkit.parts.part import Part

STOPS: Sequence[int] = (1, 2, -1, -2)
OPTIONAL = 2  # of STOP_ON_ENDSTOP: it is no error when the endstop does not stop it


@dataclass(frozen=True, slots=True)
class ManualStepperStatus:
    """Of [manual_stepper NAME]."""

    position: Annotated[float, "Where its last move ends, mm."]
    enabled: Annotated[bool, "Whether the motor is on."]


class _Stop:
    """Its endstop stops it, when that is triggered or, `released`, when it is not any more."""

    def __init__(self, endstop: Endstop, trigger: Trigger, rest_time: float, *, released: bool) -> None:
        self._endstop, self._trigger = endstop, trigger
        self._rest_time, self._released = rest_time, released
        self.ahead = SPARE

    async def begin(self, print_time: float) -> None:
        await self._endstop.home(print_time, self._rest_time, triggered=not self._released)
        self.ahead = self._trigger.timeout + SPARE

    def ends(self, print_time: float) -> None:
        self._trigger.set_end(print_time)

    def is_over(self) -> bool:
        return self._trigger.news.done()

    async def wait(self, seconds: float) -> None:
        news = asyncio.ensure_future(self._trigger.wait())
        try:
            await asyncio.wait([news], timeout=seconds)
        finally:
            news.cancel()


class ManualStepper(Part):
    """One of these motors."""

    def __init__(self, config: ManualStepperConfig, pins: Pins, toolhead: Toolhead) -> None:
        self._toolhead = toolhead
        self._motor = config.source.name
        self._velocity, self._accel = config.velocity, config.accel
        self._drive = toolhead.drive(self._motor)
        self._switch: Switch | None = None
        if config.endstop_pin is not None:
            mcu, pin = pins.place(config.endstop_pin, config.source.where("endstop_pin"))
            endstop = Endstop(mcu, pin)
            endstop.use([self._drive.stepper])
            self._switch = Switch(self._motor, endstop, (self._drive.stepper,))

    def status(self) -> ManualStepperStatus:
        """Where it is."""
        enable = self._drive.enable
        return ManualStepperStatus(self._track.position, enable is None or enable.is_on)

    @gcode("MANUAL_STEPPER", select="STEPPER")
    async def manual_stepper(
        self,
        *,
        line: Line,
        enable: Annotated[int | None, "1: on, 0: off"] = None,
        set_position: Annotated[float | None, "the position that it is at now, mm"] = None,
        move: Annotated[float | None, "the position to go to, mm"] = None,
        speed: Annotated[float | None, "mm/s"] = None,
        accel: Annotated[float | None, "mm/s^2; 0: none"] = None,
        stop_on_endstop: Annotated[
            int, "1: the endstop stops it, 2: it may; -1, -2: when it is released; 0: no"
        ] = 0,
        sync: Annotated[int, "0: other moves do not wait for its end"] = 1,
    ) -> None:
        """Move a motor that belongs to no axis, tell where it is, switch it on or off."""
        velocity = self._velocity if speed is None else speed
        acceleration = self._accel if accel is None else accel
        if velocity <= 0 or acceleration < 0:
            hint = "SPEED is above 0, ACCEL is not below 0"
            raise GcodeError(f"{line.command}: a number is out of its range", where=line.where, hint=hint)
        if enable is not None:
            await self._toolhead.enable(self._motor, bool(enable))
        if set_position is not None:
            await self._toolhead.place_track(self._motor, set_position)
        if move is None:
            return
        if stop_on_endstop:
            await self._home(line, stop_on_endstop, move, velocity, acceleration)
        else:
            await self._toolhead.move_track(self._motor, move, velocity, acceleration, waits=bool(sync))

    async def _home(self, line: Line, stop: int, to: float, velocity: float, accel: float) -> None:
        """Move until the endstop stops it: where that is, is the position `to` then."""
        switch = self._switch
        if switch is None:
            what = f"No endstop on manual stepper {self.name}"
            raise GcodeError(what, where=line.where, hint="give it an endstop_pin")
        if stop not in STOPS:
            what = f"{line.command}: STOP_ON_ENDSTOP={stop} has no meaning"
            raise GcodeError(what, where=line.where, hint="1 or 2; -1 or -2: when the endstop is released")
        trigger = switch.endstop.trigger
        assert trigger is not None
        rest_time = self._drive.stepper.step_distance / velocity
        way = _Stop(switch.endstop, trigger, rest_time, released=stop < 0)
        outcome: Outcome
        try:
            await self._toolhead.drip_track(self._motor, to, velocity, accel, way)
        finally:
            outcome = await carried_through(self._settle(switch, to))
        is_fine = abs(stop) == OPTIONAL and outcome.fault is None and outcome.reason is not Reason.EXPIRED
        if not is_fine:
            judge(switch, outcome)

    async def _settle(self, switch: Switch, to: float) -> Outcome:
        """End the move, and find out where it stands."""
        stepper, toolhead = self._drive.stepper, self._toolhead
        outcome = await switch.endstop.stop()
        when = await switch.endstop.trigger_time() if outcome.is_hit else None
        steps = await stepper.counted()
        place = stepper.place_of(steps)
        if when is not None:
            place = to + (steps - stepper.steps_at(when)) * stepper.step_distance
        toolhead.halted({self._motor: steps}, {self._motor: place}, toolhead.planner.position)
        self._track.position = place
        return outcome

    @property
    def _track(self) -> Track:
        return self._toolhead.planner.tracks[self._motor]
