"""When a motion truly crosses the half-way points between whole steps, and what is left of that by the rule of grazes.

    q |        __turn__             The motion is cut at its borders into curves, these where they turn round: parts of
      |   ----/--------\\---- n+1/2   one direction. A stepper at n steps when q reaches n +- 1/2: the whole step after
      |      /          \\           each part is known from q at its end, then each level is looked for in its part.
      +--------------------- t

Curves are polynomials of s = -1 .. 1 through values of the motion's formula. Whether a level is reached that lies
within 1e-9 mm (or 1e-7 steps) of a turn is left open: those are the `doubts`, each answered by itself.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from tests.motion_truth import AXES, Array, Delta, Motion

GRAZE = 750e-6  # s
DOUBT_MM, DOUBT_STEPS = 1e-9, 1.01e-7
DOUBT_S = 1e-8  # of a graze's time
MISS_MOST = 1e-10  # mm; how far a crossing found may be from its level, by the formula
CHUNK = 1 << 16
Answers = frozenset[tuple[str, int]]


def polynomial(c: Array, s: Array) -> Array:
    """Rows of c: lowest power first; columns go with s."""
    value: Array = np.zeros(s.shape)
    for row in c[::-1]:
        value = value * s + row
    return value


def derivative(c: Array) -> Array:
    return np.asarray(c[1:] * np.arange(1, len(c))[:, None])


def product(a: Array, b: Array) -> Array:
    out = np.zeros((len(a) + len(b) - 1, a.shape[1]))
    for i, row in enumerate(a):
        out[i : i + len(b)] += row * b
    return out


def bernstein(degree: int) -> Array:
    """From coefficients of s in -1 .. 1 to those whose signs bound the polynomial's."""
    line = [np.polynomial.Polynomial([-1.0, 2.0]) ** k for k in range(degree + 1)]
    to_unit = np.zeros((degree + 1, degree + 1))
    for k, power in enumerate(line):
        to_unit[: k + 1, k] = power.coef
    some = range(degree + 1)
    choose = np.array([[math.comb(j, i) / math.comb(degree, i) for i in some] for j in some])
    return np.asarray(choose @ to_unit)


