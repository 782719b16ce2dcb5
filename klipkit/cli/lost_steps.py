"""`klipkit lost-steps`: tells whether motors have lost steps, how many, and at which speed and acceleration they do."""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from klipkit.base.errors import EXIT_DONE, EXIT_NO, DataError, FileError, KlipkitError, UsageError
from klipkit.base.output import Column, Output, cell
from klipkit.base.text import sanitise
from klipkit.cli.homings import AXES, Stepper, homing
from klipkit.cli.lost_steps_check import Check, Row, exit_status
from klipkit.cli.lost_steps_moves import limits, reach_of, tour
from klipkit.cli.lost_steps_sweep import Grid, Sweep, Trial
from klipkit.cli.talk import daemon_options, talk
from klipkit.cli.tool import tools
from klipkit.daemon.session import Session

LINES = 50  # of a file that are sent at a time
CRYSTAL = 1e-3  # by which clocks may differ, relative
SLACK = 5.0  # s
COLUMNS = (
    Column("stepper", "Stepper"),
    Column("verdict", "Verdict"),
    Column("microsteps", "Microsteps"),
    Column("full_steps", "Full steps"),
    Column("mm", "mm"),
    Column("cycles", "Cycles"),
    Column("noise_microsteps", "Noise, microsteps"),
    Column("homings", "Homings"),
    Column("cause", "Probable cause"),
)
TRIALS = (
    Column("axis", "Axis"),
    Column("velocity", "Speed, mm/s"),
    Column("accel", "Acceleration, mm/s^2"),
    Column("verdict", "Verdict"),
    Column("lost_cycles", "Lost cycles"),
)
SWEPT = (
    Column("axis", "Axis"),
    Column("safe_velocity", "Safe speed, mm/s"),
    Column("lost_velocity", "Steps lost at"),
    Column("safe_accel", "Safe acceleration, mm/s^2"),
    Column("lost_accel", "Steps lost at"),
)
above_zero = click.FloatRange(0, min_open=True)
file_option = click.option(
    "--file",
    "file",
    metavar="FILE",
    help="Where the baseline is kept.  [default: in the user's state folder]",
)


@tools("lost-steps")
def lost_steps() -> None:
    """A motor that is overtaxed loses steps in whole electrical cycles of 4 full steps; a few microsteps are the
    noise of an endstop. The noise is measured: homing goes on until a wrong verdict is less likely than one in a
    million, and when 20 homings would not do, "cannot tell" is the answer. Losses that make up for one another (there
    and back) cannot be seen.
    """


