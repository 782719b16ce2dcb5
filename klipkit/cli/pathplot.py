"""A picture of the printed path: where the toolhead was while filament was pushed, and where it travelled."""

import importlib.util
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from klipkit.base.errors import UsageError
from klipkit.sim.path import PathPoint

LEAST = 1e-6  # mm of filament between two points that is any
TRAVEL, PRINT = (0.7, 0.7, 0.7, 0.4), "viridis"
DOTS = 150  # an inch
NEAR = 4  # points
MARGIN = 0.15  # of the part's size, around it


def draw_path(points: Sequence[PathPoint], file: str) -> None:
    """Draw them from above, coloured by height, into a picture of the kind of the file's name. Raises UsageError."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("pictures need matplotlib", hint="pip install 'klipkit[plots]'")
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot
    from matplotlib.collections import LineCollection

    figure, axes = pyplot.subplots(figsize=(8, 8))
    printed, travelled, heights = _segments(points)
    axes.add_collection(LineCollection(travelled, colors=[TRAVEL], linewidths=0.4))
    lines: Any = LineCollection(printed, cmap=PRINT, linewidths=0.8)
    lines.set_array(heights)
    axes.add_collection(lines)
    axes.autoscale()
    _zoom(axes, printed)
    axes.set_aspect("equal")
    axes.set_xlabel("X, mm")
    axes.set_ylabel("Y, mm")
    if heights:
        figure.colorbar(lines, ax=axes, label="Z, mm", shrink=0.8)
    try:
        figure.savefig(file, dpi=DOTS)
    except (OSError, ValueError) as error:
        raise UsageError(f"the picture cannot be written: {error}", where=file) from None
    finally:
        pyplot.close(figure)


Segment = tuple[tuple[float, float], tuple[float, float]]


def _segments(points: Sequence[PathPoint]) -> tuple[list[Segment], list[Segment], list[float]]:
    """What was printed, what was travelled, and the heights of what was printed.

    The extruder steps more rarely than points come: filament counts that comes within NEAR points.
    """
    printed: list[Segment] = []
    travelled: list[Segment] = []
    heights: list[float] = []
    last = len(points) - 1
    for number, (before, point) in enumerate(pairwise(points)):
        segment = ((before.x, before.y), (point.x, point.y))
        pushed = points[min(last, number + 1 + NEAR)].filament - points[max(0, number - NEAR)].filament
        if pushed > LEAST and segment[0] != segment[1]:
            printed.append(segment)
            heights.append(point.z)
        else:
            travelled.append(segment)
    return printed, travelled, heights


def _zoom(axes: Any, printed: Sequence[Segment]) -> None:
    """Show what was printed, whatever the way to it."""
    xs = [x for segment in printed for x, _ in segment]
    ys = [y for segment in printed for _, y in segment]
    if xs:
        margin = MARGIN * max(max(xs) - min(xs), max(ys) - min(ys), 1.0)
        axes.set_xlim(min(xs) - margin, max(xs) + margin)
        axes.set_ylim(min(ys) - margin, max(ys) + margin)
