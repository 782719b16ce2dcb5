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
    """What was printed, what was travelled, and the heights of what was printed."""
    printed: list[Segment] = []
    travelled: list[Segment] = []
    heights: list[float] = []
    for before, point in pairwise(points):
        segment = ((before.x, before.y), (point.x, point.y))
        if point.filament - before.filament > LEAST and segment[0] != segment[1]:
            printed.append(segment)
            heights.append(point.z)
        else:
            travelled.append(segment)
    return printed, travelled, heights
