"""`klipkit endstop-phase`: endstops that are as precise as the steppers: calibrates the phase at their triggers."""

import contextlib
from collections.abc import Iterator, Sequence

import click

from klipkit.base.errors import EXIT_DONE, EXIT_NO, KlipkitError
from klipkit.base.output import Column, Output
from klipkit.cli.endstop_phase_picture import draw, histogram
from klipkit.cli.endstop_phase_wizard import UM, Found, Show, calibrate, give_up, store
from klipkit.cli.homings import Homings, Stepper, homing
from klipkit.cli.talk import daemon_options, talk
from klipkit.cli.tool import tools
from klipkit.daemon.session import Session
from klipkit.machine.endstop_phase.judge import Quality

FOUND = (
    Column("stepper", "Stepper"),
    Column("verdict", "Switch"),
    Column("trigger_phase", "Phase"),
    Column("homings", "Homings"),
    Column("deviation_microsteps", "Deviation, microsteps"),
    Column("deviation_um", "Deviation, um"),
    Column("error_microsteps", "Error of the mean, microsteps"),
    Column("farthest_um", "Farthest, um"),
    Column("allowed_um", "Two full steps, um"),
    Column("beyond", "Beyond them"),
    Column("spread_before_um", "Spread before, um"),
    Column("spread_after_um", "After, um"),
    Column("reason", "Reason"),
)
STATUS = (
    Column("stepper", "Stepper"),
    Column("rail", "Endstop"),
    Column("phases", "Phases"),
    Column("microstep_um", "Microstep, um"),
    Column("trigger_phase", "Trigger phase"),
    Column("accuracy_um", "Accuracy, um"),
    Column("is_corrected", "Corrected"),
    Column("last_phase", "Last phase"),
    Column("late", "Last off, microsteps"),
    Column("reason", "Why not"),
)


@tools("endstop-phase")
def endstop_phase() -> None:
    """A motor repeats every 4 full steps, and at one place of a rail its phase is always the same: the phase at the
    trigger tells how early or late the switch was. With [endstop_phase SECTION] each homing is corrected by it.

    The phase comes from a Trinamic driver, or from counted steps where driver and microcontroller are reset together.
    """


@endstop_phase.command(
    "calibrate",
    examples=[
        (
            "klipkit endstop-phase calibrate",
            "homes Z (or the towers of a delta) 10 times, and tells what it found",
        ),
        (
            "klipkit endstop-phase calibrate stepper_z --save",
            "stores the phase in printer.cfg, when the switch is good",
        ),
        ("klipkit endstop-phase calibrate stepper_a --homings 30 --plot phases.png", "with a picture"),
    ],
)
@click.argument("steppers", metavar="[STEPPER]...", nargs=-1)
@click.option(
    "--homings",
    "count",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="Homings; there are more, 40 at most, where the spread leaves it open.",
)
@click.option("--save", is_flag=True, help="Store the phases and SAVE_CONFIG, which restarts the printer.")
@click.option("--plot", metavar="FILE", help="Draw the histograms into a picture (.png, .svg, .pdf).")
@daemon_options
def calibrate_command(
    out: Output, steppers: tuple[str, ...], count: int, save: bool, plot: str | None, socket: str
) -> int:
    """Find the phase at the endstops' triggers, and store it.

    Homes from places that differ and looks at the phase at each trigger: its mean, its spread, whether the switch
    stays within two full steps, as it must, and what is gained. Nothing is printed meanwhile.

    Exit status 1 when a switch is not good enough; nothing is stored then.
    """

    return talk(socket, lambda session: calibrated(session, out, steppers, count, save=save, plot=plot))


async def calibrated(
    session: Session,
    out: Output,
    steppers: Sequence[str],
    count: int,
    *,
    save: bool = False,
    plot: str | None = None,
) -> int:
    """The tool over any session; gives the exit status."""
    async with homing(session) as homings:
        with _picture(out) as show:
            found = await _found(homings, steppers, count, show)
        is_good = all(each.judgement.quality is Quality.GOOD for each in found)
        if save and is_good:
            for line in await store(session, found):
                out.detail(line)
        else:
            await give_up(session, [each.stepper.name for each in found])
    if plot is not None:
        draw(found, plot)
    rows = [each.record() for each in found]
    out.records(FOUND, rows, steppers=rows, stored=save and is_good)
    if save and is_good:
        await session.gcode("SAVE_CONFIG")
    elif is_good:
        out.note("nothing was stored: --save does")
    return EXIT_DONE if is_good else EXIT_NO


async def _found(homings: Homings, steppers: Sequence[str], count: int, show: Show) -> list[Found]:
    """The daemon goes back to what it did before when the homings fail."""
    try:
        return await calibrate(homings, steppers, count, show)
    except BaseException:
        with contextlib.suppress(KlipkitError):
            known = await homings.steppers()
            await give_up(homings.session, [name for name in known if not _reason(known[name])])
        raise


@endstop_phase.command(
    "status",
    examples=[
        ("klipkit endstop-phase status", "which endstops are corrected, and why others are not"),
        ("klipkit endstop-phase status --json", "for programs"),
    ],
)
@daemon_options
def status_command(out: Output, socket: str) -> None:
    """Tell which endstops are corrected.

    Each stepper with its endstop, whether that is corrected by the phase, and what the last homing found."""

    talk(socket, lambda session: status_told(session, out))


async def status_told(session: Session, out: Output) -> None:
    """The tool over any session."""
    rows = [_row(stepper) for stepper in (await Homings(session).steppers()).values()]
    out.records(STATUS, rows, steppers=rows)


def _row(stepper: Stepper) -> dict[str, object]:
    phase = None if stepper.trigger_phase is None else f"{stepper.trigger_phase}/{stepper.phases}"
    return {
        "stepper": stepper.name,
        "rail": stepper.rail,
        "phases": stepper.phases,
        "microstep_um": round(stepper.step * UM, 4),
        "trigger_phase": phase,
        "accuracy_um": round(stepper.accuracy * UM, 3),
        "is_corrected": stepper.is_corrected,
        "last_phase": stepper.phase,
        "late": stepper.late,
        "reason": _reason(stepper),
    }


def _reason(stepper: Stepper) -> str:
    return stepper.refused or stepper.tells_phase


@contextlib.contextmanager
def _picture(out: Output) -> Iterator[Show]:
    """The histograms as they grow, on a terminal."""
    if out.json or not out.stderr.isatty() or out.verbosity < 0:
        yield lambda found: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(file=out.stderr, no_color=not out.color), transient=False) as live:
        yield lambda found: live.update(Text("\n".join(_lines(found))))


def _lines(found: Sequence[Found]) -> Iterator[str]:
    for each in found:
        if each.triggers:
            yield f"{each.stepper.name}, {len(each.triggers)} homings"
            yield from histogram(each)


COMMAND = endstop_phase
