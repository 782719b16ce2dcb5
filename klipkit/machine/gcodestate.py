"""What G-code has set of coordinates and speeds, kept and given back: SAVE_GCODE_STATE, a pause."""

from dataclasses import dataclass
from typing import Any

from klipkit.machine.coordinate import Coordinate, coordinate

E = 3


@dataclass(frozen=True, slots=True)
class GcodeState:
    """Modes, origins, factors and speed, and the position at that time."""

    is_relative: int
    is_relative_e: int
    position: Coordinate
    origin: Coordinate
    offset: Coordinate
    feed: float
    speed_factor: float
    extrude_factor: float


def saved(moves: Any) -> GcodeState:
    """The state of a `struct moves` (machine/moves.h) now."""
    return GcodeState(
        moves.is_relative,
        moves.is_relative_e,
        coordinate(list(moves.position)),
        coordinate(list(moves.origin)),
        coordinate(list(moves.offset)),
        moves.feed,
        moves.speed_factor,
        moves.extrude_factor,
    )


def restore(moves: Any, state: GcodeState) -> None:
    """As it was then; nothing moves. E's coordinate of the present place becomes what it was, whatever was extruded."""
    moves.is_relative, moves.is_relative_e = state.is_relative, state.is_relative_e
    moves.feed = state.feed
    moves.speed_factor, moves.extrude_factor = state.speed_factor, state.extrude_factor
    for axis in range(E + 1):
        moves.origin[axis], moves.offset[axis] = state.origin[axis], state.offset[axis]
    moves.origin[E] += moves.position[E] - state.position.e


def gcode_position(moves: Any) -> Coordinate:
    """Where the last move ends, in G-code's coordinates: what a G1 would say."""
    x, y, z, e = (moves.position[axis] - moves.origin[axis] for axis in range(E + 1))
    return Coordinate(x, y, z, e / moves.extrude_factor)