@lost_steps.command(
    "check",
    examples=[
        ("klipkit lost-steps check part.gcode", "homes, runs the file, homes again and compares"),
        ("klipkit lost-steps check --moves --speed 300 --accel 10000", "with fast moves of its own"),
        ("klipkit lost-steps check --moves --json", "for programs"),
    ],
)
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--moves", is_flag=True, help="Fast moves: the envelope, the corners, random places.")
@click.option(
    "--speed", type=above_zero, metavar="MM/S", help="Of the moves.  [default: the printer's limit]"
)
@click.option(
    "--accel", type=above_zero, metavar="MM/S^2", help="Of the moves.  [default: the printer's limit]"
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random places.")
@daemon_options
def check_command(
    out: Output,
    file: str | None,
    moves: bool,
    speed: float | None,
    accel: float | None,
    seed: int,
    socket: str,
) -> int:
    """Home, run a file or fast moves, home again, and compare.

    Printed for each stepper: verdict, what it lacks in microsteps, full steps, mm and cycles, probable cause.

    Exit status 1 when steps were lost or something has moved, 3 when the endstops' noise leaves it open.
    """
    if moves == (file is not None):
        raise UsageError("either a FILE or --moves", hint="klipkit lost-steps check part.gcode")
    lines = None if file is None else _lines(file)

    async def work(session: Session) -> int:
        return await checked(session, out, lines, speed=speed, accel=accel, seed=seed)

    return talk(socket, work)


async def checked(
    session: Session,
    out: Output,
    lines: Sequence[str] | None,
    *,
    speed: float | None = None,
    accel: float | None = None,
    seed: int = 0,
) -> int:
    """The tool over any session: `lines`, or moves; gives the exit status."""
    async with homing(session) as homings:
        check = Check(homings)
        await check.note()
        if check.can_tell:
            if lines is None:
                await _drive(session, speed, accel, seed)
            else:
                await _feed(session, lines)
        rows = await check.compare() if check.can_tell else check.rows()
    return told(out, rows)


@lost_steps.command(
    "baseline",
    examples=[
        ("klipkit lost-steps baseline", "homes and keeps where the motors are; then print, then compare")
    ],
)
@file_option
@daemon_options
def baseline_command(out: Output, file: str | None, socket: str) -> None:
    """Home, and keep where the motors are.

    What was found is compared by `klipkit lost-steps compare`, as long as no microcontroller is reset."""

    async def work(session: Session) -> int:
        return await noted(session, out, _kept(file))

    talk(socket, work)


async def noted(session: Session, out: Output, file: Path, clock: Callable[[], float] = time.time) -> int:
    """The tool over any session. `clock`: s, that goes on while the microcontrollers do."""
    async with homing(session) as homings:
        check = Check(homings)
        await check.note()
    kept = {
        "time": clock(),
        "steppers": {
            name: {"zeros": check.before[name], "mcu_begun": stepper.mcu_begun, "step": stepper.step}
            for name, stepper in check.steppers.items()
        },
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(kept))
    except OSError as error:
        raise FileError(f"cannot be written: {error.strerror}", where=sanitise(str(file))) from None
    out.note(f"{homings.made} homings are kept in {sanitise(str(file))}")
    return EXIT_DONE


@lost_steps.command(
    "compare",
    examples=[("klipkit lost-steps compare", "homes again, and tells what was lost since the baseline")],
)
@file_option
@daemon_options
def compare_command(out: Output, file: str | None, socket: str) -> int:
    """Home again, and tell what was lost since the baseline.

    It does what `check` does after the moves, of what somebody else did since `klipkit lost-steps baseline`.

    Exit status 1 when steps were lost or something has moved, 3 when the endstops' noise leaves it open.
    """

    async def work(session: Session) -> int:
        return await compared(session, out, _kept(file))

    return talk(socket, work)


async def compared(session: Session, out: Output, file: Path, clock: Callable[[], float] = time.time) -> int:
    """The tool over any session; gives the exit status. Raises FileError, DataError, KlipkitError."""
    kept = _baseline(file)
    async with homing(session) as homings:
        steppers = await homings.steppers()
        _check_same(kept, steppers, clock() - kept["time"])
        check = Check(homings)
        check.steppers = steppers
        check.before = {name: told["zeros"] for name, told in kept["steppers"].items()}
        rows = await check.compare()
    return told(out, rows)


@lost_steps.command(
    "sweep",
    examples=[
        ("klipkit lost-steps sweep --axis x", "the highest speed and acceleration at which X loses no steps"),
        ("klipkit lost-steps sweep --axis y --speed 100:400 --accel 2000:20000", "between these"),
    ],
)
@click.option(
    "--axis", "axes", type=click.Choice(list(AXES)), multiple=True, help="Repeatable.  [default: x and y]"
)
@click.option("--speed", "speeds", metavar="LOW:HIGH", default="50:400", show_default=True, help="mm/s")
@click.option("--speed-step", type=above_zero, metavar="MM/S", default=10.0, show_default=True)
@click.option("--accel", "accels", metavar="LOW:HIGH", default="1000:20000", show_default=True, help="mm/s^2")
@click.option("--accel-step", type=above_zero, metavar="MM/S^2", default=250.0, show_default=True)
@daemon_options
def sweep_command(
    out: Output,
    axes: tuple[str, ...],
    speeds: str,
    speed_step: float,
    accels: str,
    accel_step: float,
    socket: str,
) -> int:
    """Search the highest safe speed and acceleration of an axis.

    Drives it fast towards its endstop, homes and compares, and halves what is left, first of the speed (at
    the lowest acceleration), then of the acceleration (a step below the safe speed). A motor has less to give when it
    is warm and loaded: stay well below what is found. The speed is limited by the way that it takes to be reached.

    Exit status 1 when steps were lost at the lowest speed or acceleration.
    """
    grids = (_grid("--speed", speeds, speed_step), _grid("--accel", accels, accel_step))

    async def work(session: Session) -> int:
        return await swept(session, out, axes or ("x", "y"), *grids)

    return talk(socket, work)


async def swept(session: Session, out: Output, axes: Sequence[str], speeds: Grid, accels: Grid) -> int:
    """The tool over any session; gives the exit status."""
    rows: list[dict[str, Any]] = []
    trials: list[Trial] = []

    def show(trial: Trial) -> None:
        trials.append(trial)
        out.note("  ".join(cell(trial.record()[column.key]) for column in TRIALS))

    async with homing(session) as homings:
        for axis in axes:
            speed, accel = await Sweep(homings, axis, show).run(speeds, accels)
            rows.append(
                {
                    "axis": axis,
                    "safe_velocity": speed.safe,
                    "lost_velocity": speed.lost,
                    "safe_accel": accel.safe,
                    "lost_accel": accel.lost,
                }
            )
    out.records(SWEPT, rows, axes=rows, trials=[trial.record() for trial in trials])
    return EXIT_DONE if all(row["safe_velocity"] and row["safe_accel"] for row in rows) else EXIT_NO


def told(out: Output, rows: Sequence[Row]) -> int:
    """Print what became of the steppers; gives the exit status."""
    records = [row.record() for row in rows]
    out.records(COLUMNS, records, steppers=records)
    return exit_status(rows)


async def _drive(session: Session, speed: float | None, accel: float | None, seed: int) -> None:
    """The moves, and the limits as they were."""
    toolhead = (await session.query("toolhead"))["toolhead"]
    velocity, acceleration = toolhead["max_velocity"], toolhead["max_accel"]
    lines = tour(reach_of(toolhead), speed or velocity, accel or acceleration, seed)
    try:
        await session.gcode("\n".join(lines))
    finally:
        await session.gcode(limits(velocity, acceleration))


async def _feed(session: Session, lines: Sequence[str]) -> None:
    """A file, in pieces, and wait for its end."""
    for begin in range(0, len(lines), LINES):
        await session.gcode("\n".join(lines[begin : begin + LINES]))
    await session.gcode("M400")


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}", where=sanitise(file)) from None


