"""What the converter of a temperature sensor sees: thermistors by their type, as a share of the range."""

import math
from collections.abc import Callable, Mapping

KELVIN = 273.15
NEWTON_STEPS = 30  # far more than it takes from -60 to 600 degrees C
USUAL = (
    25.0,
    100_000.0,
    3950.0,
)  # degrees C, ohm, K: the beta of most thermistors that are sold for printers

# Pairs of degrees C and ohm from the makers' tables, and the last value of those that are given by it: beta, K.
POINTS: Mapping[str, tuple[tuple[float, float], ...]] = {
    "EPCOS 100K B57560G104F": ((25.0, 100_000.0), (150.0, 1641.9), (250.0, 226.15)),
    "ATC Semitec 104GT-2": ((20.0, 126_800.0), (150.0, 1360.0), (300.0, 80.65)),
    "ATC Semitec 104NT-4-R025H42G": ((25.0, 100_000.0), (160.0, 1074.0), (300.0, 82.78)),
    "Generic 3950": ((25.0, 100_000.0), (150.0, 1770.0), (250.0, 230.0)),
    "SliceEngineering 450": ((25.0, 500_000.0), (200.0, 3734.0), (400.0, 240.0)),
    "TDK NTCG104LH104JT1": ((25.0, 100_000.0), (50.0, 31_230.0), (125.0, 2066.0)),
}
BETAS: Mapping[str, float] = {
    "Honeywell 100K 135-104LAG-J01": 3974.0,
    "NTC 100K MGB18-104F39050L32": 4100.0,
    "NTC 100K beta 3950": 3950.0,
}


def share_of(sensor_type: str, pullup: float, inline: float) -> Callable[[float], float]:
    """The share of the range at degrees C of a thermistor to ground, with a pull-up and a resistor in line, ohm."""
    if sensor_type in POINTS:
        resistance = _steinhart_hart(POINTS[sensor_type])
    else:
        resistance = _beta(USUAL[0], USUAL[1], BETAS.get(sensor_type, USUAL[2]))

    def share(temperature: float) -> float:
        ohm = resistance(temperature) + inline
        return ohm / (ohm + pullup)

    return share


def _beta(at: float, ohm: float, beta: float) -> Callable[[float], float]:
    """R = R0 exp(beta (1/T - 1/T0))."""
    return lambda temperature: ohm * math.exp(beta * (1 / (temperature + KELVIN) - 1 / (at + KELVIN)))


def _steinhart_hart(points: tuple[tuple[float, float], ...]) -> Callable[[float], float]:
    """1/T = a + b L + c L^3, L = ln R, through three points; solved for L by Newton's steps, which rise all the way."""
    (l1, y1), (l2, y2), (l3, y3) = ((math.log(ohm), 1 / (at + KELVIN)) for at, ohm in points)
    u2, u3 = (y2 - y1) / (l2 - l1), (y3 - y1) / (l3 - l1)
    c = (u3 - u2) / (l3 - l2) / (l1 + l2 + l3)
    b = u2 - c * (l1**2 + l1 * l2 + l2**2)
    a = y1 - (b + l1**2 * c) * l1

    def resistance(temperature: float) -> float:
        wanted, at = 1 / (temperature + KELVIN), l1
        for _ in range(NEWTON_STEPS):
            at -= (a + b * at + c * at**3 - wanted) / (b + 3 * c * at**2)
        return math.exp(at)

    return resistance
