"""Homes before and after something that may cost steps, as often as the noise of the endstops needs, and compares."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from klipkit.base.errors import EXIT_DEVICE, EXIT_DONE, EXIT_NO
from klipkit.cli.homings import AXES, Homings, Stepper
from klipkit.machine.losses import LEAST, MOST, Loss, Verdict, loss, suffices

FULL_STEPS = 4  # of an electrical cycle
MANY = 5  # cycles from which a motor did not just slip
NOBODY = "the endstops' noise is too large; [endstop_phase] or a better switch helps"

Series = Mapping[str, list[float]]  # where each stepper's coordinate is 0, in steps of its microcontroller


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one stepper; `homings` of both series."""

    stepper: Stepper
    loss: Loss
    homings: int
    cause: str

    def record(self) -> dict[str, Any]:
        """For programs, and for the table."""
        moved = self.loss.moved
        return {
            "stepper": self.stepper.name,
            "verdict": self.loss.verdict.value,
            "microsteps": round(moved, 2),
            "full_steps": round(moved * FULL_STEPS / self.stepper.phases, 3),
            "mm": round(moved * self.stepper.step, 5),
            "cycles": self.loss.cycles if self.loss.verdict in (Verdict.KEPT, Verdict.LOST) else None,
            "noise_microsteps": round(self.loss.noise, 3),
            "homings": self.homings,
            "error": self.loss.error,
            "cause": self.cause,
        }


class Check:
    """Series of homings of the steppers that are homed with `axes`."""

    def __init__(self, homings: Homings, axes: str = AXES) -> None:
        self.homings = homings
        self.before: Series = {}
        self.after: Series = {}
        self.steppers: dict[str, Stepper] = {}
        self._axes = axes

    async def note(self, known: Series | None = None) -> None:
        """Home until as many homings afterwards would tell, or never will; `known` are homings made already."""
        found = {name: list(zeros) for name, zeros in (known or {}).items()}
        while not found or not self._would_tell(found):
            await self._home(found)
        self.before = found

    async def compare(self) -> list[Row]:
        """Home until each stepper's verdict is certain, or would take too many homings."""
        found: dict[str, list[float]] = {}
        while not self._tells(found):
            await self._home(found)
        self.after = found
        return self.rows()

    def rows(self) -> list[Row]:
        """What the homings so far say."""
        losses = {name: self._loss(name, self.after) for name in self.before}
        return [
            Row(
                self.steppers[name],
                one,
                len(self.before[name]) + len(self.after.get(name, [])),
                _cause(self.steppers[name], one, losses.values()),
            )
            for name, one in losses.items()
        ]

    @property
    def can_tell(self) -> bool:
        """Whether what was noted is good enough for one of the steppers."""
        return any(suffices(zeros, self.steppers[name].phases) for name, zeros in self.before.items())

    def _loss(self, name: str, after: Series) -> Loss:
        before = self.before[name]
        return loss(before, after.get(name) or before[:1], self.steppers[name].phases)

    def _would_tell(self, found: Series) -> bool:
        made = min(map(len, found.values()))
        return 2 * made >= MOST or all(suffices(found[name], self.steppers[name].phases) for name in found)

    def _tells(self, found: Series) -> bool:
        if not found:
            return False
        name = next(iter(self.before))
        made = len(found[name])
        if made >= LEAST and all(self._is_settled(name, found) for name in self.before):
            return True
        return made + len(self.before[name]) >= MOST

    def _is_settled(self, name: str, found: Series) -> bool:
        """Its verdict is certain, or its switch was too noisy beforehand."""
        if not suffices(self.before[name], self.steppers[name].phases):
            return True
        return self._loss(name, found).verdict is not Verdict.UNSURE

    async def _home(self, found: dict[str, list[float]]) -> None:
        seen = await self.homings.home(self._axes)
        self.steppers = {
            name: stepper
            for name, stepper in seen.items()
            if stepper.axes and set(stepper.axes) <= set(self._axes)
        }
        for name, stepper in self.steppers.items():
            found.setdefault(name, []).append(stepper.mcu_zero)


def exit_status(rows: Sequence[Row]) -> int:
    """1 when steps were lost or something moved, 3 when the switches do not tell, else 0."""
    verdicts = {row.loss.verdict for row in rows}
    if verdicts & {Verdict.LOST, Verdict.MOVED}:
        return EXIT_NO
    return EXIT_DEVICE if Verdict.UNSURE in verdicts else EXIT_DONE


def _cause(stepper: Stepper, one: Loss, all_of_them: Iterable[Loss]) -> str:
    """What it probably was, in words."""
    if one.verdict is Verdict.UNSURE:
        return NOBODY
    if one.verdict is Verdict.MOVED:
        return "no whole cycles: a pulley or a coupling slipped, a belt jumped, or the endstop moved"
    if one.verdict is Verdict.KEPT:
        return ""
    way = "positive" if one.moved > 0 else "negative"
    others = sum(other.verdict is Verdict.LOST for other in all_of_them)
    if others > 1:
        return f"{others} motors lost steps: something held the toolhead, or all are driven too hard"
    if abs(one.cycles) >= MANY:
        return (
            f"a stall in {way} direction: something was in the way, or speed or acceleration are far too high"
        )
    return (
        f"fell behind in {way} direction: speed or acceleration too high, current too low, or a tight place"
    )
