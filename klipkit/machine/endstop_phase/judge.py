"""What a number of homings say of an endstop: the phase at its trigger, and whether it is good enough.

An endstop must trigger within two full steps of where it should, or else the phase is that of another place of the
rail. Where motors were on all the time, triggers are known as steps of the MCU, not just on the circle: a trigger that
is farther off is seen.

    deviations  ......:..:.::::.:.:..........      `half` = phases / 2 = two full steps
               -half        0             half     good: half is 4 deviations or more (a normal law: 1 in 16,000)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from klipkit.machine.circular import Mean, apart, circular_mean

LEAST = 5  # homings from which something can be said
GOOD, FAIR, BAD = (
    4.0,
    3.5,
    2.5,
)  # deviations in two full steps: good, good after MANY homings, no more to be hoped for
MANY = 40  # homings


class Quality(Enum):
    """Whether the switch is good enough."""

    GOOD = "good"
    UNSURE = "unsure"  # more homings may tell
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Trigger:
    """One homing: the MCU position at the trigger, and the phase there; `life` counts how often motors were let go."""

    position: int
    phase: int
    life: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of some homings: the mean phase, the one to store, the deviation and the farthest trigger, in microsteps.

    `reason` says why it is not good enough, empty when it is.
    """

    mean: Mean
    phase: int
    deviation: float
    farthest: float
    quality: Quality
    reason: str


def judge(triggers: Sequence[Trigger], phases: int) -> Judgement:
    """Of at least one homing."""
    mean = circular_mean([trigger.phase for trigger in triggers], phases)
    off = deviations(triggers, mean.mean, phases)
    middle = math.fsum(off) / len(off)
    squares = math.fsum((each - middle) ** 2 for each in off)
    deviation = math.sqrt(squares / (len(off) - 1)) if len(off) > 1 else math.inf
    farthest = max(map(abs, off))
    quality, reason = _quality(len(off), deviation, farthest, phases)
    return Judgement(mean, round(mean.mean) % phases, deviation, farthest, quality, reason)


def deviations(triggers: Sequence[Trigger], mean: float, phases: int) -> list[float]:
    """How far each trigger is from the mean, microsteps: within one life of the motors also more than half a turn."""
    found: dict[int, float] = {}
    for life in {trigger.life for trigger in triggers}:
        lived = [number for number, trigger in enumerate(triggers) if trigger.life == life]
        middle = sorted(lived, key=lambda number: triggers[number].position)[len(lived) // 2]
        begin = apart(triggers[middle].phase, mean, phases)
        for number in lived:
            found[number] = begin + triggers[number].position - triggers[middle].position
    return [found[number] for number in range(len(triggers))]


def _quality(count: int, deviation: float, farthest: float, phases: int) -> tuple[Quality, str]:
    half = phases / 2
    if farthest >= half:
        return Quality.BAD, "a trigger was more than two full steps from the others"
    if count < LEAST:
        return Quality.UNSURE, f"{count} homings say too little: {LEAST} are the least"
    if deviation * BAD > half:
        return Quality.BAD, "the triggers are spread too far: they must stay within two full steps"
    if deviation * (GOOD if count < MANY else FAIR) <= half:
        return Quality.GOOD, ""
    if count < MANY:
        return Quality.UNSURE, "the spread is near two full steps: more homings tell"
    return Quality.BAD, "the spread is too near two full steps"
