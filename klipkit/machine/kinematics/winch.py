"""Cable winches: cables from anchors in space hold the toolhead (motion/winch.c).

It cannot be homed: it is moved to 0, 0, 0 by hand, and G28 says that it is there. It may go anywhere.
"""

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

from klipkit._core import lib
from klipkit.base.declare import option, options, section, when
from klipkit.base.schema import Loaded
from klipkit.base.values import number
from klipkit.machine.config import LinearStepperOptions, PrinterConfig
from klipkit.machine.kinematics.kind import (
    FLAT,
    TOGETHER,
    Endstops,
    Kind,
    Motor,
    Place,
    cross,
    length,
    met,
    minus,
    nowhere,
    plus,
    solved,
)

WINCH = when("printer", "kinematics", "winch")
NAMES = tuple(f"stepper_{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
LEAST = 3
ROUNDS = 4  # of Newton's iteration over all cables, from where the first three meet


@options()
class WinchStepper(LinearStepperOptions):
    """A winch: its stepper, and where its cable comes from."""

    anchor_x: float = option(number(), "Where the cable comes from.", unit="mm")
    anchor_y: float = option(number(), "Where the cable comes from.", unit="mm")
    anchor_z: float = option(number(), "Where the cable comes from.", unit="mm")


@section(*NAMES[:LEAST], required=True, roles=["stepper"], when=WINCH)
class WinchConfig(WinchStepper):
    """One of the first three winches."""


@section(*NAMES[LEAST:], roles=["stepper"], when=WINCH)
class MoreWinchConfig(WinchStepper):
    """One more winch."""


def _motors(loaded: Loaded) -> list[Motor]:
    winches = [*loaded.all(WinchConfig), *loaded.all(MoreWinchConfig)]
    by_name = sorted(winches, key=lambda winch: winch.source.name)
    return [
        Motor(one.source.name, one, "winch", (one.anchor_x, one.anchor_y, one.anchor_z)) for one in by_name
    ]


def _bound(bounds: Any, loaded: Loaded, printer: PrinterConfig) -> None:
    bounds.kind = lib.BOUNDS_NONE


def _forward(loaded: Loaded, places: Mapping[str, float]) -> Place:
    """Where three cables meet, on the side that fits the others best, then nearest to all of their lengths."""
    motors = _motors(loaded)
    anchors: list[Place] = [(at[0], at[1], at[2]) for at in (motor.geometry for motor in motors)]
    cables = [places[motor.name] for motor in motors]

    def misses(at: Place) -> list[float]:
        return [cable - length(minus(at, anchor)) for anchor, cable in zip(anchors, cables, strict=True)]

    three = next((some for some in combinations(range(len(anchors)), 3) if _spread(anchors, some)), None)
    if three is None:
        raise nowhere()
    both = met([anchors[one] for one in three], [cables[one] for one in three])
    at = min(both, key=lambda one: sum(miss * miss for miss in misses(one)))
    for _ in range(ROUNDS if len(anchors) > LEAST else 0):
        rows = [minus(at, anchor) for anchor in anchors]
        step = solved(rows, [miss * length(row) for miss, row in zip(misses(at), rows, strict=True)])
        at = at if step is None else plus(at, step)
    return at


def _spread(anchors: list[Place], three: tuple[int, ...]) -> bool:
    """Whether three anchors are not in one line."""
    first, second, third = (anchors[one] for one in three)
    one, other = minus(second, first), minus(third, first)
    return length(cross(one, other)) > math.sqrt(FLAT) * length(one) * length(other)


WINCH_KIND = Kind(
    motors=_motors,
    bound=_bound,
    endstops=lambda loaded: Endstops((0.0, 0.0, 0.0), TOGETHER),
    forward=_forward,
)
