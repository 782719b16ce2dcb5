"""Looks at the phases of all endstops, corrects by them: ENDSTOP_PHASE_CALIBRATE, the object `endstop_phase`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from klipkit.base.errors import KlipkitError
from klipkit.base.faults import GcodeError
from klipkit.base.schema import Loaded
from klipkit.base.text import did_you_mean, sanitise
from klipkit.gcode.commands import gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.words import Line
from klipkit.machine.endstop_phase.config import NAME, EndstopPhaseConfig
from klipkit.machine.endstop_phase.judge import LEAST, Judgement, Quality, Trigger, judge
from klipkit.machine.endstop_phase.rails import AXES, PhaseRail, phase_rails
from klipkit.machine.endstop_phase.rule import Rule, StepperPhase, default_rule
from klipkit.machine.endstop_phase.sources import CANNOT_TELL, sources_of
from klipkit.machine.homing import Homing, Stopped
from klipkit.machine.kinematics import HomingPlan
from klipkit.machine.toolhead import Toolhead
from klipkit.parts.autosave import Autosave
from klipkit.parts.part import Part
from klipkit.parts.phases import PhaseSource

REMEMBERED = 1000  # homings of each stepper
SAVE_HINT = "SAVE_CONFIG writes it into the configuration file and restarts the printer"


@dataclass(frozen=True, slots=True)
class LastHome:
    """The last homing of a stepper."""

    phase: Annotated[int, "The phase at the trigger."]
    phases: Annotated[int, "The phases of a turn: 4 full steps."]
    mcu_position: Annotated[
        int, "The microcontroller's steps at the trigger, in the direction of the position."
    ]
    late: Annotated[int | None, "Microsteps by which the trigger was off and corrected; null: it was not."]
    homings: Annotated[int, "Homings of this stepper so far."]


@dataclass(frozen=True, slots=True)
class StepperPhases:
    """A stepper as the precision tools need it."""

    axes: Annotated[str, "The axes with which it is homed."]
    rail: Annotated[str, "The section of its endstop; empty without one."]
    homing_speed: Annotated[float, "The speed at which it is homed first, mm/s."]
    phases: Annotated[int, "The phases of a turn."]
    step_distance: Annotated[float, "The way of a microstep, mm (of an arm: radians)."]
    mcu: Annotated[str, "Its microcontroller."]
    mcu_begun: Annotated[float, "Since when that has counted its steps, s of the host's clock."]
    mcu_zero: Annotated[float, "The microcontroller's steps at which the stepper's coordinate is 0."]
    tells_phase: Annotated[str, "Why its phase is not known; empty when it is."]
    refused: Annotated[str, "Why its endstop cannot be corrected by its phase; empty when it can."]
    trigger_phase: Annotated[int | None, "The phase that is expected at its endstop; null: none."]
    accuracy: Annotated[float, "How far apart triggers may be, mm."]
    is_corrected: Annotated[bool, "Whether its endstop is corrected by the phase."]


@dataclass(frozen=True, slots=True)
class EndstopPhaseStatus:
    """Of the object `endstop_phase`."""

    last_home: Annotated[Mapping[str, LastHome], "The last homing of each stepper, by its section."]
    steppers: Annotated[Mapping[str, StepperPhases], "All steppers but the filament's, by their sections."]


class EndstopPhases(Part):
    """Remembers the trigger of each homing, and corrects those for which there is a rule."""

    def __init__(
        self,
        config: EndstopPhaseConfig,
        loaded: Loaded,
        toolhead: Toolhead,
        homing: Homing,
        responses: Responses,
        autosave: Autosave,
        told: Sequence[StepperPhase],
        drivers: Sequence[PhaseSource],
    ) -> None:
        self._toolhead = toolhead
        self._responses = responses
        self._autosave = autosave
        self._rails = phase_rails(loaded)
        self._sources = sources_of(loaded, self._rails, drivers)
        self._rules: dict[str, Rule] = {part.rule.rail.stepper: part.rule for part in told}
        self._learning: set[str] = set()  # steppers that are being calibrated: not corrected meanwhile
        self._triggers: dict[str, list[Trigger]] = {name: [] for name in self._rails}
        self._last: dict[str, LastHome] = {}
        self._offsets: dict[str, int] = {}  # the phase at MCU position 0, at the last homing
        self._places: dict[str, int] = {}  # MCU position of the endstop itself, at the last homing
        self._begun: dict[str, float] = {}  # by MCU
        self._lives: dict[str, int] = dict.fromkeys(self._rails, 0)
        homing.refiners.append(self)

    async def begin(self) -> None:
        """The MCUs are configured: their clocks say when they were switched on."""
        for mcu in {drive.stepper.mcu for drive in self._toolhead.drives}:
            self._begun[mcu.name] = round(mcu.pipe.now() - mcu.uptime(), 3)

    async def refined(self, plan: HomingPlan, stopped: Stopped, were_on: bool) -> Stopped:
        """The triggers as they would have been at the very places of the endstops. Raises EndstopPhaseError."""
        late: dict[str, float] = {}
        for section, stops in plan.rails.items():
            for rail in (self._rails[name] for name in stops):
                if not rail.refused and rail.rail == section:
                    trigger = await self._look(rail, round(stopped.at_trigger[rail.stepper]), were_on)
                    by = self._correct(rail, plan, trigger, were_on)
                    for name in rail.together:
                        late.setdefault(name, by)
        at_trigger = {name: at - late.get(name, 0) for name, at in stopped.at_trigger.items()}
        return replace(stopped, at_trigger=at_trigger)

    def status(self) -> EndstopPhaseStatus:
        """The last homings, and what is known of the steppers."""
        return EndstopPhaseStatus(dict(self._last), {name: self._seen(name) for name in self._rails})

    @gcode("ENDSTOP_PHASE_CALIBRATE")
    async def calibrate(
        self,
        *,
        line: Line,
        stepper: Annotated[str | None, "section of the stepper whose phase is stored"] = None,
        begin: Annotated[
            int | None, "1: forget the homings so far, correct none until it is stored; 0: go back"
        ] = None,
    ) -> None:
        """Tell the phases of the endstops in the homings so far; with STEPPER, store the one of a stepper."""
        if stepper is None:
            self._report()
            return
        rail = self._asked(stepper.strip(), line)
        if begin is not None:
            self._begin(rail.stepper, bool(begin))
        else:
            self._store(rail.stepper, self._judged(rail, line))

    async def _look(self, rail: PhaseRail, position: int, were_on: bool) -> Trigger:
        """Note a trigger. The phase is counted from where the driver says, or from where the MCU began to count."""
        name, source = rail.stepper, self._sources.get(rail.stepper)
        if source is not None:
            await self._measure(source)
        offset = 0 if source is None or source.offset is None else source.offset
        if (
            self._offsets.setdefault(name, offset) != offset
        ):  # the driver was reset: its phases are others now
            self._offsets[name] = offset
            self._places.pop(name, None)
        self._lives[name] += not were_on
        trigger = Trigger(position, (position + offset) % rail.phases, self._lives[name])
        self._triggers[name] = [*self._triggers[name][-REMEMBERED + 1 :], trigger]
        homings = self._last[name].homings + 1 if name in self._last else 1
        self._last[name] = LastHome(trigger.phase, rail.phases, position, None, homings)
        return trigger

    async def _measure(self, source: PhaseSource) -> None:
        """A driver that does not answer keeps nobody from homing whose endstop it does not correct."""
        try:
            await source.measure()
        except KlipkitError:
            if source.stepper in self._rules:
                raise

    def _correct(self, rail: PhaseRail, plan: HomingPlan, trigger: Trigger, were_on: bool) -> float:
        """Microsteps by which the trigger was late, those included by which the endstop's position is moved."""
        name = rail.stepper
        rule = self._rules.get(name)
        if rule is None or name in self._learning:
            return 0.0
        self._check_known(rail, rule)
        late = rule.late(trigger.phase)
        self._last[name] = replace(self._last[name], late=late)
        place = trigger.position - late
        if were_on and name in self._places:
            self._tell_cycles(rail, place - self._places[name])
        self._places[name] = place
        return late + rule.alignment(plan.end[plan.axes[0]] if plan.heights is None else None)

    def _check_known(self, rail: PhaseRail, rule: Rule) -> None:
        source = self._sources.get(rail.stepper)
        if rule.expected is not None and source is not None and source.offset is None:
            raise GcodeError(
                f"The phase of {rail.stepper} is not known: {source.unknown}",
                hint="look at the driver's power and wires, or take [endstop_phase] out",
            )

    def _tell_cycles(self, rail: PhaseRail, moved: int) -> None:
        """Whole turns of the phase between two homings are steps that were lost, or a trigger far off."""
        if moved:
            steps, way = moved // rail.full_step, moved * rail.step
            self._responses.note(
                f"{rail.stepper}: its endstop was {steps:+d} full steps ({way:+.3f} mm) from where it was when it was "
                "homed before: steps were lost, or the endstop was off by more than two full steps"
            )

    def _asked(self, name: str, line: Line) -> PhaseRail:
        rail = self._rails.get(name)
        if rail is None:
            what = f"{line.command}: The value '{sanitise(name, 40)}' is not valid for STEPPER"
            hint = did_you_mean(name, self._rails) or f"one of {', '.join(self._rails)}"
            raise GcodeError(what, where=line.where, hint=hint)
        if rail.refused:
            raise GcodeError(f"{line.command}: {name}: {rail.refused}", where=line.where)
        if name not in self._sources:
            raise GcodeError(f"{line.command}: {name}: {CANNOT_TELL}", where=line.where)
        return rail

    def _begin(self, name: str, begins: bool) -> None:
        """A calibration begins, or is called off."""
        if begins:
            self._learning.add(name)
            self._triggers[name] = []
            self._places.pop(name, None)
        else:
            self._learning.discard(name)

    def _judged(self, rail: PhaseRail, line: Line) -> Judgement:
        """The homings of a stepper, good enough to store. Raises GcodeError."""
        triggers = self._triggers[rail.stepper]
        if not triggers:
            what = f"{line.command}: {rail.stepper} was not homed yet"
            raise GcodeError(
                what, where=line.where, hint=f"home it {LEAST} times at least, from different places"
            )
        source = self._sources[rail.stepper]
        if source.offset is None:
            raise GcodeError(f"{line.command}: {rail.stepper}: {source.unknown}", where=line.where)
        found = judge(triggers, rail.phases)
        if found.quality is not Quality.GOOD:
            raise GcodeError(f"{line.command}: {rail.stepper}: {found.reason}", where=line.where)
        return found

    def _store(self, name: str, found: Judgement) -> None:
        rail = self._rails[name]
        rule = self._rules.setdefault(name, default_rule(rail))
        rule.expected = found.phase
        self._learning.discard(name)
        self._places.pop(name, None)
        value = f"{found.phase}/{rail.phases}"
        self._autosave.set(f"{NAME} {name}", "trigger_phase", value)
        self._responses.note(f"{name}: trigger_phase={value}\n{SAVE_HINT}")

    def _report(self) -> None:
        for name, triggers in self._triggers.items():
            if not triggers:
                continue
            rail = self._rails[name]
            found = judge(triggers, rail.phases)
            seen = sorted({trigger.phase for trigger in triggers})
            self._responses.note(
                f"{name}: trigger_phase={found.phase}/{rail.phases} (seen {seen[0]} to {seen[-1]}, deviation "
                f"{found.deviation:.1f}, {len(triggers)} homings){': ' if found.reason else ''}{found.reason}"
            )
        if not self._last:
            self._responses.note("No endstop was homed yet")

    def _seen(self, name: str) -> StepperPhases:
        rail, rule, source = self._rails[name], self._rules.get(name), self._sources.get(name)
        stepper = self._toolhead.drive(name).stepper
        window = rail.phases / 2 if rule is None else rule.window
        return StepperPhases(
            axes="".join(AXES[axis] for axis in rail.axes),
            rail=rail.rail,
            homing_speed=rail.speed,
            phases=rail.phases,
            step_distance=rail.step,
            mcu=stepper.mcu.name,
            mcu_begun=self._begun.get(stepper.mcu.name, 0.0),
            mcu_zero=stepper.commanded() - stepper.position() / rail.step,
            tells_phase=CANNOT_TELL if source is None else source.unknown,
            refused=rail.refused,
            trigger_phase=None if rule is None else rule.expected,
            accuracy=2 * window * rail.step,
            is_corrected=rule is not None and rule.expected is not None and name not in self._learning,
        )