def roots(c: Array) -> Array:
    """Where polynomials may change their signs in -1 .. 1, in rows; other places may be among them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if len(c) == 2:
            return np.asarray(np.clip(np.nan_to_num(-c[0] / c[1], nan=1.0), -1, 1)[None])
    one = np.ones((1, c.shape[1]))
    turns = np.vstack([-one, roots(derivative(c)), one])
    low, high = turns[:-1], turns[1:]
    at_low, at_high = polynomial(c, low), polynomial(c, high)
    changes = at_low * at_high < 0
    for _ in range(55):
        middle = (low + high) / 2
        before = polynomial(c, middle) * at_low > 0
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return np.sort(np.where(changes, high, turns[1:]), axis=0)


def sign_changes(c: Array) -> tuple[Array, Array]:
    """Columns and places of them."""
    signs = bernstein(len(c) - 1) @ c
    suspect = np.flatnonzero(~((signs >= 0).all(axis=0) | (signs <= 0).all(axis=0)))
    found = roots(c[:, suspect])
    column = np.broadcast_to(suspect, found.shape)
    inside = np.abs(found) < 1
    return column[inside], found[inside]


def through(values: Array) -> Array:
    """The polynomials of s through values at -1, 0, 1, or at five nodes of Chebyshev's."""
    nodes = np.sin(np.pi / 2 * np.linspace(-1, 1, len(values)))
    inverse = np.linalg.inv(np.vander(nodes, increasing=True))
    centre = values[len(values) // 2]
    c = inverse @ (values - centre)
    c[0] += centre
    return np.asarray(c)


class Curves:
    """A motion between its borders, in mm; rows are powers of s, columns pieces of time."""

    def __init__(self, motion: Motion) -> None:
        borders = motion.borders
        self.half, self.centre = np.diff(borders) / 2, (borders[1:] + borders[:-1]) / 2
        self.arm2 = motion.tower[2] ** 2 if isinstance(motion, Delta) else 0.0
        nodes = np.sin(np.pi / 2 * np.linspace(-1, 1, motion.degree + 1))[1:-1]
        times = np.concatenate([borders, *(self.centre + node * self.half for node in nodes)])
        if isinstance(motion, Delta):
            sets = [through(self.rows(row, len(borders))) for row in motion.axes(times)]
            self.c, self.xy = sets[AXES - 1], sets[: AXES - 1]
            self.at_borders = motion.coordinate(borders)
        else:
            values = motion.coordinate(times)
            self.c, self.xy = through(self.rows(values, len(borders))), []
            self.at_borders = values[: len(borders)]

    @staticmethod
    def rows(values: Array, borders: int) -> Array:
        """Values at each curve's nodes, from those at the borders and then at the inner nodes, node by node."""
        ends, inner = values[:borders], values[borders:].reshape(-1, borders - 1)
        return np.vstack([ends[:-1], inner, ends[1:]])

    def at(self, curve: Array, s: Array) -> tuple[Array, Array]:
        """The coordinate and its derivative by s."""
        c = self.c[:, curve]
        p, v = polynomial(c, s), polynomial(derivative(c), s)
        if self.arm2:
            axes = [self.xy[axis][:, curve] for axis in range(2)]
            x, y = (polynomial(axis, s) for axis in axes)
            vx, vy = (polynomial(derivative(axis), s) for axis in axes)
            height = np.sqrt(self.arm2 - x * x - y * y)
            p, v = p + height, v - (x * vx + y * vy) / height
        return p, v

    def turns(self) -> tuple[Array, Array]:
        """Curves and places where they may turn round.

        A delta's: z' h = x x' + y y', with h the height of the arm; also where the right side is 0, for a z' so
        small that its square is lost.
        """
        rise = derivative(self.c)
        if not self.arm2:
            return sign_changes(rise)
        x, y = self.xy
        radial = product(x, derivative(x)) + product(y, derivative(y))
        height2 = -product(x, x) - product(y, y)
        height2[0] += self.arm2
        both = [
            sign_changes(radial),
            sign_changes(product(product(rise, rise), height2) - product(radial, radial)),
        ]
        return np.concatenate([a for a, _ in both]), np.concatenate([b for _, b in both])


@dataclass
class Parts:
    """Parts of one direction in order of time: curve, place where each begins and ends, coordinate there in steps."""

    curve: Array
    low: Array
    high: Array
    q: Array  # one more than parts

    @staticmethod
    def of(curves: Curves, zero: float, distance: float) -> "Parts":
        curve, place = curves.turns()
        all_curves = np.concatenate([np.arange(len(curves.half)), curve])
        all_places = np.concatenate([-np.ones(len(curves.half)), place])
        order = np.lexsort((all_places, all_curves))
        curve, low = all_curves[order], all_places[order]
        goes_on = np.append(curve[1:] == curve[:-1], False)
        high = np.where(goes_on, np.append(low[1:], 1.0), 1.0)
        begins = low == -1
        p = np.where(begins, curves.at_borders[curve], curves.at(curve, low)[0])
        q = (np.append(p, curves.at_borders[-1]) - zero) / distance
        return Parts(curve, low, high, q)


@dataclass
class Doubt:
    """What hangs on less than can be known: at which time, and which turn or pair."""

    time: float
    key: tuple[str, int]


@dataclass
class Crossings:
    """True crossings: print times, directions, levels in steps; those that grazed are dropped."""

    time: Array
    direction: Array
    level: Array
    doubts: list[Doubt] = field(default_factory=list)
    dropped: int = 0


@dataclass
class Raw:
    """Crossings before grazes are dropped, and the part in which each is."""

    part: Array
    time: Array
    direction: Array
    level: Array


class Solver:
    """The crossings of one motion. `answers`: doubts to be answered the other way."""

    def __init__(self, motion: Motion, zero: float, distance: float, curves: Curves | None = None) -> None:
        self.motion, self.zero, self.distance = motion, zero, distance
        self.curves = curves or Curves(motion)
        self.parts = Parts.of(self.curves, zero, distance)
        self.doubt = max(DOUBT_MM / distance, DOUBT_STEPS)

    def crossings(self, answers: Answers = frozenset()) -> Crossings:
        part, direction, level, doubts = self.levels(answers)
        pieces = [slice(i, i + CHUNK) for i in range(0, len(part), CHUNK)]
        times = [self.when(part[i], direction[i], level[i], len(doubts)) for i in pieces]
        raw = Raw(part, np.concatenate([np.zeros(0), *times]), direction, level)
        kept, more = self.without_grazes(raw, answers)
        dropped = int(np.count_nonzero(~kept))
        return Crossings(raw.time[kept], direction[kept], level[kept], doubts + more, dropped)

    def end_of(self, part: int) -> float:
        """The print time at which a part begins."""
        curve = self.parts.curve[part]
        return float(self.curves.centre[curve] + self.parts.low[part] * self.curves.half[curve])

    def levels(self, answers: Answers) -> tuple[Array, Array, Array, list[Doubt]]:
        """Which part crosses which levels: the whole step follows the turns, as a pin with some play."""
        q = self.parts.q
        way = np.sign(np.diff(q)).astype(int)
        moving = np.flatnonzero(way)
        turns = moving[np.flatnonzero(np.diff(way[moving], prepend=0))]  # first part of each stretch
        ends = np.append(turns[1:], len(way))
        before, after = np.zeros(len(way), dtype=np.int64), np.zeros(len(way), dtype=np.int64)
        at, doubts = 0, []
        for first, end in zip(turns.tolist(), ends.tolist(), strict=True):
            up, peak = int(way[first]), float(q[end])
            clear = peak * up + 0.5
            if abs(clear - round(clear)) < self.doubt:
                key = ("turn", end)
                doubts.append(Doubt(self.end_of(end) if end < len(way) else np.inf, key))
                clear = round(clear) + (0.5 if key in answers else -0.5)
            top = max(at * up, int(np.floor(clear)))
            after[first:end] = up * np.clip(np.floor(up * q[first + 1 : end + 1] + 0.5), at * up, top)
            after[end - 1] = top * up
            before[first] = at
            before[first + 1 : end] = after[first : end - 1]
            at = top * up
        count = np.abs(after - before)
        part = np.repeat(np.arange(len(way)), count)
        number = np.arange(len(part)) - np.repeat(np.cumsum(count) - count, count)
        direction = np.sign(after - before)[part]
        return part, direction, before[part] + direction * (number + 0.5), doubts

    def when(self, part: Array, direction: Array, level: Array, doubts: int) -> Array:
        """Newton's iteration between brackets, each level in its part."""
        parts, curves = self.parts, self.curves
        curve, target = parts.curve[part], level * self.distance + self.zero
        low, high, s = parts.low[part].copy(), parts.high[part].copy(), np.empty(len(part))
        begin, end = parts.q[part], parts.q[part + 1]
        s[:] = low + (high - low) * np.clip((level - begin) / (end - begin), 0, 1)
        half, left = curves.half[curve], np.arange(len(part))
        for _ in range(100):
            p, v = curves.at(curve[left], s[left])
            f = (p - target[left]) * direction[left]
            ahead = f > 0
            high[left], low[left] = np.where(ahead, s[left], high[left]), np.where(ahead, low[left], s[left])
            with np.errstate(divide="ignore", invalid="ignore"):
                new = s[left] - f / (v * direction[left])
            inside = (new >= low[left]) & (new <= high[left])
            new = np.where(inside, new, (low[left] + high[left]) / 2)
            step = np.abs(new - s[left]) * half[left]
            s[left] = new
            left = left[step > 1e-14]
            if not len(left):
                break
        miss = np.abs(curves.at(curve, s)[0] - target)
        assert np.count_nonzero(miss > MISS_MOST) <= doubts
        return np.asarray(curves.centre[curve] + s * half)

    def without_grazes(self, raw: "Raw", answers: Answers) -> tuple[Array, list[Doubt]]:
        """Which crossings are left when pairs there and back are dropped that were too quick and too short."""
        kept = np.ones(len(raw.time), dtype=bool)
        doubts: list[Doubt] = []
        turned = np.flatnonzero((np.diff(raw.direction) != 0) & (np.diff(raw.time) < GRAZE + DOUBT_S))
        for there in turned.tolist():
            back = there + 1
            while there >= 0 and not kept[there]:
                there -= 1
            if there >= 0 and self.is_graze(raw, there, back, answers, doubts):
                kept[there] = kept[back] = False
        return kept, doubts

    def is_graze(self, raw: "Raw", there: int, back: int, answers: Answers, doubts: list[Doubt]) -> bool:
        direction, apart = raw.direction[there], raw.time[back] - raw.time[there]
        if direction == raw.direction[back] or apart >= GRAZE + DOUBT_S:
            return False
        q = self.parts.q[raw.part[there] + 1 : raw.part[back] + 1]
        short = float(np.max((q - raw.level[there]) * direction)) - 0.5
        grazes = bool(apart < GRAZE and short < -self.doubt)
        if abs(apart - GRAZE) < DOUBT_S or abs(short) <= self.doubt:
            doubts.append(Doubt(float(raw.time[back]), ("pair", back)))
            grazes ^= ("pair", back) in answers
        return grazes
