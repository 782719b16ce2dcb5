"""Where a stepper truly is whose coordinate is any function of place, in numpy, by formulas apart from the core.

A shape has the coordinate of places, and its slope by x, y, z. A motion goes through places whose axes are quadratics
between borders; where it turns round is looked for among many places of each piece.
"""

import math
from collections.abc import Iterable
from typing import Protocol

import numpy as np

from tests.motion_crossings import Curves, derivative, polynomial, through
from tests.motion_truth import AXES, Array, Impulses, Linear, Trapezoids

SAMPLES = np.linspace(-1, 1, 33)
HALVINGS = 55


class Shape(Protocol):
    """`steepest`: what the coordinate changes by for a mm, at most, where tests go."""

    steepest: float
    turning: bool  # the coordinate is an angle about the middle, which goes on over full turns

    def value(self, place: Array) -> Array: ...

    def slope(self, place: Array) -> Array: ...


class Cable:
    """The length of a cable to an anchor; `axes` 2: the distance from an upright line."""

    turning, steepest = False, 1.0

    def __init__(self, anchor: tuple[float, float, float], axes: int = AXES) -> None:
        self.anchor = np.array(anchor)[:, None]
        self.mask = (np.arange(AXES) < axes)[:, None]

    def value(self, place: Array) -> Array:
        return np.asarray(np.linalg.norm((place - self.anchor) * self.mask, axis=0))

    def slope(self, place: Array) -> Array:
        return np.asarray((place - self.anchor) * self.mask / self.value(place))


class Angle:
    """Of a place about the middle."""

    turning, steepest = True, 1.0

    def value(self, place: Array) -> Array:
        return np.asarray(np.arctan2(place[1], place[0]))

    def slope(self, place: Array) -> Array:
        return np.asarray(np.array([-place[1], place[0], 0 * place[2]]) / (place[0] ** 2 + place[1] ** 2))


class Lean:
    """The height of a carriage whose arm leans in the plane of x and z."""

    turning, steepest = False, 4.0

    def __init__(self, tower: float, arm: float) -> None:
        self.tower, self.arm = tower, arm

    def height(self, place: Array) -> Array:
        return np.asarray(np.sqrt(self.arm**2 - (place[0] - self.tower) ** 2))

    def value(self, place: Array) -> Array:
        return np.asarray(place[2] + self.height(place))

    def slope(self, place: Array) -> Array:
        one = np.ones(place.shape[1])
        return np.array([-(place[0] - self.tower) / self.height(place), 0 * one, one])


class Shoulder:
    """The angle of an upper arm, the outer of the two: tan(angle / 2) = (a +- root) / (b + c)."""

    turning, steepest = False, 0.05

    def __init__(self, radius: float, height: float, upper: float, lower: float, direction: float) -> None:
        self.joint = np.array([radius * math.cos(direction), radius * math.sin(direction), height])[:, None]
        self.out = np.array([math.cos(direction), math.sin(direction), 0.0])
        self.upper, self.lower = upper, lower

    def value(self, place: Array) -> Array:
        arm = place - self.joint
        b, a = self.out @ arm, arm[2]
        c = ((arm * arm).sum(axis=0) + self.upper**2 - self.lower**2) / (2 * self.upper)
        root = np.sqrt(a * a + b * b - c * c)
        both = [2 * np.arctan2(a + sign * root, b + c) for sign in (-1, 1)]
        both = [np.where(angle > math.pi, angle - 2 * math.pi, angle) for angle in both]
        both = [np.where(angle < -math.pi, angle + 2 * math.pi, angle) for angle in both]
        return np.asarray(np.where(np.cos(both[0]) > np.cos(both[1]), both[0], both[1]))

    def slope(self, place: Array) -> Array:
        angle = self.value(place)
        along = self.out[:, None] * np.cos(angle) + np.array([0, 0, 1])[:, None] * np.sin(angle)
        across = np.array([0, 0, 1])[:, None] * np.cos(angle) - self.out[:, None] * np.sin(angle)
        lower = place - self.joint - self.upper * along
        return np.asarray(lower / (self.upper * (lower * across).sum(axis=0)))


class Bent:
    """A motion through places, seen by a shape."""

    degree = 2

    def __init__(self, moves: Trapezoids, shape: Shape, impulses: Iterable[Impulses]) -> None:
        self.shape, parts = shape, list(impulses)
        self.parts = [Linear(moves, np.eye(AXES)[axis], parts) for axis in range(AXES)]
        self.borders = np.unique(np.concatenate([part.borders for part in self.parts]))
        self.swift = shape.steepest * sum(part.swift for part in self.parts)
        self.begins = self.places(self.borders)
        turned = self.turned(self.begins[:, 1:], np.arange(len(self.borders) - 1))
        self.base = shape.value(self.begins[:, :1])[0] + np.concatenate([[0.0], np.cumsum(turned)])

    def places(self, t: Array) -> Array:
        return np.array([part.coordinate(t) for part in self.parts])

    def turned(self, place: Array, piece: Array) -> Array:
        """The angle about the middle since the beginning of a piece."""
        x, y, _ = self.begins[:, piece]
        return np.asarray(np.arctan2(x * place[1] - y * place[0], x * place[0] + y * place[1]))

    def seen(self, place: Array, piece: Array) -> Array:
        """The coordinate of a place in a piece."""
        if self.shape.turning:
            return np.asarray(self.base[piece] + self.turned(place, piece))
        return self.shape.value(place)

    def coordinate(self, t: Array) -> Array:
        piece = np.clip(np.searchsorted(self.borders, t, side="right") - 1, 0, len(self.borders) - 2)
        return self.seen(self.places(t), piece)

    def curves(self) -> "BentCurves":
        return BentCurves(self)


class BentCurves(Curves):
    """A motion's places as polynomials between its borders."""

    def __init__(self, motion: Bent) -> None:
        self.motion, borders = motion, motion.borders
        self.half, self.centre = np.diff(borders) / 2, (borders[1:] + borders[:-1]) / 2
        rows = motion.places(np.concatenate([borders, self.centre]))
        self.axes = [through(self.rows(row, len(borders))) for row in rows]
        pieces = np.append(np.arange(len(borders) - 1), len(borders) - 2)
        self.at_borders = motion.seen(rows[:, : len(borders)], pieces)

    def at(self, curve: Array, s: Array) -> tuple[Array, Array]:
        parts = [axis[:, curve] for axis in self.axes]
        place = np.array([polynomial(part, s) for part in parts])
        speed = np.array([polynomial(derivative(part), s) for part in parts])
        return self.motion.seen(place, curve), (self.motion.shape.slope(place) * speed).sum(axis=0)

    def turns(self) -> tuple[Array, Array]:
        pieces = np.arange(len(self.half))
        speeds = np.array([self.at(pieces, np.full(len(pieces), s))[1] for s in SAMPLES])
        sample, curve = np.nonzero(speeds[1:] * speeds[:-1] < 0)
        low, high, rising = SAMPLES[sample], SAMPLES[sample + 1], speeds[sample, curve] < 0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            before = (self.at(curve, middle)[1] < 0) == rising
            low, high = np.where(before, middle, low), np.where(before, high, middle)
        return curve, (low + high) / 2
