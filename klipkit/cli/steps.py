"""`klipkit steps`: the steps that a printer's motors would make of a G-code file."""

import math
from dataclasses import replace
from pathlib import Path

import click

from klipkit.base.config import Config, read_config
from klipkit.base.errors import UsageError
from klipkit.base.output import Column, Output
from klipkit.base.text import sanitise
from klipkit.cli.sections import SCHEMA
from klipkit.cli.tool import tool
from klipkit.machine.offline import FREQUENCY, Offline
from klipkit.machine.traces import Traces

LONG = 1_000_000  # bytes: a shorter file is done before a progress bar is read
SHOWN = 12  # commands named that were passed over
COLUMNS = (
    Column("stepper", "Stepper"),
    Column("steps", "Steps"),
    Column("net", "Net steps"),
    Column("messages", "Messages"),
    Column("rate", "Worst rate, steps/s"),
    Column("line", "Line"),
)


@tool(
    "steps",
    examples=(
        (
            "klipkit steps part.gcode -c printer.cfg",
            "steps, messages and the highest step rate of each motor",
        ),
        ("klipkit steps part.gcode -c printer.cfg -o steps.npz", "writes each step"),
        ("klipkit steps part.gcode -c printer.cfg --json", "the same as one JSON document"),
    ),
)
@click.argument("gcode", metavar="FILE", type=click.Path())
@click.option("-c", "--config", "config_file", metavar="CONFIG", required=True, help="The printer.cfg.")
@click.option("-o", "--output", metavar="NPZ", help="Write the steps and the runs that they are sent as.")
@click.option(
    "--frequency",
    metavar="HZ",
    type=click.FloatRange(1e6, 1e9),
    default=FREQUENCY,
    show_default=True,
    help="The microcontroller's clock.",
)
@click.option(
    "--at", "place", metavar="X,Y,Z", help="The toolhead is homed and stands there at the beginning."
)
def steps(
    out: Output, gcode: str, config_file: str, output: str | None, frequency: float, place: str | None
) -> int:
    """What the planner makes of a file, without a printer: exact step times, packed into the queue_step messages that a
    microcontroller gets. Sections of the config that do not move anything are not looked at, and commands that
    do not move are passed over; G28 takes the toolhead to stand at the endstops.

    Printed for each motor: its steps, forwards less backwards, the messages they take, the highest step rate
    and the line of the file where it is. The file of -o holds, for each stepper, an int64 for each step: its time in
    1/16 us since the first step of all, plus 1, negative for a step backwards; and STEPPER.runs, a row for each run:
    clock of its first step, interval, count, add, direction.
    """
    loaded = SCHEMA.load(moving(read_config(config_file)))
    offline = Offline(loaded, frequency=frequency)
    traces = Traces(offline, output)
    try:
        if place is not None:
            position = _position(place)
            if not offline.planner.can_stand_at(position):
                raise UsageError(f"--at {sanitise(place, 40)}: the motors cannot be in that place")
            offline.stand_at(position)
        _run(out, offline, gcode)
        rows = traces.finish()
    finally:
        traces.close()
        offline.close()
    passed = sorted(offline.passed)
    out.records(
        COLUMNS, rows, steppers=rows, seconds=round(offline.seconds, 6), lines=offline.line, passed=passed
    )
    if passed:
        out.note(f"passed over, as they move nothing here: {' '.join(map(_short, passed[:SHOWN]))}")
    out.note(f"{offline.line} lines, {offline.seconds:.1f} s of printing")
    return 0


def moving(config: Config) -> Config:
    """The configuration with those sections only that are declared: the others move nothing."""
    kept = {name: section for name, section in config.sections.items() if SCHEMA.declared(name)}
    return replace(config, sections=kept)


def _short(command: str) -> str:
    return sanitise(command, 24)


def _position(text: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(word) for word in text.split(","))
    except ValueError:
        x = y = z = math.nan
    if not math.isfinite(x + y + z):
        raise UsageError(f"--at {sanitise(text, 40)} is no position", hint="write --at X,Y,Z in mm")
    return x, y, z


def _run(out: Output, offline: Offline, path: str) -> None:
    """Carry the file out, with a progress bar on a terminal."""
    size = Path(path).stat().st_size if Path(path).is_file() else 0
    if size < LONG or out.verbosity < 0 or not out.stderr.isatty():
        offline.run(path)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=out.stderr, no_color=not out.color), transient=True) as progress:
        task = progress.add_task("steps", total=size)
        offline.run(path, lambda done: progress.update(task, completed=done))


COMMAND = steps
