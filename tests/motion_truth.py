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


def humps(times: list[list[float]], amplitudes: list[list[float]]) -> Callable[[float], tuple[Any, Any]]:
    """Impulses by polynomials in the damping ratio z, lowest power first; times in undamped periods."""

    def of(z: float) -> tuple[Any, Any]:
        root = math.sqrt(1 - z * z)
        polynomial = np.polynomial.polynomial.polyval
        return (
            [polynomial(z, row) for row in amplitudes],
            [polynomial(z, row) * root for row in times],
        )

    return of


def tolerant(z: float) -> tuple[Any, Any]:
    """The ei shaper with 5 % left."""
    w = 0.05
    a1 = 0.24968 + 0.24961 * w + ((0.80008 + 1.23328 * w) + (0.49599 + 3.17316 * w) * z) * z
    a3 = 0.25149 + 0.21474 * w + ((-0.83249 + 1.41498 * w) + (0.85181 - 4.90094 * w) * z) * z
    inner = ((4.26169 - 108.644 * w) * w) + ((1.75601 + 336.989 * w) * w) * z
    t2 = 0.4999 + (((0.46159 + 8.57843 * w) * w) + inner * z) * z
    return [a1, 1 - a1 - a3, a3], [0, t2, 1]


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
    "2hump_ei": humps(
        [
            [0],
            [0.49890, 0.16270, -0.54262, 6.16180],
            [0.99748, 0.18382, -1.58270, 8.17120],
            [1.49920, -0.09297, -0.28338, 1.85710],
        ],
        [
            [0.16054, 0.76699, 2.26560, -1.22750],
            [0.33911, 0.45081, -2.58080, 1.73650],
            [0.34089, -0.61533, -0.68765, 0.42261],
            [0.15997, -0.60246, 1.00280, -0.93145],
        ],
    ),
    "3hump_ei": humps(
        [
            [0],
            [0.49974, 0.23834, 0.44559, 12.4720],
            [0.99849, 0.29808, -2.36460, 23.3990],
            [1.49870, 0.10306, -2.01390, 17.0320],
            [1.99960, -0.28231, 0.61536, 5.40450],
        ],
        [
            [0.11275, 0.76632, 3.29160, -1.44380],
            [0.23698, 0.61164, -2.57850, 4.85220],
            [0.30008, -0.19062, -2.14560, 0.13744],
            [0.23775, -0.73297, 0.46885, -2.08650],
            [0.11244, -0.45439, 0.96382, -1.46000],
        ],
    ),
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
