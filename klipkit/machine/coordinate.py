"""Positions as macros and clients see them: x, y, z of the toolhead and e of the filament, mm."""

from collections.abc import Sequence
from typing import NamedTuple


class Coordinate(NamedTuple):
    """A list of four numbers in JSON; `.x` and so on in macros."""

    x: float
    y: float
    z: float
    e: float


def coordinate(numbers: Sequence[float]) -> Coordinate:
    """Of three numbers or four; without a fourth the filament is at 0."""
    x, y, z, e = (*numbers, 0.0)[:4]
    return Coordinate(x, y, z, e)
