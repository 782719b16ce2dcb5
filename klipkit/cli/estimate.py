"""`klipkit estimate`: how long a print takes, of what that consists, and how much filament it needs."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from klipkit.base.config import read_config
from klipkit.base.errors import UsageError
from klipkit.base.output import Column, Output
from klipkit.base.schema import Loaded
from klipkit.base.text import clock_text, sanitise
from klipkit.boards.chips import Chip
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.estimation import PERIOD, Estimate, Estimation, Sum
from klipkit.cli.printoptions import CHIPS, CONFIG, FILES, SEED
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.cli.speedplot import draw_speed
from klipkit.cli.tool import tool
from klipkit.machine.estimatejob import Shown
from klipkit.machine.estimateprogress import with_progress
from klipkit.sim.firmware import build
from klipkit.sim.printer import SimulatedPrinter

FINE = 0.1  # s between samples for a picture
METRE = 1000  # mm
COLUMNS = (
    Column("file", "File"),
    Column("seconds", "Time, s"),
    Column("time", "Time"),
    Column("waiting", "Waiting, s"),
    Column("lost", "Lost to acceleration, s"),
    Column("way", "Way, m"),
    Column("filament", "Filament, m"),
    Column("layers", "Layers"),
    Column("lines", "Lines"),
)
SUMS = (
    Column("seconds", "Time, s"),
    Column("time", "Time"),
    Column("waiting", "Waiting, s"),
    Column("lost", "Lost to acceleration, s"),
    Column("way", "Way, m"),
    Column("filament", "Filament, m"),
    Column("line", "Line"),
)
TABLES: Mapping[str, tuple[Column, ...]] = {
    "file": COLUMNS,
    "layer": (Column("file", "File"), Column("layer", "Layer"), Column("z", "Z, mm"), *SUMS),
    "feature": (Column("file", "File"), Column("feature", "Feature"), *SUMS),
}


@tool(
    "estimate",
    examples=(
        ("klipkit estimate part.gcode -c printer.cfg", "time, filament, and what is lost to acceleration"),
        ("klipkit estimate part.gcode -c printer.cfg --by layer", "the same for each layer"),
        ("klipkit estimate part.gcode -c printer.cfg --plot speed.png", "draws the speed over the time"),
        (
            "klipkit estimate part.gcode -c printer.cfg --m73 -o told.gcode",
            "writes a copy that tells the progress and the time left",
        ),
    ),
)
@FILES
@CONFIG
@CHIPS
@click.option(
    "--by",
    type=click.Choice(tuple(TABLES)),
    default="file",
    show_default=True,
    help="What a line of the answer is for: a file, a layer, or a kind of lines as the slicer names it.",
)
@click.option(
    "--plot", metavar="FILE", help="Draw the speed over the time into a picture (.png, .svg, .pdf)."
)
@click.option("--m73", is_flag=True, help="Write a copy with M73: percent and minutes left. Needs -o.")
@click.option("-o", "--output", metavar="FILE", help="The copy of --m73.")
@SEED
def estimate(
    out: Output,
    files: tuple[str, ...],
    config_file: str,
    told: tuple[str, ...],
    by: str,
    plot: str | None,
    m73: bool,
    output: str | None,
    seed: int,
) -> int:
    """The moves are planned as for a print, macros run; homing and heating are simulated, from a cold printer. The time
    is that which `klipkit simulate` takes of the same file, and comes in a small part of its own.

    Waiting is what nothing moves in, such as heating, and homing. Lost to acceleration is what moves take
    longer than at the speed that they ask for. Filament is what is pushed less what is pulled back. Layers
    and features are those of the slicer's comments; without such comments a layer is a height.
    """
    _check(files, plot, m73, output)
    loaded = SCHEMA.load(read_config(config_file))
    chips = chips_of(loaded.config, told)
    found: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for file in files:
        result = _estimated(out, loaded, chips, file, seed, FINE if plot else PERIOD)
        found.append(_document(file, result))
        rows += _rows(by, file, result)
        _note(out, file, result)
        if plot is not None:
            draw_speed(result.samples, plot)
        if output is not None:
            _write(
                output,
                with_progress(_bytes(file), [(one.line, one.time) for one in result.samples], result.seconds),
            )
    out.records(TABLES[by], rows, files=found)
    return 0


def _check(files: tuple[str, ...], plot: str | None, m73: bool, output: str | None) -> None:
    if m73 != (output is not None):
        raise UsageError("--m73 and -o go together", hint="write --m73 -o COPY")
    if len(files) > 1 and (plot is not None or m73):
        raise UsageError("--plot and --m73 are for one file")
    if output is not None and Path(output).exists() and Path(output).samefile(files[0]):
        raise UsageError("the copy cannot be the file itself", where=output)


def _estimated(
    out: Output, loaded: Loaded, chips: Mapping[str, Chip], file: str, seed: int, period: float
) -> Estimate:
    printer = SimulatedPrinter(loaded, chips, build(OBJECT), seed=seed)
    try:
        with progress(out, file) as shown:
            return Estimation(loaded, chips, printer, file, shown=shown, period=period).run()
    finally:
        printer.close()


@contextlib.contextmanager
def progress(out: Output, file: str) -> Iterator[Shown | None]:
    """A bar of the file's bytes, on a terminal."""
    if out.json or not out.stderr.isatty() or out.verbosity < 0:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=out.stderr, no_color=not out.color), transient=True) as bar:
        task = bar.add_task(sanitise(file, 40), total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _sum(found: Sum) -> dict[str, Any]:
    return {
        "seconds": round(found.time, 2),
        "time": clock_text(found.time),
        "waiting": round(found.rest, 2),
        "lost": round(found.lost, 2),
        "way": round(found.way / METRE, 3),
        "filament": round(found.filament / METRE, 4),
        "line": found.line or None,
    }


def _rows(by: str, file: str, result: Estimate) -> list[dict[str, Any]]:
    if by == "layer":
        return [{"file": file, **row} for row in _layers(result)]
    if by == "feature":
        return [{"file": file, **row} for row in _features(result)]
    layers = sum(1 for number in result.layers if number is not None)
    whole = {**_sum(result.total), "seconds": round(result.seconds, 2), "time": clock_text(result.seconds)}
    return [{"file": file, **whole, "layers": layers, "lines": result.lines}]


def _layers(result: Estimate) -> list[dict[str, Any]]:
    return [{"layer": number, "z": found.z, **_sum(found)} for number, found in result.layers.items()]


def _features(result: Estimate) -> list[dict[str, Any]]:
    return [{"feature": name or None, **_sum(found)} for name, found in result.features.items()]


def _document(file: str, result: Estimate) -> dict[str, Any]:
    return {
        **_rows("file", file, result)[0],
        "layers": _layers(result),
        "features": _features(result),
        "progress": [asdict(sample) for sample in result.samples[:: max(1, len(result.samples) // 1000)]],
    }


def _note(out: Output, file: str, result: Estimate) -> None:
    total = result.total
    moving = total.time - total.rest
    share = 100 * total.lost / moving if moving else 0.0
    out.note(
        f"{sanitise(file)}: {clock_text(result.seconds)}, of it {clock_text(total.rest)} waiting and homing, "
        f"{clock_text(total.lost)} ({share:.0f} % of the moves) lost to acceleration; "
        f"{total.filament / METRE:.2f} m of filament"
    )


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=path) from None


def _write(path: str, data: bytes) -> None:
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=path) from None


COMMAND = estimate
