"""Homing: rails are driven to their endstops, and the places at which these trigger become the position.

    taken to be far away --> approach --> back --> approach again, slower --> position_endstop + what was overrun
                              |  steps are dripped, endstops watched
                              `- stopped: steps of each motor at the trigger (history) and at standstill (MCU)

Positions are set in whole steps: between the trigger and standstill steps are counted, never millimetres rounded. Law:
any number of homings loses no step.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from klipkit.base.faults import HomingError
from klipkit.base.pin import Pin
from klipkit.base.schema import Loaded
from klipkit.base.tasks import all_done, carried_through
from klipkit.machine.kinematics import HomingPlan, Place, homing_plans
from klipkit.machine.toolhead import Toolhead
from klipkit.mcu.endstop import Endstop
from klipkit.mcu.stepper import Stepper
from klipkit.mcu.trsync import Outcome, Reason
from klipkit.parts.approach import Approach

SPARE = 0.05  # s by which steps may be sent ahead beyond the time-out of the trigger


@dataclass(frozen=True, slots=True)
class Switch:
    """An endstop by the name that people give it, and the motors that it stops."""

    name: str
    endstop: Endstop
    steppers: tuple[Stepper, ...]
    pin: Pin | None = None  # as it is written


@dataclass(frozen=True, slots=True)
class Stopped:
    """Where the motors of a homing move were, whole steps: before it, when their endstop triggered, and at rest."""

    before: Mapping[str, int]
    at_trigger: Mapping[str, float]  # a fraction only where an endstop's position is refined by one
    at_rest: Mapping[str, int]


class Refiner(Protocol):
    """Who knows better than a switch where its place on the rail is: [endstop_phase]."""

    async def refined(self, plan: HomingPlan, stopped: Stopped, were_on: bool) -> Stopped:
        """What the motors would have been at if the switches had triggered at their very place.

        `were_on`: the motors were, before they were homed. Raises KlipkitError.
        """


class EndstopStop:
    """What stops a homing move: all of its endstops."""

    def __init__(self, switches: Sequence[Switch], rest_time: float) -> None:
        self._switches = switches
        self._rest_time = rest_time
        triggers = [switch.endstop.trigger for switch in switches]
        self._triggers = [trigger for trigger in triggers if trigger is not None]
        self.ahead = SPARE

    async def begin(self, print_time: float) -> None:
        """Arm them. Raises KlipkitError."""
        each = (switch.endstop.home(print_time, self._rest_time) for switch in self._switches)
        await asyncio.gather(*each)
        self.ahead = min(trigger.timeout for trigger in self._triggers) + SPARE

    def ends(self, print_time: float) -> None:
        """The move ends then."""
        for trigger in self._triggers:
            trigger.set_end(print_time)

    def is_over(self) -> bool:
        """Whether each has triggered, or is known not to."""
        return all(trigger.news.done() for trigger in self._triggers)

    async def wait(self, seconds: float) -> None:
        """Wait for the next of them."""
        waits = [
            asyncio.ensure_future(trigger.wait()) for trigger in self._triggers if not trigger.news.done()
        ]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()


class Homing:
    """Homes the axes of a machine. `switches`: those of each rail, by its section."""

    def __init__(self, loaded: Loaded, toolhead: Toolhead, switches: Mapping[str, Sequence[Switch]]) -> None:
        self.toolhead = toolhead
        self.switches = switches
        self._loaded = loaded
        self._plans = homing_plans(loaded)
        self.refiners: list[Refiner] = []
        self.prepare: Callable[[HomingPlan], Awaitable[None]] = _nothing  # comes before each plan
        self._approaches: dict[tuple[str, str], list[Approach]] = {}

    def around(self, pin: Pin, approach: Approach) -> None:
        """`approach` is told of each homing move that ends by the endstop on this pin, as it is written."""
        self._approaches.setdefault((pin.chip, pin.name), []).append(approach)

    async def home(self, axes: Sequence[int]) -> None:
        """Home these axes, one after the other as the kinematics have it. Raises HomingError and other KlipkitErrors.

        An axis whose homing failed is not known any more.
        """
        for plan in self._plans:
            if set(plan.axes) & set(axes):
                await self.prepare(plan)
                await self._home(plan)

    async def query(self) -> dict[str, bool]:
        """Whether each endstop is triggered, by its name, at standstill."""
        await self.toolhead.drain()
        every = [switch for rail in self.switches.values() for switch in rail]
        states = await asyncio.gather(*(switch.endstop.query() for switch in every))
        return {switch.name: state for switch, state in zip(every, states, strict=True)}

    async def _home(self, plan: HomingPlan) -> None:
        planner, config = self.toolhead.planner, plan.config
        others, were_on = planner.known - set(plan.axes), self._are_on(plan)
        planner.know(sorted(others))
        switches = [switch for rail in plan.rails for switch in self.switches[rail]]
        await self.toolhead.set_position(_merged(plan.begin, planner.position))
        stopped = await self._approach(
            plan, switches, _merged(plan.end, planner.position), config.homing_speed
        )
        if config.homing_retract_dist:
            await self._place(plan, stopped)
            await self.straight(
                _along(plan, planner.position, -config.homing_retract_dist), config.homing_retract_speed
            )
            beyond = _along(plan, planner.position, 2 * config.homing_retract_dist)
            stopped = await self._approach(plan, switches, beyond, config.second_homing_speed)
            _check_released(switches, stopped)
        for refiner in self.refiners:
            stopped = await refiner.refined(plan, stopped, were_on)
        await self._place(plan, stopped)
        planner.know(sorted(others | set(plan.axes)))
        planner.forget_origin(plan.axes)

    def _are_on(self, plan: HomingPlan) -> bool:
        """Whether all motors that this homes are on; one without an enable pin always is."""
        drives = [self.toolhead.drive(name) for stops in plan.rails.values() for name in stops]
        return all(drive.enable is None or drive.enable.is_on for drive in drives)

    async def _approach(
        self, plan: HomingPlan, switches: Sequence[Switch], end: Place, speed: float
    ) -> Stopped:
        """Drive to `end` until the endstops stop the motors."""
        toolhead = self.toolhead
        before = {drive.stepper.name: drive.stepper.commanded() for drive in toolhead.drives}
        velocity, accel = toolhead.planner.limited(end, speed)
        rest_time = plan.step / velocity
        outcomes: list[Outcome] = []
        near = self._approaches_of(switches)
        try:
            await all_done(approach.before() for approach in near)
            await toolhead.drip(end, velocity, accel, EndstopStop(switches, rest_time))
        finally:
            outcomes, stopped = await carried_through(self._settle(switches, before))
            await carried_through(all_done(approach.after() for approach in near))
        for switch, outcome in zip(switches, outcomes, strict=True):
            judge(switch, outcome)
        return stopped

    def _approaches_of(self, switches: Sequence[Switch]) -> list[Approach]:
        pins = {(switch.pin.chip, switch.pin.name) for switch in switches if switch.pin is not None}
        return [approach for pin, told in self._approaches.items() if pin in pins for approach in told]

    async def _settle(
        self, switches: Sequence[Switch], before: Mapping[str, int]
    ) -> tuple[list[Outcome], Stopped]:
        """End the move, whatever has become of it, and find out where everything stands."""
        outcomes = await asyncio.gather(*(switch.endstop.stop() for switch in switches))
        at_rest = dict(before)
        at_trigger: dict[str, float] = dict(before)
        are_hit = all(outcome.is_hit for outcome in outcomes)  # or else one may have been, too long ago
        for switch in switches:
            when = await switch.endstop.trigger_time() if are_hit else None
            for stepper in switch.steppers:
                at_rest[stepper.name] = await stepper.counted()
                at_trigger[stepper.name] = at_rest[stepper.name] if when is None else stepper.steps_at(when)
        position = self._position_of(at_rest)
        self.toolhead.halted(at_rest, self.toolhead.planner.coordinates(position), position)
        return list(outcomes), Stopped(before, at_trigger, at_rest)

    async def _place(self, plan: HomingPlan, stopped: Stopped) -> None:
        """The place of the trigger is that of the endstops; what the motors did afterwards is added, in steps."""
        if plan.heights is None:
            rest, trigger = self._position_of(stopped.at_rest), self._position_of(stopped.at_trigger)
            place = list(rest)
            for axis, end in enumerate(plan.end):
                if end is not None:
                    place[axis] = end + (rest[axis] - trigger[axis])
            position = (place[0], place[1], place[2])
        else:
            heights = {name: self._height(plan.heights, name, stopped) for name in plan.heights}
            position = self.toolhead.planner.forward({**self._places(stopped.at_rest), **heights})
        await self.toolhead.set_position(position)

    def _height(self, heights: Mapping[str, float], name: str, stopped: Stopped) -> float:
        overrun = stopped.at_rest[name] - stopped.at_trigger[name]
        return heights[name] + overrun * self.toolhead.drive(name).stepper.step_distance

    def _position_of(self, steps: Mapping[str, float]) -> Place:
        return self.toolhead.planner.forward(self._places(steps))

    def _places(self, steps: Mapping[str, float]) -> dict[str, float]:
        drives = {drive.stepper.name: drive.stepper for drive in self.toolhead.drives}
        names = [motor.name for motor in self.toolhead.planner.motors if not motor.moves_filament]
        return {name: drives[name].place_of(steps[name]) for name in names}

    async def straight(self, end: Place, speed: float) -> None:
        """A move that no bounds hold."""
        await self.toolhead.begin()
        self.toolhead.planner.append(end, *self.toolhead.planner.limited(end, speed))
        await self.toolhead.go_on()
        await self.toolhead.drain()


def judge(switch: Switch, outcome: Outcome) -> None:
    """Raises unless the endstop ended the move."""
    if outcome.is_hit:
        return
    if outcome.fault is not None:
        raise outcome.fault
    if outcome.reason is Reason.EXPIRED:
        what = f"Communication timeout during homing {switch.name}"
        raise HomingError(
            what, where=f"MCU '{outcome.mcu}'", hint="the host or the link was late: look at load and cables"
        )
    hint = "does its switch work (QUERY_ENDSTOPS), does the motor turn, and towards it?"
    raise HomingError(f"No trigger on {switch.name} after full movement", hint=hint)


def _check_released(switches: Sequence[Switch], stopped: Stopped) -> None:
    for switch in switches:
        if all(stopped.at_trigger[one.name] == stopped.before[one.name] for one in switch.steppers):
            what = f"Endstop {switch.name} still triggered after retract"
            raise HomingError(what, hint="a larger homing_retract_dist lets it go")


async def _nothing(plan: HomingPlan) -> None:
    """Nothing is to be done before."""


def _merged(told: Sequence[float | None], other: Place) -> Place:
    x, y, z = (place if value is None else value for value, place in zip(told, other, strict=True))
    return (x, y, z)


def _along(plan: HomingPlan, start: Place, way: float) -> Place:
    """The place `way` mm further in the direction of homing."""
    end = list(start)
    for axis, (begin, stop) in enumerate(zip(plan.begin, plan.end, strict=True)):
        if begin is not None and stop is not None and begin != stop:
            end[axis] += math.copysign(way, (stop - begin) * way)
    return (end[0], end[1], end[2])
