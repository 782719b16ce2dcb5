"""Motor current, A RMS, to the fields of drivers and back.

All scale the full current by CS = IRUN or IHOLD:  I = (CS + 1) / 32 * full,  full = V_fs / R / sqrt 2

    TMC2130, TMC2208, TMC2209   R = sense resistor + 20 mohm; V_fs is one of two, by vsense
    TMC2660                     R = sense resistor; V_fs is one of two, by vsense
    TMC5160                     R = sense resistor, V_fs = 0.325 V; all is scaled by GLOBALSCALER / 256 (0: 256)
    TMC2240                     full = K / RREF / sqrt 2; K is one of three, by CURRENT_RANGE; and GLOBALSCALER

Data sheets: TMC2209 section 9, TMC2130 section 10, TMC5160 section 9, TMC2660 section 8, TMC2240 "Setting the Motor
Current".
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

SCALES = 32  # values of IRUN and IHOLD
GLOBAL = 256  # the whole of GLOBALSCALER, written as 0
GLOBAL_LEAST = 32  # TMC5160 data sheet, GLOBALSCALER: 1 to 31 are not allowed
ROOT2 = math.sqrt(2)

Fields = Mapping[str, int]


def scale_of(current: float, full: float) -> int:
    """CS for a current, of the full one."""
    return max(0, min(SCALES - 1, round(SCALES * current / full) - 1))


def current_of(scale: int, full: float) -> float:
    """The current of a CS."""
    return (scale + 1) / SCALES * full


class Current(ABC):
    """How a chip is told of currents. `run` and `hold`: the fields that scale them, which may be one."""

    run = "irun"
    hold = "ihold"

    @abstractmethod
    def fields(self, run: float, hold: float) -> Fields:
        """The fields for currents, A."""

    @abstractmethod
    def full(self, fields: Fields) -> float:
        """The current of CS 31 with these fields."""

    def currents(self, fields: Fields) -> tuple[float, float]:
        """The currents that fields mean: run and hold, A."""
        full = self.full(fields)
        return current_of(fields[self.run], full), current_of(fields[self.hold], full)


@dataclass(frozen=True)
class SenseCurrent(Current):
    """By a sense resistor, ohm, and one of two full voltages, V: vsense 0 and 1, which is used where it reaches."""

    resistor: float
    high: float
    low: float

    def full(self, fields: Fields) -> float:
        return (self.low if fields["vsense"] else self.high) / self.resistor / ROOT2

    def fields(self, run: float, hold: float) -> Fields:
        """The finer scale (less power in the resistor) unless the other comes closer."""
        fulls = [self.full({"vsense": vsense}) for vsense in (1, 0)]
        off = [abs(current_of(scale_of(run, full), full) - run) for full in fulls]
        vsense = 0 if run > fulls[0] and off[1] < off[0] else 1
        full = fulls[1 - vsense]
        return {"vsense": vsense, self.hold: scale_of(min(hold, run), full), self.run: scale_of(run, full)}


class OneCurrent(SenseCurrent):
    """That of a chip that has no other current at standstill."""

    run = "cs"
    hold = "cs"


@dataclass(frozen=True)
class ScaledCurrent(Current):
    """By a global scaler. `amperes`: the full current of each range, from the lowest on, A RMS."""

    amperes: tuple[float, ...]
    range_field: str = ""  # that chooses one of several

    def full(self, fields: Fields) -> float:
        chosen = self.amperes[fields[self.range_field]] if self.range_field else self.amperes[0]
        return chosen * (fields["globalscaler"] or GLOBAL) / GLOBAL

    def fields(self, run: float, hold: float) -> Fields:
        """The lowest range that reaches; the scaler as near as IRUN 31 lets it, and what is left by IRUN."""
        number = next((at for at, full in enumerate(self.amperes) if full >= run), len(self.amperes) - 1)
        whole = self.amperes[number]
        scaler = max(GLOBAL_LEAST, min(GLOBAL, round(GLOBAL * run / whole)))
        full = whole * scaler / GLOBAL
        found = {
            "globalscaler": scaler % GLOBAL,
            self.run: scale_of(run, full),
            self.hold: scale_of(min(hold, run), full),
        }
        return {self.range_field: number, **found} if self.range_field else found
