"""Moves that try a machine's motors: fast towards the endstops, slowly back.

A motor that is overtaxed falls behind in the direction in which it turns. There and back at the same speed it loses
as much each way, and stands in the end where it should. When it falls behind on the way to its endstop, it is farther
from that than the host thinks: homing finds it, and nothing runs into the end.
"""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SHARE = 0.8  # of the way of an axis, in the middle of it
RANDOM = 24  # places
LIFT = 5.0  # mm over the endstop of Z
SLOW = 0.25  # of the speed and the acceleration, on the way back
MINUTE = 60  # s
X, Y, Z = 0, 1, 2

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the toolhead may be moved, and where it stands when it is homed; mm. `height`: Z of the moves."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    homed: tuple[float, float, float]
    height: float

    def way(self, axis: int) -> tuple[float, float]:
        """The ends of the moves along an axis: far from the endstop, and near it."""
        low, high = self.low[axis], self.high[axis]
        middle, half = (low + high) / 2, SHARE * (high - low) / 2
        near = math.copysign(half, self.homed[axis] - middle)
        return middle - near, middle + near


def reach_of(toolhead: Mapping[str, Any]) -> Reach:
    """By the object `toolhead`, after homing. A round bed has its reach made square."""
    low, high = list(toolhead["axis_minimum"][:3]), list(toolhead["axis_maximum"][:3])
    homed = toolhead["position"]
    height = homed[Z]
    if toolhead["cone_start_z"] is not None:
        low[:2], high[:2] = (
            [each * math.sqrt(0.5) for each in low[:2]],
            [each * math.sqrt(0.5) for each in high[:2]],
        )
        height = min(height, max(low[Z], toolhead["cone_start_z"]) / 2)
    elif height < (low[Z] + high[Z]) / 2:
        height = min(height + LIFT, high[Z])
    return Reach(
        (low[0], low[1], low[2]), (high[0], high[1], high[2]), (homed[0], homed[1], homed[2]), height
    )


def limits(velocity: float, accel: float) -> str:
    """The command that sets them."""
    return f"SET_VELOCITY_LIMIT VELOCITY={velocity:.4f} ACCEL={accel:.4f}"


def leg(reach: Reach, axis: int, velocity: float, accel: float, slow: tuple[float, float]) -> list[str]:
    """One axis from its far end to the near one, fast; there at the speed and acceleration `slow`."""
    far, near = reach.way(axis)
    letter = "XYZ"[axis]
    feed = f"F{slow[0] * MINUTE:.2f}"
    height = [] if axis == Z else [f"G1 Z{reach.height:.4f} {feed}"]
    return [
        "G90",
        limits(*slow),
        *height,
        f"G1 {letter}{far:.4f} {feed}",
        limits(velocity, accel),
        f"G1 {letter}{near:.4f} F{velocity * MINUTE:.2f}",
        limits(*slow),
        "M400",
    ]


def tour(reach: Reach, velocity: float, accel: float, seed: int) -> list[str]:
    """Along the envelope, over the corners, and to random places; there fast, back to the beginning slowly."""
    slow = (velocity * SLOW, accel * SLOW)
    (left, right), (front, back) = reach.way(X), reach.way(Y)
    begin = (left, front)
    lines = ["G90", limits(*slow), f"G1 Z{reach.height:.4f} F{slow[0] * MINUTE:.2f}", _to(begin, slow[0])]
    envelope = [(right, front), (right, back), (left, back), begin]
    trips: list[list[Place]] = [[(right, front)], [(left, back)], [(right, back)], envelope[:2], envelope[:3]]
    draw = random.Random(seed)
    trips.append([(draw.uniform(left, right), draw.uniform(front, back)) for _ in range(RANDOM)])
    for trip in trips:
        lines += [limits(velocity, accel), *(_to(place, velocity) for place in trip)]
        lines += [limits(*slow), _to(begin, slow[0])]
    lines += _upright(reach, velocity, accel, slow)
    return [*lines, "M400"]


def _upright(reach: Reach, velocity: float, accel: float, slow: tuple[float, float]) -> Iterator[str]:
    """Z by a little: slowly away from its endstop, and fast back."""
    away = -1 if reach.homed[Z] > (reach.low[Z] + reach.high[Z]) / 2 else 1
    yield f"G1 Z{reach.height + away * 2 * LIFT:.4f} F{slow[0] * MINUTE * SLOW:.2f}"
    yield limits(velocity, accel)
    yield f"G1 Z{reach.height:.4f} F{velocity * MINUTE:.2f}"
    yield limits(*slow)


def _to(place: Place, speed: float) -> str:
    return f"G1 X{place[0]:.4f} Y{place[1]:.4f} F{speed * MINUTE:.2f}"