def _kept(file: str | None) -> Path:
    if file is not None:
        return Path(file)
    folder = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(folder) / "klipkit" / "lost-steps.json"


def _baseline(file: Path) -> dict[str, Any]:
    where = sanitise(str(file))
    try:
        kept = json.loads(file.read_text())
        steppers = {
            name: {
                "zeros": [float(zero) for zero in told["zeros"]],
                "mcu_begun": float(told["mcu_begun"]),
                "step": float(told["step"]),
            }
            for name, told in kept["steppers"].items()
        }
        return {"time": float(kept["time"]), "steppers": steppers}
    except OSError as error:
        hint = "klipkit lost-steps baseline makes one"
        raise FileError(f"no baseline: {error.strerror}", where=where, hint=hint) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError("is no baseline", where=where, hint="make a new one") from None


def _check_same(kept: dict[str, Any], steppers: dict[str, Stepper], passed: float) -> None:
    """The microcontrollers have counted on since, and the steppers are the same. Raises KlipkitError."""
    for name, old in kept["steppers"].items():
        stepper = steppers.get(name)
        if stepper is None or stepper.step != old["step"]:
            raise KlipkitError(
                f"{sanitise(name, 40)} is not as it was at the baseline", hint="make a new one"
            )
        if abs(stepper.mcu_begun - old["mcu_begun"]) > SLACK + CRYSTAL * passed:
            raise KlipkitError(
                f"the microcontroller of {name} was reset since the baseline: its steps are counted anew",
                hint="make a new one",
            )


def _grid(name: str, told: str, step: float) -> Grid:
    try:
        low, high = (float(number) for number in told.split(":"))
    except ValueError:
        raise UsageError(f"{name} {sanitise(told, 40)}: expected LOW:HIGH", hint="as 50:400") from None
    if not 0 < low <= high < float("inf"):
        raise UsageError(f"{name} {sanitise(told, 40)}: LOW is above 0, HIGH not below it", hint="as 50:400")
    return Grid(low, high, step)


COMMAND = lost_steps
