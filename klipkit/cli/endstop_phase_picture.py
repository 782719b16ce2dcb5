"""Pictures of the phases at an endstop's triggers: in a terminal, and with matplotlib."""

import importlib.util
from collections.abc import Sequence

from klipkit.base.errors import UsageError
from klipkit.cli.endstop_phase_wizard import Found

BARS = " ▁▂▃▄▅▆▇█"
HEIGHT = 4  # lines
WIDTH = 64  # columns at most
DOTS = 150  # an inch


def histogram(found: Found) -> list[str]:
    """The phases as columns, with an axis that marks the mean (^) and what is two full steps from it (|)."""
    phases = found.stepper.phases
    width = min(WIDTH, phases)
    counts = [0] * width
    for trigger in found.triggers:
        counts[trigger.phase * width // phases] += 1
    most = max(counts)
    lines = []
    for row in reversed(range(HEIGHT)):
        level = [max(0, min(8, round(count / most * HEIGHT * 8) - 8 * row)) for count in counts]
        lines.append("".join(BARS[each] for each in level).rstrip())
    axis = ["-"] * width
    axis[round(found.judgement.mean.mean + phases / 2) % phases * width // phases] = "|"
    axis[found.judgement.phase * width // phases] = "^"
    return [*lines, "".join(axis), _scale(width, phases)]


def draw(found: Sequence[Found], file: str) -> None:
    """A picture of the kind of the file's name, a histogram for each stepper. Raises UsageError."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("pictures need matplotlib", hint="pip install 'klipkit[plots]'")
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, rows = pyplot.subplots(len(found), 1, figsize=(8, 3 * len(found)), squeeze=False)
    for axes, each in zip(rows[:, 0], found, strict=True):
        phases = each.stepper.phases
        axes.hist([trigger.phase for trigger in each.triggers], bins=range(phases + 1), align="left")
        axes.axvline(each.judgement.mean.mean, color="black", linewidth=0.8)
        axes.set_xlim(-1, phases)
        axes.set_title(f"{each.stepper.name}: {each.record()['trigger_phase']}")
        axes.set_xlabel("phase at the trigger, microsteps")
        axes.set_ylabel("homings")
    figure.tight_layout()
    try:
        figure.savefig(file, dpi=DOTS)
    except (OSError, ValueError) as error:
        raise UsageError(f"the picture cannot be written: {error}", where=file) from None
    finally:
        pyplot.close(figure)


def _scale(width: int, phases: int) -> str:
    """The phases of full steps, below the axis."""
    line = [" "] * (width + len(str(phases)))
    for quarter in range(5):
        place, text = quarter * width // 4, str(quarter * phases // 4)
        line[place : place + len(text)] = text
    return "".join(line).rstrip()
