"""A picture of a print's speed over its time."""

import importlib.util
from collections.abc import Sequence

from klipkit.base.errors import UsageError
from klipkit.cli.estimation import Sample

DOTS = 150  # an inch
POINTS = 3000  # more are one line in a picture
MINUTE = 60  # s
MEAN, MOST = "tab:blue", "tab:orange"


def draw_speed(samples: Sequence[Sample], file: str) -> None:
    """Draw mean and highest speed into a picture of the kind of the file's name. Raises UsageError."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("pictures need matplotlib", hint="pip install 'klipkit[plots]'")
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    times, means, highest = thinned(samples)
    figure, axes = pyplot.subplots(figsize=(12, 5))
    axes.stairs(highest, times, color=MOST, linewidth=0.6, label="highest")
    axes.stairs(means, times, color=MEAN, fill=True, alpha=0.6, label="mean")
    axes.set_xlabel("time, min")
    axes.set_ylabel("speed, mm/s")
    axes.legend(loc="upper right")
    try:
        figure.savefig(file, dpi=DOTS)
    except (OSError, ValueError) as error:
        raise UsageError(f"the picture cannot be written: {error}", where=file) from None
    finally:
        pyplot.close(figure)


def thinned(samples: Sequence[Sample]) -> tuple[list[float], list[float], list[float]]:
    """Edges, min; and between them the mean and the highest speed, mm/s; POINTS of them at most."""
    times, means, highest = [0.0], [], []
    at_once = max(1, -(-len(samples) // POINTS))
    before = 0.0
    for begin in range(0, len(samples), at_once):
        some = samples[begin : begin + at_once]
        way, since = 0.0, before
        for one in some:
            way += one.speed * (one.time - since)
            since = one.time
        means.append(way / (since - before) if since > before else 0.0)
        highest.append(max(one.speed_most for one in some))
        times.append(since / MINUTE)
        before = since
    return times, means, highest
