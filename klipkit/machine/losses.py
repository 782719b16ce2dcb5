"""Whether a motor has lost steps between two series of homings, by their noise. Arithmetic only.

A motor loses steps in whole electrical cycles of c = 4 full steps: the place of its endstop, counted by the
microcontroller, has moved by k c, and by nothing else. Each homing finds it with a noise whose size nobody knows.

    before   b1 b2 .. bm      after   a1 a2 .. an       k = 0: the same place;  1: c farther;  ...
             '--:--'                  '--:--'
                `--------- k c ----------'

With N = m + n homings and S(k) the sum of squares about the two places that k says, all k, places and sizes of noise
being equally likely before (Jeffreys' prior, Box and Tiao, Bayesian Inference in Statistical Analysis, 1973, 2.4),

    P(k) ~ S(k) ^ -((N - 1) / 2)        S(k) = S + (mean a - mean b - k c)^2 m n / N

where S is about the means; a place is a whole step, which adds 1/12 a homing. Homing goes on until all other k together
are less likely than ERROR. That is stricter than the error below 1e-6 that is promised: it holds for each size of noise
and for stopping at the best moment (tests/unit/test_losses.py). A difference that no k explains, by Student's t
distribution of N - 2 degrees of freedom, is no loss of steps: a pulley, a belt or the endstop has moved.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

ERROR = 1e-8  # by P(k)
LEAST = 3  # homings of each series
MOST = 20  # homings of both
CYCLES = 50  # k that are looked at on either side of the nearest one
ROUNDING = 1 / 12  # steps^2: the variance of a place that is rounded to a step
STRANGE = 1e-7  # by Student's t: no k explains the difference
APART = 1.5  # steps that a place differs at least from k c to be another one


class Verdict(Enum):
    """What became of a motor's steps."""

    KEPT = "no steps lost"
    LOST = "steps lost"
    MOVED = "moved"  # not by whole cycles
    UNSURE = "cannot tell"


@dataclass(frozen=True, slots=True)
class Loss:
    """What two series say: `moved` is the difference of their means, `noise` the deviation of one homing, in steps;
    `cycles` were lost, with the probability `error` of another number."""

    verdict: Verdict
    moved: float
    cycles: int
    noise: float
    error: float


def loss(before: Sequence[float], after: Sequence[float], cycle: int) -> Loss:
    """Of series of at least one homing each: where the endstop was, in steps of the microcontroller."""
    count = len(before) + len(after)
    moved = _mean(after) - _mean(before)
    squares = _squares(before) + _squares(after)
    within = squares + count * ROUNDING
    cycles = round(moved / cycle)
    error = _error(moved, within, len(before), len(after), cycle)
    freedom = max(1, count - 2)
    rest = moved - cycles * cycle
    scale = math.sqrt(within / freedom * (1 / len(before) + 1 / len(after)))
    verdict = Verdict.LOST if cycles else Verdict.KEPT
    if min(len(before), len(after)) < LEAST:
        verdict = Verdict.UNSURE
    elif abs(rest) > APART and student_tail(abs(rest) / scale, freedom) < STRANGE:
        verdict = Verdict.MOVED
    elif error > ERROR:
        verdict = Verdict.UNSURE
    return Loss(verdict, moved, cycles, math.sqrt(squares / freedom), error)


def suffices(before: Sequence[float], cycle: int) -> bool:
    """Whether as many homings afterwards, of the same noise, would tell."""
    count = len(before)
    if count < LEAST:
        return False
    within = _squares(before) * (2 * count - 2) / (count - 1) + 2 * count * ROUNDING
    return _error(0.0, within, count, count, cycle) <= ERROR


def student_tail(t: float, freedom: int) -> float:
    """P(|T| > t) of Student's distribution with whole degrees of freedom (Abramowitz and Stegun 26.7.3, 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    square = math.cos(angle) ** 2
    term = 1.0 if freedom % 2 == 0 else math.cos(angle)
    total = 0.0 if freedom == 1 else term
    for number in range(2 + freedom % 2, freedom - 1, 2):
        term *= square * (number - 1) / number
        total += term
    if freedom % 2:
        return 1 - 2 / math.pi * (angle + math.sin(angle) * total)
    return 1 - math.sin(angle) * total


def _error(moved: float, within: float, before: int, after: int, cycle: int) -> float:
    """The probability of all numbers of cycles but the nearest."""
    count = before + after
    nearest = round(moved / cycle)
    weight = before * after / count

    def squares(cycles: int) -> float:
        return within + (moved - cycles * cycle) ** 2 * weight

    least = squares(nearest)
    power = -(count - 1) / 2
    others = math.fsum((squares(nearest + k) / least) ** power for k in range(-CYCLES, CYCLES + 1) if k)
    return others / (1 + others)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _squares(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values)
