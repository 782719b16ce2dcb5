"""Statistics of places on a circle: phases, which begin again after a turn. Arithmetic only.

Mean, of n angles a: the direction of the vector (C, S) = (mean cos a, mean sin a), R its length (Mardia and Jupp,
Directional Statistics, 2000, 2.2). R of a sample is too long: R^2 has the mean rho^2 + (1 - rho^2) / n, so that
rho^2 is taken to be (n R^2 - 1) / (n - 1). Deviation: sqrt(-2 ln rho) (the same, 2.3.14), which of a narrow spread is
the usual one. Error of the mean, of a spread that is narrow enough to be of use: deviation / sqrt(n).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mean:
    """Of places on a circle: their mean, their standard deviation, the mean's standard error; how many.

    inf: they are spread over the circle so evenly that they have none. A single place has no deviation: inf.
    """

    mean: float
    deviation: float
    error: float
    count: int


def circular_mean(places: Sequence[float], turn: float) -> Mean:
    """Of at least one place, in units of which there are `turn` on the circle."""
    count = len(places)
    unit = 2 * math.pi / turn
    c = math.fsum(math.cos(place * unit) for place in places) / count
    s = math.fsum(math.sin(place * unit) for place in places) / count
    mean = math.atan2(s, c) / unit % turn % turn  # the rest of a tiny negative number is `turn` itself
    if count == 1:
        return Mean(mean, math.inf, math.inf, 1)
    squared = (count * min(1.0, c * c + s * s) - 1) / (count - 1)
    deviation = math.sqrt(-math.log(squared)) / unit if squared > 0 else math.inf
    return Mean(mean, deviation, deviation / math.sqrt(count), count)


def apart(place: float, other: float, turn: float) -> float:
    """How far `place` is beyond `other`, the short way round: -turn / 2 to below turn / 2."""
    return (place - other + turn / 2) % turn - turn / 2
