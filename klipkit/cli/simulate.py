"""`klipkit simulate`: a G-code file printed on simulated microcontrollers that run the real firmware."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from klipkit.base.config import read_config
from klipkit.base.errors import UsageError
from klipkit.base.output import Column, Output
from klipkit.base.text import clock_text, sanitise
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.pathplot import draw_path
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulation import Progress, Simulation
from klipkit.cli.tool import tool
from klipkit.machine.job import Job
from klipkit.machine.kinematics import Place
from klipkit.sim.avr.emulation import emulations_of
from klipkit.sim.cosim import Faults
from klipkit.sim.faults import FaultPlan, fault_help
from klipkit.sim.firmware import build
from klipkit.sim.path import Path as Recorder
from klipkit.sim.printer import HostKilled, SimulatedPrinter

OBJECT = "klipkit-sim.so"
PERCENT = 100
COLUMNS = (
    Column("stepper", "Stepper"),
    Column("steps", "Steps"),
    Column("position", "Position"),
    Column("pulses", "Pulses"),
    Column("lost", "Lost steps"),
    Column("violations", "Timing faults"),
)


@tool(
    "simulate",
    examples=(
        (
            "klipkit simulate part.gcode -c printer.cfg",
            "prints the file on the simulated printer, as fast as it goes",
        ),
        (
            "klipkit simulate line.gcode -c printer.cfg --edges edges.tsv",
            "writes each edge of the stepper pins",
        ),
        ("klipkit simulate line.gcode -c printer.cfg --damage 1 --seed 7", "with 1 % of the frames damaged"),
        (
            "klipkit simulate line.gcode -c printer.cfg --mcu atmega2560 --emulate mcu",
            "runs the very firmware of the atmega2560, cycle by cycle",
        ),
    ),
)
@click.argument("gcode", metavar="FILE", type=click.Path())
@click.option("-c", "--config", "config_file", metavar="CONFIG", required=True, help="The printer.cfg.")
@click.option(
    "--mcu", "told", multiple=True, metavar="[NAME=]CHIP", help="The chip of a microcontroller; repeatable."
)
@click.option(
    "--emulate",
    "emulated",
    multiple=True,
    metavar="NAME[=FILE]",
    help="Run this microcontroller's own firmware, or what FILE has of its flash, in an emulator (AVR chips only; "
    "some ten times as fast as real time); repeatable.",
)
@click.option(
    "--edges", metavar="FILE", help="Write the edges of the stepper pins: clock, MCU, stepper and pin, level."
)
@click.option(
    "--damage",
    metavar="PERCENT",
    type=click.FloatRange(0, 50),
    default=0.0,
    help="Percent of the frames, each way, to damage.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="What goes wrong, such as thermistor-open:extruder@30 (at 30 s); repeatable. `--fault help` lists all.",
)
@click.option(
    "--plot",
    metavar="FILE",
    help="Draw the printed path into a picture (.png, .svg, .pdf), from the steps of the simulated motors.",
)
@click.option(
    "--begin",
    metavar="X,Y,Z",
    help="Where the toolhead is when the printer is switched on, mm; else somewhere by the seed.",
)
@click.option(
    "--seed",
    metavar="N",
    type=int,
    default=0,
    show_default=True,
    help="Where the toolhead begins, and which frames are damaged.",
)
def simulate(
    out: Output,
    gcode: str,
    config_file: str,
    told: tuple[str, ...],
    emulated: tuple[str, ...],
    edges: str | None,
    damage: float,
    faults: tuple[str, ...],
    plot: str | None,
    begin: str | None,
    seed: int,
) -> int:
    """The host, the wire and the firmware are the real ones; heaters warm and endstops trigger as on a printer. Time is
    virtual, so a print takes seconds. The same input gives the same result, to the last byte.

    Printed for each stepper: the steps by which it is away from where it began, its position in mm, the pulses on
    its step pin, the steps that the carriage lacks of what the host thinks, and how often the direction pin did not
    keep its set-up and hold times. Exit status 1 when steps were lost or times were not kept.
    """
    if "help" in faults:
        out.line(fault_help())
        return 0
    loaded = SCHEMA.load(read_config(config_file))
    plan = FaultPlan(faults)
    chips = chips_of(loaded.config, told)
    printer = SimulatedPrinter(
        loaded,
        chips,
        build(OBJECT),
        emulations=emulations_of(chips, emulated),
        seed=seed,
        begin=_place(begin),
    )
    try:
        with _progress(out, gcode) as progress:
            result = Simulation(
                loaded,
                printer,
                _damaged(damage, seed),
                plan=plan,
                keep=edges is not None,
                path=Recorder(printer, loaded) if plot is not None else None,
                progress=progress,
            )
            _run(result, gcode)
        if edges is not None:
            _write(edges, result.lines)
        if plot is not None:
            draw_path(result.points, plot)
        return _print(out, result)
    finally:
        printer.close()


def _run(result: Simulation, gcode: str) -> None:
    """Print; a fault that kills the host ends it, and is no error of the rehearsal."""
    with contextlib.suppress(HostKilled):
        result.print_file(gcode)


@contextlib.contextmanager
def _progress(out: Output, gcode: str) -> Iterator[Progress | None]:
    """A bar of the file's bytes with the printer's time and temperatures, on a terminal."""
    if out.json or not out.stderr.isatty() or out.verbosity < 0:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn(sanitise(gcode, 40)),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.description}"),
    )
    console = Console(file=out.stderr, no_color=not out.color)
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def show(job: Job, now: float, temperatures: str) -> None:
            bar.update(task, completed=job.progress, description=f"{clock_text(now)}  {temperatures}")

        yield show


def _place(told: str | None) -> Place | None:
    if told is None:
        return None
    try:
        x, y, z = (float(number) for number in told.split(","))
    except ValueError:
        raise UsageError(f"--begin {sanitise(told, 40)}: expected three numbers", hint="as 10,20,5") from None
    return (x, y, z)


def _damaged(damage: float, seed: int) -> Faults | None:
    share = damage / PERCENT
    return Faults(seed, share / 2, share / 2) if damage else None


def _print(out: Output, result: Simulation) -> int:
    good = bool(result.rows) and all(
        not row["lost"] and not row["violations"] and row["counted"] == row["steps"] for row in result.rows
    )
    document: dict[str, object] = {
        "seconds": result.seconds,
        "wires": result.wires,
        "report": result.report,
        "said": result.said,
        "truth": result.printer.truth(),
    }
    if result.lines:
        document["edges_sha256"] = result.digest.hexdigest()
    out.records(COLUMNS, result.rows, steppers=result.rows, **document)
    for line in _summary(result):
        out.note(line)
    return 0 if good else 1


UNKNOWN = "// Unknown command"


def _summary(result: Simulation) -> Iterator[str]:
    """What a person wants to know of it."""
    if result.error is not None:
        yield str(result.error)
    yield from (line for line in result.said if line.startswith(UNKNOWN))
    report = result.report
    yield f"{result.seconds:.1f} s of the printer's time"
    if "steps" not in report:
        return
    yield f"{clock_text(report['print_seconds'])} for the file, {report['steps']} steps"
    yield f"closest call to a late step: {report['least_lead'] * 1000:.0f} ms"
    place = " ".join(f"{axis}{at:.3f}" for axis, at in zip("XYZ", report["true_position"], strict=True))
    heat = ", ".join(f"{name} {temperature:.1f} C" for name, temperature in report["temperatures"].items())
    yield f"the toolhead is at {place}{'; ' if heat else ''}{heat}"


def _write(path: str, lines: list[str]) -> None:
    try:
        Path(path).write_text("".join(line + "\n" for line in lines))
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=path) from None


COMMAND = simulate
