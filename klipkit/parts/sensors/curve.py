"""Curves of sensors: from what an ADC reads to a temperature, and back. Pure functions.

    share of full scale --> voltage or resistance --> degrees C
          Divider, Amplifier          Resistance, Interpolated

The two ways are inverse to one another. Shares are kept off 0 and 1, where a resistance would be 0 or infinite.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

SHARE_LEAST = 1e-5  # less than a step of any ADC
SHARE_MOST = 1 - SHARE_LEAST


class Curve(Protocol):
    """Of a whole sensor with its circuit."""

    def temperature_of(self, share: float) -> float:
        """Degrees C at a share of the ADC's full scale, 0..1."""

    def adc_of(self, temperature: float) -> float:
        """The share of full scale at a temperature, degrees C; 0..1."""

    def fault_of(self, share: float) -> str:
        """What a share outside the sensor's range tells of the circuit, or ""."""


class Resistance(Protocol):
    """Of a sensor that is a resistor."""

    def temperature(self, ohms: float) -> float:
        """Degrees C."""

    def resistance(self, temperature: float) -> float:
        """Ohms."""


class Interpolated:
    """Straight lines through points (temperature, value); the outer ones go on. Values rise or fall all the way."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        self._points = sorted(points)
        self._temperatures = [temperature for temperature, _ in self._points]
        values = [value for _, value in self._points]
        self._sign = 1 if values[-1] > values[0] else -1
        self._rising = [self._sign * value for value in values]
        if any(a >= b for a, b in zip(self._rising, self._rising[1:], strict=False)):
            raise ValueError("values must all rise or all fall with temperature")

    def temperature(self, value: float) -> float:
        """Degrees C at a value."""
        return _line(self._rising, self._temperatures, self._sign * value)

    def value(self, temperature: float) -> float:
        """The value at a temperature, degrees C."""
        return self._sign * _line(self._temperatures, self._rising, temperature)

    resistance = value


def _line(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    """y at x on the lines through points with rising xs."""
    at = min(max(bisect_left(xs, x), 1), len(xs) - 1)
    slope = (ys[at] - ys[at - 1]) / (xs[at] - xs[at - 1])
    return ys[at - 1] + (x - xs[at - 1]) * slope


@dataclass(frozen=True, slots=True)
class Divider:
    """A resistor to ground, `inline` ohms in line with it, `pullup` ohms to the ADC's reference. The ADC is between."""

    sensor: Resistance
    pullup: float
    inline: float = 0.0

    def temperature_of(self, share: float) -> float:
        """Degrees C at a share of full scale."""
        kept = min(max(share, SHARE_LEAST), SHARE_MOST)
        return self.sensor.temperature(max(self.pullup * kept / (1 - kept) - self.inline, SHARE_LEAST))

    def adc_of(self, temperature: float) -> float:
        """The share of full scale at a temperature."""
        ohms = max(self.sensor.resistance(temperature) + self.inline, 0.0)
        return ohms / (ohms + self.pullup)

    def fault_of(self, share: float) -> str:
        """Near full scale nothing conducts, near 0 everything does."""
        if share > 0.995:
            return "the circuit is open: a wire is broken, or a plug is out"
        return "the circuit is shorted" if share < 0.005 else ""


@dataclass(frozen=True, slots=True)
class Amplifier:
    """A chip that gives a voltage; the ADC's full scale is `reference` V above `offset` V."""

    sensor: Interpolated
    reference: float
    offset: float = 0.0

    def temperature_of(self, share: float) -> float:
        """Degrees C at a share of full scale."""
        return self.sensor.temperature(share * self.reference + self.offset)

    def adc_of(self, temperature: float) -> float:
        """The share of full scale at a temperature."""
        return min(max((self.sensor.value(temperature) - self.offset) / self.reference, 0.0), 1.0)

    def fault_of(self, share: float) -> str:
        """An amplifier tells nothing of its sensor."""
        return ""
