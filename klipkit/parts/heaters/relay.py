"""A relay test of a heater (Astrom and Haegglund): it is switched around the target, and its swing tells parameters.

    bias + d  ------.        .-----.        .---         power: low once the temperature is above the target by EDGE,
                    '--------'     '--------'  bias - d  high once it is below by EDGE
    temperature  .''.         .''.         .''
    target  ---.-----.------.-----.------.------         swing a and period Tu, once they repeat:
             .'       '....'       '....'                Ku = 4 d / (pi sqrt(a^2 - EDGE^2))

The bias follows the power that holds the target, until both halves of the period last equally long: only then does the
formula hold. d is as large as the bias leaves room for. Parameters by Tyreus and Luyben, who overshoot less than
Ziegler and Nichols: Kp = Ku / 3.2, Ti = 2.2 Tu, Td = Tu / 6.3.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from klipkit.parts.heaters.pid import BASE

EDGE = 0.5  # degrees C: more than a sensor's noise
CYCLES_LEAST = 5
CYCLES_MOST = 20
COUNTED = 3  # the last cycles, which must agree
AGREE = 0.08  # of the mean, by which they may differ


class PidResult(NamedTuple):
    """Parameters as they stand in the configuration."""

    kp: float
    ki: float
    kd: float


@dataclass(frozen=True, slots=True)
class Cycle:
    """One swing: its time, s; degrees C and share of power from the middle; by how much its halves differ, of both."""

    period: float
    swing: float
    step: float
    skew: float


class Relay:
    """The control of a heater during the test. `is_done` when the swings repeat or there were CYCLES_MOST."""

    def __init__(self, most: float) -> None:
        self.cycles: list[Cycle] = []
        self.samples: list[tuple[float, float, float, float]] = []  # time, temperature, power, target
        self._most = most
        self._bias = self._step = most / 2
        self._high = True
        self._switched = 0.0  # time of the last change
        self._times = (0.0, 0.0)  # of the last half cycles: high, low
        self._started = False  # the target was crossed upwards once
        self._least = self._greatest = 0.0  # temperatures of this cycle

    @property
    def is_done(self) -> bool:
        """Whether there is a result."""
        last = self.cycles[-COUNTED:]
        if len(self.cycles) >= CYCLES_MOST:
            return True
        if len(self.cycles) < CYCLES_LEAST:
            return False
        steady = _agree([cycle.period for cycle in last]) and _agree([cycle.swing for cycle in last])
        return steady and last[-1].skew <= AGREE

    def power(self, time: float, temperature: float, target: float) -> float:
        """The share of full power."""
        self._least = min(self._least, temperature)
        self._greatest = max(self._greatest, temperature)
        if target <= 0:
            return 0.0
        if self._high and temperature >= target + EDGE:
            self._fall(time, temperature)
        elif not self._high and temperature <= target - EDGE:
            self._rise(time)
        first = self._most if self._high else 0.0
        power = first if not self._started else self._bias + (self._step if self._high else -self._step)
        self.samples.append((time, temperature, power, target))
        return power

    def is_settled(self, temperature: float, target: float) -> bool:
        """It never is."""
        return False

    def result(self) -> PidResult:
        """The parameters, from the last cycles."""
        last = self.cycles[-COUNTED:]
        period = sum(cycle.period for cycle in last) / len(last)
        swing = sum(cycle.swing for cycle in last) / len(last)
        step = sum(cycle.step for cycle in last) / len(last)
        ultimate = 4 * step / (math.pi * math.sqrt(max(swing**2 - EDGE**2, EDGE**2)))
        kp = BASE * ultimate / 3.2
        return PidResult(kp, kp / (2.2 * period), kp * period / 6.3)

    def _fall(self, time: float, temperature: float) -> None:
        """The high half is over."""
        self._times = (time - self._switched, self._times[1])
        self._switched, self._high = time, False

    def _rise(self, time: float) -> None:
        """The low half is over, and with it a cycle."""
        self._times = (self._times[0], time - self._switched)
        self._switched, self._high = time, True
        if self._started:
            swing = (self._greatest - self._least) / 2
            high, low = self._times
            self.cycles.append(Cycle(high + low, swing, self._step, abs(high - low) / (high + low)))
            self._balance()
        self._started = True
        self._least, self._greatest = math.inf, -math.inf

    def _balance(self) -> None:
        """Move the bias towards the longer half; the step is what fits between no power and full power."""
        high, low = self._times
        self._bias += self._step * (high - low) / (high + low)
        self._bias = min(max(self._bias, 0.1 * self._most), 0.9 * self._most)
        self._step = min(self._bias, self._most - self._bias)


def _agree(values: list[float]) -> bool:
    mean = sum(values) / len(values)
    return max(values) - min(values) <= AGREE * mean
