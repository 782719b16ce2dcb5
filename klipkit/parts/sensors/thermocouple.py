"""Thermocouples of type K and J by ITS-90, and the amplifier chips whose output is one's voltage times a gain.

V = offset + gain E(t)        E: the thermocouple's voltage against 0 degrees C (the chip adds its own cold junction)
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from klipkit.parts.sensors.curve import Interpolated

STEP = 5  # degrees C between points of a table: straight lines between them are right to 0.02 degrees

# ITS-90 (NIST Monograph 175): mV = sum of c_n t^n.
K_BELOW = (
    0.0, 0.394501280250e-1, 0.236223735980e-4, -0.328589067840e-6, -0.499048287770e-8, -0.675090591730e-10,
    -0.574103274280e-12, -0.310888728940e-14, -0.104516093650e-16, -0.198892668780e-19, -0.163226974860e-22,
)  # fmt: skip
K_ABOVE = (
    -0.176004136860e-1, 0.389212049750e-1, 0.185587700320e-4, -0.994575928740e-7, 0.318409457190e-9,
    -0.560728448890e-12, 0.560750590590e-15, -0.320207200030e-18, 0.971511471520e-22, -0.121047212750e-25,
)  # fmt: skip
K_BELL = (0.118597600000, -0.118343200000e-3, 126.9686)  # + a exp(b (t - c)^2) above 0
J_BELOW = (
    0.0, 0.503811878150e-1, 0.304758369300e-4, -0.856810657200e-7, 0.132281952950e-9, -0.170529583370e-12,
    0.209480906970e-15, -0.125383953360e-18, 0.156317256970e-22,
)  # fmt: skip
J_ABOVE = (
    0.296456256810e3, -0.149761277860e1, 0.317871039240e-2, -0.318476867010e-5, 0.157208190040e-8,
    -0.306913690560e-12,
)  # fmt: skip
J_BEND = 760  # degrees C


def _polynomial(coefficients: tuple[float, ...], x: float) -> float:
    value = 0.0
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


def type_k(temperature: float) -> float:
    """mV of type K, -200 to 1372 degrees C."""
    if temperature < 0:
        return _polynomial(K_BELOW, temperature)
    height, width, middle = K_BELL
    return _polynomial(K_ABOVE, temperature) + height * math.exp(width * (temperature - middle) ** 2)


def type_j(temperature: float) -> float:
    """mV of type J, -200 to 1200 degrees C."""
    return _polynomial(J_BELOW if temperature < J_BEND else J_ABOVE, temperature)


class Chip(NamedTuple):
    """An amplifier: volts for a mV, and where it is trimmed to give a voltage exactly."""

    is_type_k: bool
    gain: float  # V/mV
    trimmed: float  # degrees C
    volts: float  # there


# Data sheets. AD594/AD595: V = 247.3 (E + 11 uV). AD597: V = 245.46 E. AD849x: 5 mV for a degree, trimmed at
# 25 degrees C (AD8494, AD8495) or 60 (AD8496, AD8497).
CHIPS: Mapping[str, Chip] = {
    "AD595": Chip(True, 0.2473, 0.0, 0.2473 * 0.011),
    "AD597": Chip(True, 0.24546, 0.0, 0.0),
    "AD8494": Chip(False, 0.0967, 25.0, 0.125),
    "AD8495": Chip(True, 0.1224, 25.0, 0.125),
    "AD8496": Chip(False, 0.09035, 60.0, 0.3),
    "AD8497": Chip(True, 0.1224, 60.0, 0.3),
}


def amplified(name: str) -> Interpolated:
    """Degrees C and V of the chip of that name."""
    chip = CHIPS[name]
    voltage, hottest = (type_k, 1370) if chip.is_type_k else (type_j, 1200)
    zero = chip.volts - chip.gain * voltage(chip.trimmed)
    return Interpolated(
        [(float(degrees), zero + chip.gain * voltage(degrees)) for degrees in range(-200, hottest + 1, STEP)]
    )
