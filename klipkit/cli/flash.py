"""`klipkit flash`: firmware onto a board, by whichever way the board knows, and a look whether it runs."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from klipkit.base.errors import EXIT_DONE, UsageError
from klipkit.base.output import Output
from klipkit.cli.ports import root_of
from klipkit.cli.tool import tool

if TYPE_CHECKING:
    from klipkit.flashing.plan import Plan, Wish
    from klipkit.flashing.targets import Target
    from klipkit.link.ports import Scan

SERVICE = "klipkit"


def _names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from klipkit.boards.board import board_names

    return sorted(name for name in board_names() if name.startswith(incomplete.lower()))


def _ports(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from klipkit.link.ports import scan

    found = [port.name or port.device for port in scan(os.environ.get("KLIPKIT_SYSROOT", "")).ports]
    return [name for name in ("list", *found) if name.startswith(incomplete)]


def _number(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """An offset: 0x8000, 32768, or 32k."""
    if value is None:
        return None
    text = value.lower().removesuffix("ib")
    try:
        return int(text[:-1], 0) * 1024 if text.endswith("k") else int(text, 0)
    except ValueError:
        raise click.BadParameter(f"'{value}' is no number of bytes, such as 0x8000 or 32k") from None


@tool(
    "flash",
    examples=(
        (
            "klipkit flash --board ramps /dev/ttyUSB0",
            "builds the firmware, writes it, and asks it who it is",
        ),
        ("klipkit flash --board ramps /dev/ttyUSB0 --dry-run", "says what would be done, and does nothing"),
        (
            "klipkit flash --config printer.cfg --all --stop-service",
            "every board of a printer, the klipkit service stopped meanwhile",
        ),
        (
            "klipkit flash --board skr-mini-e3 --file firmware.bin --output /media/sdcard",
            "writes the file for an SD card and says what to do with it",
        ),
        (
            "klipkit flash --board skr-mini-e3 --file firmware.bin --verify /dev/ttyACM0",
            "asks whether the board runs that firmware",
        ),
        ("klipkit flash list", "names the boards and how each is flashed"),
        ("klipkit flash list skr-pico", "tells the methods of one board"),
    ),
)
@click.argument("words", nargs=-1, metavar="[PORT | list [BOARD]]", shell_complete=_ports)
@click.option(
    "--board",
    "boards",
    multiple=True,
    metavar="NAME",
    shell_complete=_names,
    help="The board, or its chip. With --config MCU=NAME, for a microcontroller that nothing else tells.",
)
@click.option("--config", "config_file", metavar="FILE", help="Take boards and ports from this printer.cfg.")
@click.option("--mcu", "mcus", multiple=True, metavar="NAME", help="Only this one of the config; repeatable.")
@click.option("--all", "all_", is_flag=True, help="Every microcontroller of the config, the main one last.")
@click.option("--file", "file", metavar="FILE", type=click.Path(), help="This firmware, in place of a build.")
@click.option("--method", metavar="NAME", default="", help="How: one of those that `list BOARD` shows.")
@click.option(
    "--bootloader-baud", type=click.IntRange(300, 4_000_000), default=None, help="Speed of the boot loader."
)
@click.option(
    "--baud", type=click.IntRange(300, 4_000_000), default=None, help="Speed of the printer's link."
)
@click.option(
    "--offset", callback=_number, metavar="BYTES", help="What the boot loader keeps: 0x8000, or 32k."
)
@click.option(
    "-o", "--output", metavar="DIR", type=click.Path(), help="Put a file that is carried by hand here."
)
@click.option("--dry-run", is_flag=True, help="Print the plan and its commands; do nothing.")
@click.option("--verify", "verify_only", is_flag=True, help="Only ask whether the board runs the firmware.")
@click.option(
    "--stop-service",
    is_flag=False,
    flag_value=SERVICE,
    default=None,
    metavar="[NAME]",
    help=f"Stop a service meanwhile, and start it again ({SERVICE} when no NAME is given).",
)
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=None,
    metavar="S",
    help="Wait up to S seconds for what hands have to do (120 on a terminal, else 0).",
)
@click.option(
    "--root", envvar="KLIPKIT_SYSROOT", metavar="DIR", help="Look in this folder (sys, dev, proc) for ports."
)
def flash(out: Output, words: tuple[str, ...], **options: Any) -> int:
    """PORT is a serial port; `klipkit ports` lists them. Boards that are flashed over USB or by a card need none.

    The firmware is built when no --file is given. The method follows from the board and from what is plugged in. A port
    that another program holds is refused. Then the boot loader is started (by DTR, by opening the port at 1200 baud,
    or by a request to the firmware that runs), the board's own flash tool writes and reads back, and the firmware is
    asked for chip, version and build. Nothing is called done that was not seen to run.

    Printed are the port as it is called now, board, chip, method, version, and the result. What needs hands is told in
    numbered lines.

    Exit status 1 when something is left to do by hand, 2 for a wrong board, method or file, 3 when it failed.
    """
    if words[:1] == ("list",):
        from klipkit.cli.flashlist import show_list

        return show_list(out, words[1:])
    _check_usage(words, options)
    return _flash(out, words[0] if words else None, options)


def _check_usage(words: Sequence[str], options: dict[str, Any]) -> None:
    if len(words) > 1:
        raise UsageError(
            f"one port at a time: {words[1]!r}", hint="`--config printer.cfg --all` does several"
        )
    config = options["config_file"] is not None
    if config and words:
        raise UsageError("--config takes the port from the config: give no PORT")
    if not config and (options["all_"] or options["mcus"]):
        raise UsageError(f"{'--all' if options['all_'] else '--mcu'} needs --config")
    if not config and len(options["boards"]) > 1:
        raise UsageError("one board at a time", hint="`--config printer.cfg --all` does several")
    if options["all_"] and options["file"]:
        raise UsageError("--file is for one board, --all for several")
    if options["all_"] and options["mcus"]:
        raise UsageError("--all and --mcu exclude one another")


def _flash(out: Output, port: str | None, options: dict[str, Any]) -> int:
    from klipkit.cli.flashwork import do_plans, show_plans
    from klipkit.flashing.service import stopped
    from klipkit.link.ports import scan

    found = scan(root_of(options["root"]))
    service = options["stop_service"]
    with ExitStack() as stack:
        if service and not options["dry_run"]:
            out.note(f"the service {service} is stopped meanwhile")
            stack.enter_context(stopped(service))
        stack.enter_context(_terminable())
        plans = _plans(port, found, options)
        if options["dry_run"]:
            show_plans(out, plans, service)
        else:
            do_plans(out, plans, options["wait"])
    return EXIT_DONE


def _plans(port: str | None, found: "Scan", options: dict[str, Any]) -> "list[Plan]":
    from klipkit.flashing.plan import plan

    targets = _targets(port, found, options)
    return [
        plan(each.name, each.board, each.place, found, _wish(options, each.baud, several=len(targets) > 1))
        for each in targets
    ]


def _targets(port: str | None, found: "Scan", options: dict[str, Any]) -> "list[Target]":
    from klipkit.flashing.targets import of_config, single

    baud = options["baud"] or 0
    if options["config_file"] is None:
        board = options["boards"][0] if options["boards"] else None
        return [single(board, port, baud, found)]
    return of_config(
        options["config_file"],
        options["boards"],
        options["mcus"],
        baud,
        found,
        every=options["all_"],
    )


def _wish(options: dict[str, Any], baud: int, *, several: bool) -> "Wish":
    from klipkit.flashing.plan import Wish

    if several and options["method"]:
        raise UsageError("--method is for one board", hint="flash the boards one by one, with --mcu NAME")
    return Wish(
        method=options["method"],
        bootloader_baud=options["bootloader_baud"] or 0,
        offset=options["offset"],
        file=Path(options["file"]) if options["file"] else None,
        baud=baud,
        output=Path(options["output"]) if options["output"] else None,
        verify_only=options["verify_only"],
    )


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends us as Ctrl-C does: the flash tool is ended, and what is left on the board told."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


COMMAND = flash
