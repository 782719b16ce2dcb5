"""The temperature sensor inside a microcontroller: a line by its data sheet, or by the factory's calibration.

share of full scale = (volts + slope (T - at)) / REFERENCE          at: where the data sheet gives the volts
or through two points that the factory measured and left in the chip's memory
"""

from collections.abc import Mapping
from typing import NamedTuple

from klipkit.parts.sensors.curve import Amplifier, Interpolated

REFERENCE = 3.3  # V of the ADC on boards as they are
SPAN = 100.0  # degrees C between the two points of a line


class Factory(NamedTuple):
    """Where the factory left readings at two temperatures (degrees C), and with which reference and full scale."""

    cold: int  # address
    hot: int
    cold_at: float
    hot_at: float
    volts: float
    full: int


class Inside(NamedTuple):
    """A chip's sensor: V at a temperature, degrees C; V more for a degree."""

    at: float
    volts: float
    slope: float
    factory: Factory | None = None


_F0 = Factory(0x1FFFF7B8, 0x1FFFF7C2, 30.0, 110.0, 3.3, 4095)
_F4 = Factory(0x1FFF7A2C, 0x1FFF7A2E, 30.0, 110.0, 3.3, 4095)
_G = Factory(0x1FFF75A8, 0x1FFF75CA, 30.0, 130.0, 3.0, 4095)
_H7 = Factory(0x1FF1E820, 0x1FF1E840, 30.0, 110.0, 3.3, 65535)

# By how the name of the chip in its dictionary begins; data sheets' typical values.
INSIDE: Mapping[str, Inside] = {
    "rp2": Inside(27.0, 0.706, -0.001721),
    "sam3x": Inside(27.0, 0.8, 0.00265),
    "sam4": Inside(27.0, 1.44, 0.0047),
    "same70": Inside(25.0, 0.72, 0.00233),
    "stm32f070": Inside(30.0, 1.43, -0.0043),  # the second of the factory's points is missing
    "stm32f0": Inside(30.0, 1.43, -0.0043, _F0),
    "stm32f1": Inside(25.0, 1.43, -0.0043),
    "stm32f2": Inside(25.0, 0.76, 0.0025, _F4),
    "stm32f4": Inside(25.0, 0.76, 0.0025, _F4),
    "stm32g0": Inside(30.0, 0.76, 0.0025, _G),
    "stm32g4": Inside(30.0, 0.76, 0.0025, _G),
    "stm32l4": Inside(30.0, 0.76, 0.0025, _G),
    "stm32h7": Inside(30.0, 0.62, 0.002, _H7),
}


def inside(chip: str) -> Inside | None:
    """The sensor of the chip of that name."""
    return next((sensor for name, sensor in INSIDE.items() if chip.startswith(name)), None)


def line(*points: tuple[float, float], slope: float) -> Amplifier:
    """Through two points, or one with a slope: degrees C and share of full scale, share for a degree."""
    (at, share), *more = points
    other = more[0] if more else (at + SPAN, share + SPAN * slope)
    return Amplifier(Interpolated([(at, share), other]), 1.0)


def nominal(sensor: Inside) -> Amplifier:
    """By the data sheet."""
    return line((sensor.at, sensor.volts / REFERENCE), slope=sensor.slope / REFERENCE)


def calibrated(factory: Factory, cold: int, hot: int) -> Amplifier | None:
    """By what the factory left; None when that cannot be right, as in a chip without it."""
    shares = [value / factory.full * factory.volts / REFERENCE for value in (cold, hot)]
    if not all(0.05 < share < 0.95 for share in shares) or cold == hot:
        return None
    points = zip((factory.cold_at, factory.hot_at), shares, strict=True)
    return line(*points, slope=0.0)
