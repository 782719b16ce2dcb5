"""`klipkit build`: firmware for a board, without questions; or with settings of one's own."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from klipkit.base.errors import EXIT_DONE, KlipkitError, UsageError
from klipkit.base.output import Column, Output
from klipkit.base.text import sanitise
from klipkit.cli.tool import report, tool

if TYPE_CHECKING:
    from klipkit.boards.board import Board
    from klipkit.toolchain.firmware import Built
    from klipkit.toolchain.settings import Settings

LIST = (
    Column("name", "Board"),
    Column("chip", "Chip"),
    Column("port", "Port"),
    Column("aliases", "Also called"),
)
RECORD = (
    Column("file", "File"),
    Column("board", "Board"),
    Column("chip", "Chip"),
    Column("flash_used", "Flash"),
    Column("flash_total", "of"),
    Column("ram_used", "RAM"),
    Column("ram_total", "of"),
    Column("queue", "Move queue"),
    Column("version", "Version"),
    Column("result", "Result"),
)
BLOCK = (
    Column("file", "File"),
    Column("what", "Firmware"),
    Column("flash", "Flash"),
    Column("ram", "RAM"),
    Column("queue_text", "Move queue"),
    Column("version", "Version"),
    Column("toolchain", "Toolchain"),
    Column("without", "Left out"),
)
TABLE = (
    Column("board", "Board"),
    Column("chip", "Chip"),
    Column("flash_short", "Flash"),
    Column("ram_short", "RAM"),
    Column("queue", "Move queue"),
    Column("result", "Result"),
)
FAILED: dict[str, Any] = dict.fromkeys(
    (*(column.key for column in RECORD), "frequency", "baud", "toolchain"), None
) | {"left_out": []}
PERCENT = 100
MEGA = 1_000_000


def _board_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from klipkit.boards.board import boards
    from klipkit.toolchain.settings import can_be_built
    from klipkit.toolchain.sources import sources

    served = [board for board in boards() if can_be_built(board, sources())]
    names = (name for board in served for name in (board.name, *board.aliases))
    return sorted(name for name in names if name.startswith(incomplete.lower()))


@tool(
    "build",
    examples=(
        (
            "klipkit build --board ramps",
            "builds the firmware of a RAMPS, and says where it is and what it takes",
        ),
        (
            "klipkit build --board melzi -o firmware-melzi",
            "puts ELF, hex, dictionary and settings into a folder",
        ),
        ("klipkit build --board uno --set BAUD=115200", "with one setting changed"),
        ("klipkit build --board mega --menu", "opens the menu of all settings first"),
        ("klipkit build --config firmware-melzi/klipkit.config", "builds with the settings of another time"),
        ("klipkit build --list", "names the boards; those without a port cannot be built yet"),
        ("hex=$(klipkit build --board ramps | cut -f1)", "for scripts: the hex file"),
    ),
)
@click.option("--board", metavar="NAME", shell_complete=_board_names, help="The board, or its chip.")
@click.option(
    "--config", "config_file", metavar="FILE", type=click.Path(), help="Settings that were saved before."
)
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a setting; repeatable."
)
@click.option(
    "--menu", is_flag=True, help="Change the settings in a menu; --config FILE is where they are saved."
)
@click.option(
    "-o", "--output", metavar="DIR", type=click.Path(), help="Put the files here, not into the cache."
)
@click.option("--list", "list_", is_flag=True, help="List the boards: name, chip, port, other names.")
@click.option("--all", "all_", is_flag=True, help="Build every board that can be built.")
def build(
    out: Output,
    board: str | None,
    config_file: str | None,
    assignments: tuple[str, ...],
    menu: bool,
    output: str | None,
    list_: bool,
    all_: bool,
) -> int:
    """Nothing is asked: a board's name says chip, clock, baud and modules. Settings by hand are those of the menu:
    PORT, CHIP, FREQUENCY, BAUD, and MODULE_x=y or n for each module.

    The files are klipkit.elf, klipkit.hex (what is flashed), klipkit.dict (the data dictionary, JSON), klipkit.config
    (the settings). What is compiled stays in the user's cache folder (XDG_CACHE_HOME) and is used again.

    Printed are the hex file, board, chip, bytes of flash taken and there (without the boot loader's), bytes of RAM
    taken and there, bytes of RAM left for the move queue, version, and whether it is built or unchanged.

    Exit status 1 when the firmware cannot be built, or does not fit.
    """
    _check_usage(board, config_file, assignments, menu=menu, list_=list_, all_=all_)
    folder = Path(output) if output is not None else None
    if list_:
        return _list(out)
    if all_:
        return _build_all(out, assignments, folder)
    if menu:
        _check_terminal(out)
    return _build_one(out, board, config_file, assignments, folder, menu=menu)


def _check_usage(
    board: str | None,
    config_file: str | None,
    assignments: Sequence[str],
    *,
    menu: bool,
    list_: bool,
    all_: bool,
) -> None:
    chosen = [name for name, given in (("--board", board), ("--config", config_file)) if given is not None]
    chosen += [name for name, given in (("--list", list_), ("--all", all_)) if given]
    if len(chosen) > 1:
        raise UsageError(f"{chosen[0]} and {chosen[1]} exclude one another")
    if menu and (list_ or all_):
        raise UsageError(f"--menu and {chosen[0]} exclude one another")
    if not chosen and not assignments and not menu:
        raise UsageError(
            "no board is named", hint="give --board NAME; `klipkit build --list` names the boards"
        )


def _check_terminal(out: Output) -> None:
    if not (out.terminal and sys.stdin is not None and sys.stdin.isatty()):
        raise UsageError("the menu needs a terminal", hint="without one, use --set KEY=VALUE")


def _list(out: Output) -> int:
    from klipkit.boards.board import boards
    from klipkit.toolchain.settings import can_be_built
    from klipkit.toolchain.sources import sources

    folder = sources()
    rows = [
        {
            "name": each.name,
            "chip": each.chip or None,
            "port": each.port if can_be_built(each, folder) else None,
            "aliases": list(each.aliases),
            "frequency": each.frequency or None,
            "baud": each.baud or None,
            "family": each.family or None,
            "note": each.note or None,
        }
        for each in boards()
    ]
    rows.sort(key=lambda row: row["port"] is None)
    out.records(LIST, rows, boards=rows)
    return EXIT_DONE


def _build_one(
    out: Output,
    board: str | None,
    config_file: str | None,
    assignments: Sequence[str],
    folder: Path | None,
    *,
    menu: bool,
) -> int:
    from klipkit.toolchain.firmware import build_firmware

    found = _board(board)
    settings = _settings(found, config_file, assignments, may_be_new=menu)
    if menu:
        _open_menu(settings)
        if config_file is not None:
            settings.save(Path(config_file))
    with _waiting(out, found.name if found else settings.title()):
        built = build_firmware(settings, folder, name=found.name if found else "", note=out.note)
    row = _record(built)
    out.records(BLOCK if out.terminal else RECORD, [_shown(row)], built=[row])
    if found and found.note:
        out.note(f"note: {found.note}")
    out.note("built" if built.changed else "nothing has changed since it was built")
    return EXIT_DONE


def _board(name: str | None) -> "Board | None":
    """The board of that name, which there are programs to build for. Raises UnknownBoard, NoPort, ToolMissing."""
    if name is None:
        return None
    from klipkit.boards.board import board_named
    from klipkit.toolchain.programs import need
    from klipkit.toolchain.settings import check_port
    from klipkit.toolchain.sources import sources

    found = board_named(name)
    check_port(found, sources())
    need(found.port)
    return found


def _settings(
    board: "Board | None", config_file: str | None, assignments: Sequence[str], *, may_be_new: bool
) -> "Settings":
    from klipkit.toolchain.settings import Settings

    if board is not None:
        settings = Settings.of(board)
    elif config_file is not None and not (may_be_new and not Path(config_file).exists()):
        settings = Settings.saved(Path(config_file))
    else:
        settings = Settings()
    settings.apply(assignments)
    return settings


def _open_menu(settings: "Settings") -> None:
    """Raises UsageError when the terminal can show no menu."""
    import curses
    import tempfile

    with tempfile.TemporaryDirectory() as scratch, redirect_stdout(sys.stderr):
        try:
            settings.open_menu(Path(scratch) / "klipkit.config")
        except curses.error as error:
            raise UsageError(
                f"the menu cannot be shown on this terminal: {sanitise(str(error))}",
                hint="look at TERM, or use --set KEY=VALUE",
            ) from None


@contextmanager
def _waiting(out: Output, what: str) -> Iterator[None]:
    """A sign that work is under way, on a terminal."""
    if not out.terminal or out.verbosity < 0:
        yield
        return
    from rich.console import Console

    with Console(file=out.stderr, no_color=not out.color).status(f"building for {what}"):
        yield


def _build_all(out: Output, assignments: Sequence[str], folder: Path | None) -> int:
    """Every board, each with files of its own; those that fail are told of one by one."""
    from klipkit.boards.board import boards
    from klipkit.toolchain.settings import can_be_built
    from klipkit.toolchain.sources import sources

    chosen = [each for each in boards() if can_be_built(each, sources())]
    rows: list[dict[str, Any]] = []
    errors: list[KlipkitError] = []
    with _progress(out, len(chosen)) as advance:
        for board in chosen:
            target = folder / board.name if folder is not None else None
            try:
                rows.append(_record(_build_board(board, assignments, target)))
            except KlipkitError as error:
                error.where = f"board {board.name}" + (f", {error.where}" if error.where else "")
                errors.append(error)
                rows.append(FAILED | {"board": board.name, "chip": board.chip or None, "result": error.code})
            advance()
    out.records(
        TABLE if out.terminal else RECORD,
        [_shown(row) for row in rows],
        built=rows,
        errors=[each.record() for each in errors],
    )
    out.stdout.flush()
    command = click.get_current_context().command_path
    if out.json:
        return max((error.exit_status for error in errors), default=EXIT_DONE)
    return max((report(error, command, out) for error in errors), default=EXIT_DONE)


def _build_board(board: "Board", assignments: Sequence[str], folder: Path | None) -> "Built":
    from klipkit.toolchain.firmware import build_firmware

    settings = _settings(board, None, assignments, may_be_new=False)
    return build_firmware(settings, folder, name=board.name)


@contextmanager
def _progress(out: Output, total: int) -> Iterator[Any]:
    """A progress bar on a terminal; gives what to call after each board."""
    if not out.terminal or out.verbosity < 0:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(file=out.stderr, no_color=not out.color)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("boards", total=total)
        yield lambda: bar.advance(task)


def _record(built: "Built") -> dict[str, Any]:
    """What was built as a JSON object; the columns are among its keys."""
    sizes = built.sizes
    flash, ram = (sizes.flash, sizes.ram) if sizes else (None, None)
    return {
        "file": str(built.hex or built.elf),
        "board": built.board or None,
        "chip": built.chip or None,
        "port": built.port,
        "frequency": built.frequency or None,
        "baud": built.baud or None,
        "flash_used": flash.used if flash else None,
        "flash_total": flash.total if flash else None,
        "ram_used": ram.used if ram else None,
        "ram_total": ram.total if ram else None,
        "stack": sizes.stack if sizes else None,
        "queue": sizes.queue if sizes else None,
        "version": built.version,
        "toolchain": built.toolchain,
        "elf": str(built.elf),
        "hex": str(built.hex) if built.hex else None,
        "dictionary": str(built.dictionary),
        "config": str(built.config),
        "log": str(built.log),
        "left_out": [each._asdict() for each in built.left_out],
        "result": "built" if built.changed else "unchanged",
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """The same with words for a person instead of numbers."""
    return row | {
        "what": _what(row),
        "flash": _of(row["flash_used"], row["flash_total"]),
        "flash_short": _share(row["flash_used"], row["flash_total"]),
        "ram": _of(row["ram_used"], row["ram_total"]),
        "ram_short": _share(row["ram_used"], row["ram_total"]),
        "queue_text": f"{row['queue']} bytes of RAM left for it" if row["queue"] is not None else None,
        "without": _without(row["left_out"]),
    }


def _what(row: dict[str, Any]) -> str:
    """Which firmware it is, for a person."""
    parts = [row["board"], row["chip"]]
    parts += [f"{row['frequency'] / MEGA:g} MHz"] if row["frequency"] else []
    parts += [f"{row['baud']} baud"] if row["baud"] else []
    return ", ".join(part for part in parts if part)


def _of(used: int | None, total: int | None) -> str | None:
    """Bytes taken of a memory, for a person."""
    if used is None or not total:
        return None
    return f"{used} of {total} bytes, {total - used} left"


def _share(used: int | None, total: int | None) -> str | None:
    if used is None or not total:
        return None
    return f"{used * PERCENT / total:.0f} % of {total}"


def _without(left_out: Sequence[dict[str, str]]) -> str:
    """The modules that are left out, those with one reason together."""
    reasons: dict[str, list[str]] = {}
    for each in left_out:
        reasons.setdefault(each["why"], []).append(each["module"])
    return "; ".join(f"{' '.join(names)} ({why})" for why, names in reasons.items())


COMMAND = build
