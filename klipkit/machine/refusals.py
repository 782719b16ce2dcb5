"""What is said of a move that was refused (machine/moves.h), in the words that users search for."""

from typing import Any

from klipkit._core import lib
from klipkit.base.faults import GcodeError, MoveError
from klipkit.machine.planner import Planner

LETTERS = "XYZ"


def refusal(planner: Planner, code: int, where: str) -> GcodeError:
    """The error for a code of `moves_line` or `fast_run`."""
    moves, extruder = planner.moves, planner.extruder
    if code == lib.MOVES_OUTSIDE:
        return _outside(planner, where)
    if code == lib.MOVES_UNKNOWN:
        axes = [axis for axis in range(3) if not planner.bounds.known[axis]]
        moved = [axis for axis in axes if moves.wanted[axis] != moves.position[axis]] or axes
        hint = "home it with G28, or tell the position with SET_KINEMATIC_POSITION"
        return MoveError(f"Must home axis first: {LETTERS[moved[0]]}", where=where, hint=hint)
    filament = moves.wanted[3] - moves.position[3]
    said: dict[int, tuple[str, str]] = {
        lib.MOVES_NOT_FINITE: ("Unable to parse move: a number is too large", ""),
        lib.MOVES_NO_SPEED: ("a speed or acceleration is not above 0", "F is in mm/min"),
        lib.MOVES_NO_EXTRUDER: ("Extrude when no extruder present", "add a section [extruder]"),
        lib.MOVES_TOO_COLD: ("Extrude below minimum temp", "heat the extruder first: min_extrude_temp"),
        lib.MOVES_TOO_LONG: (
            f"Extrude only move too long ({filament:.3f}mm vs {extruder.length_most:.3f}mm)",
            "see the option max_extrude_only_distance of [extruder]",
        ),
        lib.MOVES_TOO_THICK: (
            f"Move exceeds maximum extrusion ({moves.ratio * extruder.area:.3f}mm^2 vs "
            f"{extruder.ratio_most * extruder.area:.3f}mm^2)",
            "see the option max_extrude_cross_section of [extruder]",
        ),
    }
    what, hint = said.get(code, (f"the move cannot be planned ({code})", ""))
    return GcodeError(what, where=where, hint=hint)


def _outside(planner: Planner, where: str) -> MoveError:
    moves, bounds = planner.moves, planner.bounds
    shown = " ".join(f"{moves.wanted[axis]:.3f}" for axis in range(3))
    return MoveError(
        f"Move out of range: {shown} [{moves.wanted[3]:.3f}]", where=where, hint=_reach(moves, bounds)
    )


def _reach(moves: Any, bounds: Any) -> str:
    if bounds.kind == lib.BOUNDS_DELTA:
        return (
            f"the radius is at most {bounds.radius:g} mm, less above Z {bounds.taper:g}; "
            f"Z goes from {bounds.low[2]:g} to {bounds.high[2]:g} mm"
        )
    if bounds.kind == lib.BOUNDS_POLAR:
        axes, also = (
            [2],
            (
                f"moves keep {bounds.inner:g} to {bounds.radius:g} mm from the middle, where the bed has no angle"
            ),
        )
    elif bounds.kind == lib.BOUNDS_DELTESIAN:
        axes, also = [0, 1, 2], "on the way a carriage would rise above its endstop"
    else:
        axes, also = [0, 1, 2], ""
    outside = [axis for axis in axes if not bounds.low[axis] <= moves.wanted[axis] <= bounds.high[axis]]
    said = [f"{LETTERS[axis]} goes from {bounds.low[axis]:g} to {bounds.high[axis]:g} mm" for axis in outside]
    return "; ".join(said) or also
