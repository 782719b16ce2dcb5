"""`klipkit print`: print a file of the printer's virtual SD card."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from klipkit.base.errors import KlipkitError, PrinterError, UsageError
from klipkit.base.faults import GcodeError
from klipkit.base.output import Output
from klipkit.base.text import clock_text, sanitise
from klipkit.cli.talk import daemon_options, talk
from klipkit.cli.tool import tool
from klipkit.daemon.session import SocketSession

CARD, STATS, STATE = "virtual_sdcard", "print_stats", "webhooks"
ENDS = {"complete": 0, "cancelled": 1, "error": 1}  # state of the print: exit status

Show = Callable[[float, str], None]


@tool(
    "print",
    examples=(
        ("klipkit print part.gcode", "starts the print of a file of the virtual SD card"),
        ("klipkit print ~/prints/part.gcode --follow", "and waits for its end, with a progress bar"),
    ),
)
@click.argument("file", metavar="FILE")
@click.option("-f", "--follow", is_flag=True, help="Wait for the end of the print; ^C leaves it alone.")
@daemon_options
def print_file(out: Output, file: str, follow: bool, socket: str) -> int:
    """FILE is a path, or a name in the folder of [virtual_sdcard]; it must be in that folder.

    Exit status 1 when the print was refused, cancelled or has failed, 2 when FILE is not in the folder, 3 when no
    daemon answers, 4 when the printer is not ready or has shut down.
    """

    async def work(session: SocketSession) -> int:
        name = _name_of(file, await _folder(session))
        await session.gcode(f'SDCARD_PRINT_FILE FILENAME="{_quoted(name)}"')
        out.note(f"{name} is being printed")
        if not follow:
            return 0
        with _progress(out, name) as show:
            return await _follow(session, show)

    status = talk(socket, work)
    if out.json:
        out.document({"file": file, "complete": follow and status == 0})
    return status


async def _folder(session: SocketSession) -> Path:
    """The folder of the virtual SD card. Raises KlipkitError."""
    found = await session.query("configfile", STATE)
    if "configfile" not in found:
        raise PrinterError(found[STATE]["state_message"].replace("\n", "; "))
    card = found["configfile"]["settings"].get(CARD)
    if card is None:
        raise UsageError(
            "the printer has no virtual SD card", hint="add [virtual_sdcard] to its configuration"
        )
    return Path(card["path"]).expanduser().resolve()


def _name_of(file: str, folder: Path) -> str:
    """The file's name in the folder. Raises UsageError."""
    path = Path(file).expanduser()
    place = (path if path.exists() else folder / path).resolve()
    if not place.is_relative_to(folder):
        where = sanitise(str(folder))
        raise UsageError(
            f"it is outside of the printer's virtual SD card, {where}",
            where=sanitise(file),
            hint="copy it there",
        )
    if not place.is_file():
        raise UsageError("there is no such file", where=sanitise(str(place)))
    return str(place.relative_to(folder))


def _quoted(name: str) -> str:
    if not name.isprintable():
        raise UsageError("the name has characters that G-code cannot say", where=sanitise(name))
    return name.replace("\\", "\\\\").replace('"', '\\"')


async def _follow(session: SocketSession, show: Show) -> int:
    """Until the print ends; gives the exit status."""
    seen: dict[str, dict[str, Any]] = {CARD: {}, STATS: {}, STATE: {}}
    async for changed in session.updates(*seen):
        for name, fields in changed.items():
            seen[name].update(fields)
        stats = seen[STATS]
        show(seen[CARD].get("progress", 0.0), clock_text(stats.get("total_duration", 0.0)))
        _check(seen[STATE], stats)
        if stats.get("state") in ENDS:
            return ENDS[stats["state"]]
    raise PrinterError("the daemon has closed the connection", hint="the printer is being restarted")


def _check(webhooks: Mapping[str, Any], stats: Mapping[str, Any]) -> None:
    """Raises what has ended the print."""
    error: KlipkitError | None = None
    if webhooks.get("state") == "shutdown":
        error = PrinterError(webhooks["state_message"].replace("\n", "; "))
    elif stats.get("state") == "error":
        error = GcodeError(stats["message"])
    if error is not None:
        raise error


@contextlib.contextmanager
def _progress(out: Output, name: str) -> Iterator[Show]:
    """A bar of the file's bytes, on a terminal."""
    if out.json or not out.stderr.isatty() or out.verbosity < 0:
        yield lambda progress, words: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (
        TextColumn(sanitise(name, 40)),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(file=out.stderr, no_color=not out.color), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda progress, words: bar.update(task, completed=progress, description=words)


COMMAND = print_file
