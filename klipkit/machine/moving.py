"""A straight move to a place in the machine's coordinates, within its bounds, whatever G-code's modes are."""

from collections.abc import Sequence

from klipkit._core import ffi, lib
from klipkit.machine.refusals import refusal
from klipkit.machine.toolhead import Toolhead


async def go_to(toolhead: Toolhead, end: Sequence[float], speed: float, where: str = "") -> None:
    """Move to `end`, mm, at so many mm/s at most; filament stays where it is. Raises GcodeError with `where`."""
    moves = toolhead.planner.moves
    place = ffi.new("double[4]", [*end[:3], moves.position[3]])
    await toolhead.begin()
    code = lib.moves_to(moves, place, speed)
    if code != lib.MOVES_FINE:
        raise refusal(toolhead.planner, code, where)
    await toolhead.go_on()
