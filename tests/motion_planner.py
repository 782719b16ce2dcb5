"""A look-ahead of the tests' own: the whole path planned at once, from the planner's rules, in plain Python.

Nothing is committed early here, so it also tells whether the core's early commits change anything.
"""

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Limits:
    velocity: float = 200.0
    accel: float = 3000.0
    corner: float = 5.0
    ratio: float = 0.5


@dataclass
class Leg:
    """One move: asked for, limited when it was queued, planned."""

    start: Point
    end: Point
    filament: float
    velocity: float
    accel: float
    limits: Limits
    alone: bool = False  # filament only
    most_v2: float = 0.0
    start_most: float = 0.0
    smooth_most: float = 0.0
    start_v2: float = 0.0
    cruise_v2: float = 0.0
    end_v2: float = 0.0
    unit: list[float] = field(default_factory=list)
    length: float = 0.0

    def __post_init__(self) -> None:
        self.length = math.sqrt(sum((b - a) ** 2 for a, b in zip(self.start, self.end, strict=True)))
        self.alone = self.length < 1e-9
        if self.alone:
            self.length = abs(self.filament)
            self.unit = [0.0, 0.0, 0.0]
        else:
            self.unit = [(b - a) / self.length for a, b in zip(self.start, self.end, strict=True)]
            self.velocity = min(self.velocity, self.limits.velocity)
            self.accel = min(self.accel, self.limits.accel)
        self.most_v2 = self.velocity**2

    @property
    def change(self) -> float:
        """Of v2 over the move, at most."""
        return 2 * self.length * self.accel

    @property
    def smooth_change(self) -> float:
        return min(self.change, 2 * self.length * self.limits.accel * (1 - self.limits.ratio))

    @property
    def deviation(self) -> float:
        return self.limits.corner**2 * (math.sqrt(2) - 1) / self.limits.accel

    @property
    def rate(self) -> float:
        return self.filament / self.length

    @property
    def time(self) -> float:
        start, cruise, end = (math.sqrt(v2) for v2 in (self.start_v2, self.cruise_v2, self.end_v2))
        up, down = (cruise - start) / self.accel, (cruise - end) / self.accel
        way = (cruise + start) / 2 * up + (cruise + end) / 2 * down
        return up + down + max(0.0, self.length - way) / cruise


def angle_between(before: Leg, after: Leg) -> float:
    """Between the lines of both moves, in their corner; pi: straight on."""
    cross = np.linalg.norm(np.cross(before.unit, after.unit))
    return math.atan2(float(cross), -float(np.dot(before.unit, after.unit)))


def corner_v2(before: Leg, after: Leg) -> float:
    """By half the angle in the corner. A cosine's rounding is a hundred-millionth of a sine: to go straight back has
    a speed of some 1e-4 mm/s, which the plan must know."""
    cosine_of_all = 0.0
    for a, b in zip(before.unit, after.unit, strict=True):
        cosine_of_all -= a * b
    sine, cosine = (math.sqrt(max(0.0, (1 + side * cosine_of_all) / 2)) for side in (-1, 1))
    if sine >= 1 or cosine == 0:
        return math.inf
    arc = min(leg.deviation * leg.accel for leg in (before, after)) * sine / (1 - sine)
    return min(arc, min(before.change, after.change) * sine / cosine / 4)


def join(before: Leg, after: Leg, filament_corner: float) -> None:
    if before.alone or after.alone:
        return
    allowed = [before.most_v2, after.most_v2, before.start_most + before.change, corner_v2(before, after)]
    if before.rate != after.rate:
        allowed.append((filament_corner / (after.rate - before.rate)) ** 2)
    after.start_most = min(allowed)
    after.smooth_most = min(after.start_most, before.smooth_most + before.smooth_change)


def plan(legs: list[Leg], filament_corner: float = 1.0) -> list[Leg]:
    """Start, cruise and end speeds of all, from standstill to standstill."""
    for before, after in pairwise(legs):
        join(before, after, filament_corner)
    next_start, next_smooth, peak = 0.0, 0.0, 0.0
    waiting: list[Leg] = []
    for leg in reversed(legs):
        reach, smooth_reach = next_start + leg.change, next_smooth + leg.smooth_change
        leg.end_v2, leg.start_v2 = next_start, min(leg.start_most, reach)
        smooth_start = min(leg.smooth_most, smooth_reach)
        if smooth_start < smooth_reach:
            if waiting or smooth_start + leg.smooth_change > next_smooth:
                peak, waiting = (smooth_start + smooth_reach) / 2, []
            leg.cruise_v2 = min((leg.start_v2 + reach) / 2, leg.most_v2, peak)
        else:
            leg.cruise_v2 = math.nan
            waiting.append(leg)
        next_start, next_smooth = leg.start_v2, smooth_start
    before_v2 = math.inf
    for leg in legs:
        if math.isnan(leg.cruise_v2):
            leg.cruise_v2 = min(before_v2, leg.start_v2)
        leg.start_v2, leg.end_v2 = min(leg.start_v2, leg.cruise_v2), min(leg.end_v2, leg.cruise_v2)
        before_v2 = leg.cruise_v2
    return legs
