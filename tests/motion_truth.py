"""Where a stepper's coordinate truly is at any print time, in numpy, from the trapezoids alone, apart from the core.

A motion has a coordinate, mm, as a formula of time, and borders: print times between which it is smooth. Formulas:
trapezoids; the sum of shifted motions for input shapers (Singer and Seering 1990; Singhose's humps); the triangle's
integral for pressure advance; a delta's height z + sqrt(arm^2 - x^2 - y^2).
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]
Impulses = list[tuple[float, float]]  # amplitude, time in s
AXES = 3
COLUMNS = 13  # of a struct trapq_move, the doubles at its beginning
ALONE: Impulses = [(1.0, 0.0)]


class Trapezoids:
    """The moves that a trapezoid queue holds, as columns, with rests between them; times count from `since`."""

    def __init__(self, core: Any, trapq: Any, since: float = 0.0) -> None:
        numbers = range(core.lib.trapq_begin(trapq), core.lib.trapq_end(trapq))
        raw = b"".join(bytes(core.ffi.buffer(core.lib.trapq_get(trapq, number))) for number in numbers)
        size = core.ffi.sizeof("struct trapq_move") // np.dtype(float).itemsize
        self.table = np.frombuffer(raw).reshape(-1, size)[:, :COLUMNS].copy()
        self.table[:, 0] -= since
        self.begin, self.lengths = self.table[:, 0], self.table[:, 1:4].T
        self.start_v, self.cruise_v, self.accel = self.table[:, 4:7].T
        self.start, self.direction = self.table[:, 7:10].T, self.table[:, 10:13].T

    @property
    def borders(self) -> Array:
        """Where a phase of a move begins or ends, s."""
        ends = self.begin + np.cumsum(np.vstack([0 * self.begin, self.lengths]), axis=0)
        return np.unique(ends)

    def along(self, t: Array) -> tuple[Array, Array, Array]:
        """The move at each time, the way it has come, mm, and its speed (0 in a rest)."""
        move = np.clip(np.searchsorted(self.begin, t, side="right") - 1, 0, None)
        accel_t, cruise_t, decel_t = self.lengths[:, move]
        start_v, cruise_v, accel = self.start_v[move], self.cruise_v[move], self.accel[move]
        left = np.maximum(t - self.begin[move], 0)
        up, level = np.minimum(left, accel_t), np.clip(left - accel_t, 0, cruise_t)
        down = np.clip(left - accel_t - cruise_t, 0, decel_t)
        way = up * (start_v + accel * up / 2) + level * cruise_v + down * (cruise_v - accel * down / 2)
        speed = np.where(left < accel_t, start_v + accel * up, cruise_v - accel * down)
        resting = (t < self.begin[move]) | (left >= accel_t + cruise_t + decel_t)
        return move, way, np.where(resting, 0, speed)

    def place(self, t: Array, axis: int) -> Array:
        move, way, _ = self.along(t)
        return np.asarray(self.start[axis][move] + self.direction[axis][move] * way)


class Motion(Protocol):
    """A coordinate over time; between two borders it is of the shape that `degree` and `arm` say."""

    degree: int
    borders: Array
    swift: (
        float  # mm/s; by no more than that times the shift it changes when single moves are shifted in time
    )

    def coordinate(self, t: Array) -> Array: ...


class Linear:
    """A weighed sum of axes, each under the impulses of its shaper."""

    degree = 2

    def __init__(self, moves: Trapezoids, weights: Iterable[float], impulses: Iterable[Impulses]) -> None:
        self.moves = moves
        self.terms = [
            (weight * amplitude, axis, late)
            for axis, (weight, part) in enumerate(zip(weights, impulses, strict=True))
            for amplitude, late in part
            if weight
        ]
        self.borders = np.unique([moves.borders + late for late in {late for _, _, late in self.terms}])
        self.swift = float(moves.cruise_v.max()) * sum(abs(weight) for weight, _, _ in self.terms)

    def coordinate(self, t: Array) -> Array:
        total = np.zeros(len(t))
        for weight, axis, late in self.terms:
            total += weight * self.moves.place(t - late, axis)
        return total


class Delta:
    """The height of a carriage over z = 0; `axes` are x, y from the tower, and z."""

    degree = 2

    def __init__(
        self, moves: Trapezoids, tower: tuple[float, float, float], impulses: Iterable[Impulses]
    ) -> None:
        self.tower, parts = tower, list(impulses)
        self.parts = [Linear(moves, np.eye(AXES)[axis], parts) for axis in range(AXES)]
        self.borders = np.unique(np.concatenate([part.borders for part in self.parts]))
        self.swift = sum(part.swift for part in self.parts)

    def axes(self, t: Array) -> Array:
        x, y, z = (part.coordinate(t) for part in self.parts)
        return np.array([x - self.tower[0], y - self.tower[1], z])

    def coordinate(self, t: Array) -> Array:
        x, y, z = self.axes(t)
        return np.asarray(z + np.sqrt(self.tower[2] ** 2 - x * x - y * y))


GAUSS = np.polynomial.legendre.leggauss(3)  # exact up to the fifth degree; the integrand is of the third


class Advanced:
    """Filament plus advance times its speed, averaged under a triangle of the width `smooth_time`, by the integral."""

    degree = 4

    def __init__(self, moves: Trapezoids, smooth_time: float) -> None:
        self.moves, self.half = moves, smooth_time / 2
        inner = moves.borders
        self.inner = np.concatenate([[inner[0] - 3 * smooth_time], inner, [inner[-1] + 1e6]])
        self.borders = np.unique([inner - self.half, inner, inner + self.half])
        advance, speed = moves.direction[1], moves.cruise_v
        self.swift = float(np.max(speed + advance * moves.accel + advance * speed / self.half))

    def wanted(self, t: Array) -> Array:
        move, way, speed = self.moves.along(t)
        rise = self.moves.direction[0][move] * way + self.moves.direction[1][move] * speed
        return np.asarray(self.moves.start[0][move] + rise)

    def coordinate(self, t: Array) -> Array:
        parts = [self.averaged(t[i : i + 4096]) for i in range(0, len(t), 4096)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def averaged(self, t: Array) -> Array:
        """The sum of Gauss's integrals between the borders within each window, the middle being one too."""
        zero = self.moves.place(t, 0)
        total = np.zeros(len(t))
        for low, high in ((t - self.half, t), (t, t + self.half)):
            first = np.searchsorted(self.inner, low, side="right")
            count = np.searchsorted(self.inner, high, side="left") - first + 1
            of = np.repeat(np.arange(len(t)), count)
            number = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + first[of]
            begin = np.maximum(self.inner[number - 1], low[of])
            end = np.minimum(self.inner[np.minimum(number, len(self.inner) - 1)], high[of])
            for node, weight in zip(*GAUSS, strict=True):
                at = (begin + end) / 2 + node * (end - begin) / 2
                value = (self.wanted(at) - zero[of]) * (self.half - np.abs(t[of] - at))
                total += np.bincount(of, weight * (end - begin) / 2 * value, minlength=len(t))
        return zero + total / self.half**2


