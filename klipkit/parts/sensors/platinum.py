"""Platinum resistors (PT100, PT1000) by IEC 60751, and the amplifier board that is common for PT100.

R = R0 (1 + A t + B t^2)        from 0 degrees C up; below, where a further term counts (0.3 degrees at -100), the same
"""

import math
from dataclasses import dataclass

from klipkit.parts.sensors.curve import Interpolated

A, B = 3.9083e-3, -5.775e-7  # IEC 60751, per K and K^2
HOTTEST = 850.0  # degrees C: the end of the standard; the amplifier's table goes on to its maker's 1100
TABLE = range(-50, 1101, 5)

# The INA826 board: 5 V over 4.4 kOhm and the PT100, the PT100's voltage 10 times (its maker's circuit and table).
SUPPLY, SERIES, GAIN = 5.0, 4400.0, 10.0


@dataclass(frozen=True, slots=True)
class Platinum:
    """A platinum resistor of `zero` ohms at 0 degrees C."""

    zero: float

    def temperature(self, ohms: float) -> float:
        """Degrees C; from the quadratic's top on (3383 degrees) that of the top."""
        inner = A**2 - 4 * B * (1 - ohms / self.zero)
        return (math.sqrt(max(inner, 0.0)) - A) / (2 * B)

    def resistance(self, temperature: float) -> float:
        """Ohms."""
        return self.zero * (1 + A * temperature + B * temperature**2)


def _ina826(temperature: float) -> float:
    ohms = Platinum(100.0).resistance(temperature)
    return SUPPLY * GAIN * ohms / (SERIES + ohms)


def pt100_ina826() -> Interpolated:
    """Degrees C and V of a PT100 on the INA826 board."""
    return Interpolated([(float(degrees), _ina826(degrees)) for degrees in TABLE])
