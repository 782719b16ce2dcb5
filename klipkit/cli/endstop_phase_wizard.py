"""Calibrates the phases of endstops over a session: homes from many places until the spread is known."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from klipkit.base.errors import KlipkitError, NotFound
from klipkit.cli.homings import Homings, Stepper, chosen
from klipkit.daemon.session import Session
from klipkit.machine.endstop_phase.judge import MANY, Judgement, Quality, Trigger, deviations, judge
from klipkit.machine.losses import student_tail

UM = 1000  # in a mm
COMMAND = "ENDSTOP_PHASE_CALIBRATE"
CONFIDENCE = 3.0  # standard errors that are told


@dataclass
class Found:
    """What the homings of one stepper said so far."""

    stepper: Stepper
    triggers: list[Trigger] = field(default_factory=list)

    @property
    def judgement(self) -> Judgement:
        """Of at least one homing."""
        return judge(self.triggers, self.stepper.phases)

    @property
    def deviations(self) -> list[float]:
        """How far each trigger was from the mean, microsteps."""
        return deviations(self.triggers, self.judgement.mean.mean, self.stepper.phases)

    def record(self) -> dict[str, Any]:
        """For programs, and for the table."""
        found, step = self.judgement, self.stepper.step * UM
        error = found.deviation / math.sqrt(len(self.triggers))
        return {
            "stepper": self.stepper.name,
            "verdict": found.quality.value,
            "reason": found.reason,
            "trigger_phase": f"{found.phase}/{self.stepper.phases}",
            "mean": round(found.mean.mean, 3),
            "homings": len(self.triggers),
            "deviation_microsteps": _finite(found.deviation),
            "deviation_um": _finite(found.deviation * step),
            "farthest_um": _finite(found.farthest * step),
            "error_microsteps": _finite(error),
            "allowed_um": _finite(self.stepper.phases / 2 * step),
            "beyond": _beyond(self.stepper.phases / 2, found.deviation, len(self.triggers)),
            "spread_before_um": _finite((max(self.deviations) - min(self.deviations)) * step),
            "spread_after_um": _finite(step),
            "phases": [trigger.phase for trigger in self.triggers],
            "mcu_positions": [trigger.position for trigger in self.triggers],
        }


Show = Callable[[Sequence[Found]], None]


async def calibrate(homings: Homings, names: Sequence[str], count: int, show: Show) -> list[Found]:
    """Home the endstops of these steppers `count` times, and more often where the spread leaves it open.

    Nothing is stored: `store` or `give_up` must follow. Without names, the steppers that move Z. Raises KlipkitError.
    """
    steppers = _wanted(await homings.steppers(), names)
    found = {stepper.name: Found(stepper) for stepper in steppers}
    await homings.home()
    for name in found:
        await homings.session.gcode(f"{COMMAND} STEPPER={name} BEGIN=1")
    for axes in dict.fromkeys(stepper.axes for stepper in steppers):
        group = [each for each in found.values() if each.stepper.axes == axes]
        while not _is_done(group, count):
            after = await homings.home(axes)
            for each in group:
                seen = after[each.stepper.name]
                assert seen.phase is not None and seen.mcu_position is not None
                each.triggers.append(Trigger(seen.mcu_position, seen.phase, 0))
            show(list(found.values()))
    return list(found.values())


async def store(session: Session, found: Sequence[Found]) -> list[str]:
    """Have the daemon use these phases, and SAVE_CONFIG write them; gives what it said. Raises KlipkitError."""
    said: list[str] = []
    for each in found:
        said += await session.gcode(f"{COMMAND} STEPPER={each.stepper.name}")
    return said


async def give_up(session: Session, found: Sequence[str]) -> None:
    """What was calibrated before holds again."""
    for name in found:
        await session.gcode(f"{COMMAND} STEPPER={name} BEGIN=0")


def _is_done(group: Sequence[Found], count: int) -> bool:
    made = len(group[0].triggers)
    if made < count:
        return False
    judgements = [each.judgement for each in group]
    return made >= max(count, MANY) or all(each.quality is not Quality.UNSURE for each in judgements)


def _wanted(steppers: dict[str, Stepper], names: Sequence[str]) -> list[Stepper]:
    """Raises KlipkitError for one that cannot be calibrated."""
    if names:
        wanted = chosen(steppers, list(dict.fromkeys(names)))
        for stepper in wanted:
            reason = stepper.refused or stepper.tells_phase
            if reason:
                raise KlipkitError(f"{stepper.name} cannot be calibrated: {reason}")
        return wanted
    upright = [stepper for stepper in steppers.values() if "z" in stepper.axes]
    wanted = [stepper for stepper in upright if not (stepper.refused or stepper.tells_phase)]
    if not wanted:
        reasons = "; ".join(f"{each.name}: {each.refused or each.tells_phase}" for each in upright)
        raise NotFound(f"no stepper of Z can be calibrated ({reasons})", hint="name one of another axis")
    return wanted


def _beyond(allowed: float, deviation: float, count: int) -> float | None:
    """The share of triggers to come that will be farther out, by a normal law of which `count` were seen.

    Student's t of the next one: its distance from the mean has the variance s^2 (1 + 1 / n).
    """
    if count < 2 or not deviation:
        return None if count < 2 else 0.0
    tail = student_tail(allowed / (deviation * math.sqrt(1 + 1 / count)), count - 1)
    return float(f"{max(0.0, tail):.2g}")


def _finite(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None
