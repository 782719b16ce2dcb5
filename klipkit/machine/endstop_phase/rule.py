"""How a trigger is corrected by the phase: the rule of one stepper, and its section [endstop_phase stepper_z].

MCU position ....|.........|.........|.........|.......      a phase each turn (4 full steps)
expected phase   ^         ^         ^         ^
triggers                  :.::.                              the expected phase that is nearest is where the
                           |                                 endstop is: the trigger was late by the rest
                           `- late by 3
"""

from collections.abc import Sequence
from dataclasses import dataclass

from klipkit.base.errors import ConfigError
from klipkit.base.faults import EndstopPhaseError
from klipkit.base.schema import Loaded
from klipkit.machine.circular import apart
from klipkit.machine.endstop_phase.config import StepperPhaseConfig
from klipkit.machine.endstop_phase.rails import PhaseRail, phase_rails
from klipkit.machine.endstop_phase.sources import CANNOT_TELL, RESET_TOGETHER, sources_of
from klipkit.parts.part import Part
from klipkit.parts.phases import PhaseSource

HINT = "a switch that is not accurate enough, or was moved: calibrate again (klipkit endstop-phase calibrate)"


@dataclass(slots=True)
class Rule:
    """`expected`: the phase at the trigger, None until it is known; `window`: microsteps that it may be off."""

    rail: PhaseRail
    window: float
    expected: int | None = None
    aligns: bool = False

    def late(self, phase: int) -> int:
        """By how many microsteps in positive direction the trigger was off. Raises EndstopPhaseError."""
        if self.expected is None:
            self.expected = phase
        late = round(apart(phase, self.expected, self.rail.phases))
        if abs(late) > self.window:
            what = f"Endstop {self.rail.stepper} incorrect phase (got {phase} vs {self.expected})"
            raise EndstopPhaseError(what, hint=HINT)
        return late

    def alignment(self, endstop: float | None) -> float:
        """Microsteps by which the endstop's position is moved, so that position 0 is a full step."""
        if not self.aligns or endstop is None or self.expected is None:
            return 0.0
        return apart(self.expected, endstop / self.rail.step, self.rail.full_step)


def default_rule(rail: PhaseRail) -> Rule:
    """Without a section."""
    return Rule(rail, rail.phases / 2)


class StepperPhase(Part):
    """The rule that a section [endstop_phase SECTION] gives. Raises ConfigError for one that cannot hold."""

    def __init__(self, config: StepperPhaseConfig, loaded: Loaded, drivers: Sequence[PhaseSource]) -> None:
        rails = phase_rails(loaded)
        name = config.source.short
        rail = rails.get(name)
        if rail is None or rail.refused:
            reason = rail.refused if rail is not None else "it moves filament"
            raise ConfigError(f"endstop_phase is not valid for {name}: {reason}", where=config.source.where())
        self.rule = Rule(rail, _window(config, rail), aligns=config.endstop_align_zero)
        if config.endstop_align_zero and rail.is_tower:
            where = config.source.where("endstop_align_zero")
            raise ConfigError(
                f"endstop_align_zero: position 0 is no place of the rail of {name}", where=where
            )
        if config.trigger_phase is not None:
            if name not in sources_of(loaded, rails, drivers):
                where = config.source.where("trigger_phase")
                raise ConfigError(f"trigger_phase of {name}: {CANNOT_TELL}", where=where, hint=RESET_TOGETHER)
            self.rule.expected = _phase(config, config.trigger_phase, rail)


def _window(config: StepperPhaseConfig, rail: PhaseRail) -> float:
    """Microsteps that a trigger may be off, either way. Raises ConfigError."""
    if config.endstop_accuracy is None:
        return rail.phases / 2
    most = rail.phases * rail.step
    if config.endstop_accuracy > most * (1 + 1e-9):
        raise ConfigError(
            f"endstop_accuracy of {rail.stepper} is {config.endstop_accuracy:g} mm, but an endstop that is not "
            f"accurate to two full steps either way ({most:g} mm in all) cannot be corrected by the phase",
            where=config.source.where("endstop_accuracy"),
        )
    return config.endstop_accuracy / rail.step / 2


def _phase(config: StepperPhaseConfig, told: tuple[int, int], rail: PhaseRail) -> int:
    """The phase, also when it was told in other microsteps. Raises ConfigError."""
    phase, phases = told
    if phase >= phases:
        where = config.source.where("trigger_phase")
        raise ConfigError(f"trigger_phase is {phase}/{phases}: the phases are 0 to {phases - 1}", where=where)
    return round(phase * rail.phases / phases) % rail.phases