# Impulses of shapers, each a polynomial in the damping ratio, lowest power first: the time, then the amplitude
# (facts/planner.md). A shaper with a tolerance takes its polynomials at 5 %.
TOLERANCE = 0.05
FITTED = {
    "2hump_ei": """
        0                                     | .16054 .76699  2.2656  -1.2275
        .4989   .1627   -.54262 6.1618        | .33911 .45081 -2.5808   1.7365
        .99748  .18382 -1.5827  8.1712        | .34089 -.61533 -.68765   .42261
        1.4992 -.09297  -.28338 1.8571        | .15997 -.60246 1.0028   -.93145""",
    "3hump_ei": """
        0                                     | .11275  .76632  3.2916  -1.4438
        .49974  .23834   .44559 12.472        | .23698  .61164 -2.5785   4.8522
        .99849  .29808 -2.3646  23.399        | .30008 -.19062 -2.1456    .13744
        1.4987  .10306 -2.0139  17.032        | .23775 -.73297   .46885 -2.0865
        1.9996 -.28231   .61536  5.4045       | .11244 -.45439   .96382 -1.46""",
}


def fitted(name: str, z: float) -> tuple[Any, Any]:
    """Amplitudes, and times in damped periods, of a shaper of the table; its times are in undamped ones."""
    rows = [row.split("|") for row in FITTED[name].strip().splitlines()]
    times, amplitudes = (
        [np.polynomial.polynomial.polyval(z, np.array(row[side].split(), dtype=float)) for row in rows]
        for side in (0, 1)
    )
    return amplitudes, np.array(times) * math.sqrt(1 - z * z)


def tolerant(z: float) -> tuple[Any, Any]:
    """The ei shaper: its outer amplitudes and its middle time are such polynomials, of the tolerance too."""
    powers = np.array([1, TOLERANCE]) @ np.array([[0.24968, 0.80008, 0.49599], [0.24961, 1.23328, 3.17316]])
    first = powers @ z ** np.arange(3)
    powers = np.array([1, TOLERANCE]) @ np.array([[0.25149, -0.83249, 0.85181], [0.21474, 1.41498, -4.90094]])
    last = powers @ z ** np.arange(3)
    of_tolerance = np.array([[0.46159, 8.57843], [4.26169, -108.644], [1.75601, 336.989]])
    inner = TOLERANCE * (of_tolerance @ np.array([1, TOLERANCE])) @ np.array([z, z**2, z**3])
    return [first, 1 - first - last, last], [0, 0.4999 + inner, 1]


def fade(z: float, periods: float) -> float:
    """What a damped vibration keeps over so many of its half periods."""
    return math.exp(-periods * z * math.pi / math.sqrt(1 - z * z))


def middle(z: float) -> tuple[Any, Any]:
    """mzv."""
    k, outer = fade(z, 0.75), 1 - 1 / math.sqrt(2)
    return [outer, (math.sqrt(2) - 1) * k, outer * k * k], [0, 0.375, 0.75]


SHAPERS: dict[str, Callable[[float], tuple[Any, Any]]] = {
    "zv": lambda z: ([1, fade(z, 1)], [0, 0.5]),
    "zvd": lambda z: ([1, 2 * fade(z, 1), fade(z, 1) ** 2], [0, 0.5, 1]),
    "mzv": middle,
    "ei": tolerant,
    "2hump_ei": lambda z: fitted("2hump_ei", z),
    "3hump_ei": lambda z: fitted("3hump_ei", z),
}


def impulses_of(name: str, frequency: float, damping: float) -> Impulses:
    """A shaper's impulses: sum of amplitudes 1, mean time 0; "none": one impulse."""
    if name == "none":
        return ALONE
    amplitudes, times = (np.array(row, dtype=float) for row in SHAPERS[name](damping))
    amplitudes /= amplitudes.sum()
    times /= frequency * math.sqrt(1 - damping**2)
    times -= amplitudes @ times
    return list(zip(amplitudes.tolist(), times.tolist(), strict=True))
