"""Thermistors: resistance and temperature by Steinhart and Hart's equation, and the common ones.

1/T = a + b ln R + c (ln R)^3        T in kelvin, R in ohms; through three points of the data sheet,
1/T = 1/T0 + ln(R/R0) / beta         or with c = 0 through one point and beta
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

ZERO = 273.15  # K at 0 degrees C
OHMS_LEAST = 1e-3
HOTTEST = 2500.0  # K: a resistance near 0, a short circuit, counts as this
COLDEST = 70.0  # K: colder counts as this, where a thermistor is an insulator


@dataclass(frozen=True, slots=True)
class SteinhartHart:
    """The equation's coefficients."""

    a: float
    b: float
    c: float

    def temperature(self, ohms: float) -> float:
        """Degrees C."""
        log = math.log(max(ohms, OHMS_LEAST))
        return 1 / max(self.a + self.b * log + self.c * log**3, 1 / HOTTEST) - ZERO

    def resistance(self, temperature: float) -> float:
        """Ohms; the root of c x^3 + b x + (a - 1/T) = 0 in x = ln R (Cardano: b/c > 0, so it has one)."""
        rest = self.a - 1 / max(temperature + ZERO, COLDEST)
        if self.c == 0:
            return math.exp(-rest / self.b)
        half, third = rest / (2 * self.c), self.b / (3 * self.c)
        root = math.sqrt(half**2 + third**3)
        return math.exp(math.cbrt(root - half) - math.cbrt(root + half))


def by_beta(temperature: float, ohms: float, beta: float) -> SteinhartHart:
    """Through one point, degrees C and ohms."""
    return SteinhartHart(1 / (temperature + ZERO) - math.log(ohms) / beta, 1 / beta, 0.0)


def by_points(*points: tuple[float, float]) -> SteinhartHart:
    """Through three points (degrees C, ohms), by divided differences.

    Points that bend the wrong way (c < 0) would give two temperatures for a resistance: then the line through the
    coldest and the hottest one is taken.
    """
    (l1, y1), (l2, y2), (l3, y3) = (
        (math.log(ohms), 1 / (degrees + ZERO)) for degrees, ohms in sorted(points)
    )
    first, second = (y2 - y1) / (l2 - l1), (y3 - y1) / (l3 - l1)
    c = (second - first) / (l3 - l2) / (l1 + l2 + l3)
    b = first - c * (l1**2 + l1 * l2 + l2**2)
    if c <= 0 or b <= 0:
        return SteinhartHart(y1 - second * l1, second, 0.0)
    return SteinhartHart(y1 - b * l1 - c * l1**3, b, c)


# Points of the manufacturers' resistance tables. "Generic 3950" is the common table of cheap 100 kOhm thermistors,
# which follow no constant beta.
THERMISTORS: Mapping[str, SteinhartHart] = {
    "EPCOS 100K B57560G104F": by_points((25, 100e3), (150, 1641.9), (250, 226.15)),
    "ATC Semitec 104GT-2": by_points((20, 126.8e3), (150, 1360), (300, 80.65)),
    "ATC Semitec 104NT-4-R025H42G": by_points((25, 100e3), (160, 1074), (300, 82.78)),
    "Generic 3950": by_points((25, 100e3), (150, 1770), (250, 230)),
    "Honeywell 100K 135-104LAG-J01": by_beta(25, 100e3, 3974),
    "NTC 100K MGB18-104F39050L32": by_beta(25, 100e3, 4100),
    "SliceEngineering 450": by_points((25, 500e3), (200, 3734), (400, 240)),
    "TDK NTCG104LH104JT1": by_points((25, 100e3), (50, 31230), (125, 2066)),
}
