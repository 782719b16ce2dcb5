"""`klipkit pins`: pin names translated between firmware, Arduino and Marlin, listed, and a printer.cfg checked."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import click

from klipkit.base.errors import (
    EXIT_DONE,
    EXIT_NO,
    FileError,
    KlipkitError,
    UnknownPin,
    UsageError,
)
from klipkit.base.output import Column, Output
from klipkit.base.text import sanitise
from klipkit.boards import pins as names_of
from klipkit.boards.pins import Numbering, Translation
from klipkit.boards.tables import PinTable, table, tables
from klipkit.cli.tool import report, tool, tools

LINE_LIMIT = 64 * 2**20  # bytes of one line of a file on stdin
SOURCE = "stdin"

TABLE = Column("table", "Board")
PIN = Column("pin", "Pin")
NAME = Column("name", "Name")
NUMBERING = Column("numbering", "Numbering")


def _board_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from klipkit.boards.families import families

    known = {name for each in tables() for name in (each.name, *each.chips)}
    known |= {name for family in families() if family.table for name in (family.name, *family.boards)}
    return sorted(name for name in known if name.startswith(incomplete))


def _any_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from klipkit.boards.pinlist import known_names

    return sorted(each.name for each in known_names() if each.name.startswith(incomplete))


def _chip_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from klipkit.boards.chips import chip_names

    owner, equals, start = incomplete.rpartition("=")
    return [f"{owner}{equals}{name}" for name in chip_names() if name.startswith(start)]


@tools("pins")
def pins() -> None:
    """Arduino's and Marlin's pin numbers (D23, ar23, A14), the pins of firmware (PA1), and what a microcontroller's
    pins can do. Works without a printer.
    """


@tool(
    "convert",
    examples=(
        ("klipkit pins convert D23", "shows D23 on every board that has it"),
        ("klipkit pins convert D23 --board mega", "prints PA1"),
        ("klipkit pins convert '^!ar3' A14 --board ramps", "several names; modifiers are kept"),
        ("klipkit pins convert PA1 --board mega --to arduino", "goes back: prints D23"),
        ("klipkit pins convert --board mega <old.cfg >new.cfg", "translates a whole printer.cfg"),
        ("klipkit pins convert --board mega <pins_RAMPS.h", "or a Marlin pins file"),
    ),
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--board",
    metavar="NAME",
    shell_complete=_board_names,
    help="The board, its family, or a chip of one board.",
)
@click.option(
    "--to",
    type=click.Choice([each.value for each in Numbering]),
    help="Go back: from pins of firmware to numbers of this kind.",
)
@click.option(
    "--numbering",
    type=click.Choice([each.value for each in Numbering]),
    help="Whose numbers are meant where the two disagree.",
)
def convert(
    out: Output, names: tuple[str, ...], board: str | None, to: str | None, numbering: str | None
) -> int:
    """Translate pin names, or the pins of a whole file.

    A name is D23, ar23, ml23, 23, A14, analog14, P1_23 or a pin of firmware, in any case, with ^ ! ~ and a
    microcontroller (zboard:D23) before it. arN is always Arduino's number, mlN always Marlin's. Without --board every
    board that has the name is listed: board, pin.

    Without names, they are read from stdin. When each line there is one name, each is translated. Any other text needs
    --board and is taken for a file: the pins in it are translated and the rest stays as it is, byte for byte. In a
    printer.cfg, pins stand in the values of options such as step_pin, pin, pins and aliases; in a Marlin pins file
    behind #define X_STEP_PIN and in calls such as pinMode(54, OUTPUT), where a bare number is a pin too. Whether all
    lines are names shows only at the end, so names are printed when stdin ends; a file is translated line by line.

    A name that Arduino and Marlin number differently is not guessed: write arN or mlN, or give --numbering. Names that
    are not known are errors; in a file they stay as they are, with a warning. Exit status 1 when there was one.
    """
    found = table(board) if board is not None else None
    back = Numbering(to) if to else None
    whose = Numbering(numbering) if numbering else None
    if names:
        return _convert_names(out, [(name, "") for name in names], found, back, whose)
    words, lines = _read_ahead(_stdin_lines())
    if lines is None:
        return _convert_names(out, words, found, back, whose)
    if found is None:
        raise UsageError("a file can be translated for one board only", hint="give --board NAME")
    return _convert_file(out, lines, Translation(found, numbering=whose, to=back))


def _stdin_lines() -> Iterator[str]:
    """The lines of stdin with their ends as they are, undecodable bytes as surrogates."""
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("no pin is named", hint="write names, or send names or a file to stdin")
    while data := _read_line():
        if len(data) > LINE_LIMIT:
            raise FileError(f"has a line longer than {LINE_LIMIT // 2**20} MiB", where=SOURCE)
        if b"\0" in data:
            raise FileError("is a binary file, text was expected", where=SOURCE)
        for line in data.splitlines(
            keepends=True
        ):  # a lone carriage return ends a line too, as in the config reader
            yield line.decode("utf-8", "surrogateescape")


def _read_line() -> bytes:
    try:
        return sys.stdin.buffer.readline(LINE_LIMIT + 1)
    except OSError as error:  # a folder, a device that fails
        raise FileError(f"cannot be read: {sanitise(str(error.strerror))}", where=SOURCE) from None


def _read_ahead(lines: Iterator[str]) -> tuple[list[tuple[str, str]], Iterable[str] | None]:
    """(names with their places, None) when each line is one name, else ([], all lines).

    Raises UsageError when there is nothing.
    """
    ahead: list[str] = []
    words: list[tuple[str, str]] = []
    for line in lines:
        ahead.append(line)
        text = line.strip()
        if not text:
            continue
        if not names_of.is_description(text):
            return [], chain(ahead, lines)
        words.append((text, f"{SOURCE}:{len(ahead)}"))
    if not words:
        raise UsageError("stdin is empty", hint="write names, or send names or a file to stdin")
    return words, None


def _convert_names(
    out: Output,
    names: Sequence[tuple[str, str]],
    found: PinTable | None,
    to: Numbering | None,
    numbering: Numbering | None,
) -> int:
    """Translate (name, place) pairs; each that cannot be is an error of its own. Gives the exit status."""
    rows: list[dict[str, Any]] = []
    errors: list[KlipkitError] = []
    one = Translation(found, numbering=numbering, to=to) if found else None
    for name, where in names:
        try:
            rows += [_row(one, name)] if one else _on_all_boards(name, to, numbering)
        except KlipkitError as error:
            error.where = where
            errors.append(error)
    _show_names(out, rows, with_board=found is None, several=len(names) > 1, errors=errors)
    command = click.get_current_context().command_path
    return max([EXIT_DONE, *(report(error, command, out) for error in errors)])


def _row(one: Translation, name: str) -> dict[str, Any]:
    return {"name": name, "table": one.table.name, "pin": one.description(name), "numbering": ""}


def _on_all_boards(name: str, to: Numbering | None, numbering: Numbering | None) -> list[dict[str, Any]]:
    """A row for each meaning of the name on each board. Raises UnknownPin when no board has it."""
    parts = names_of.describe(name)
    rows = []
    for each in tables():
        for meaning in names_of.meanings(each, parts.name, numbering):
            try:
                pin = Translation(each, to=to).name(meaning.pin)
            except UnknownPin:  # it has no number on this board
                continue
            rows.append(
                {"name": name, "table": each.name, "pin": parts.renamed(pin), "numbering": meaning.numbering}
            )
    if not rows:
        raise names_of.unknown(parts.name, tables())
    return rows


def _show_names(
    out: Output, rows: list[dict[str, Any]], *, with_board: bool, several: bool, errors: list[KlipkitError]
) -> None:
    """The answer: pins alone for one board; else board and pin, and behind them what tells the rows apart."""
    meanings = {(row["name"], row["table"], row["pin"]) for row in rows}
    ambiguous = len({meaning[:2] for meaning in meanings}) < len(meanings)
    columns = [TABLE, PIN] if with_board else [PIN]
    if out.terminal and (several or with_board or ambiguous):
        columns = [NAME, *columns]
    elif several and with_board:
        columns.append(NAME)
    if ambiguous or (out.terminal and with_board):
        columns.append(NUMBERING)
    if out.terminal and columns == [PIN]:
        for row in rows:
            out.line(row["pin"])  # one question, one word
    elif rows or out.json:
        out.records(columns, rows, pins=rows, errors=[error.record() for error in errors])
    out.stdout.flush()


def _convert_file(out: Output, lines: Iterable[str], translation: Translation) -> int:
    """Translate a file from stdin to stdout. Gives the exit status."""
    from klipkit.boards.pinfilter import PinFilter

    work = PinFilter(translation, SOURCE)
    kept: list[str] = []
    for line in lines:
        text = work.line(line)
        if out.json:
            kept.append(text)
        else:
            out.text(_safe(text) if out.terminal else text)
    faults = work.faults()
    if out.json:
        records = [fault.record() for fault in faults]
        out.document({"text": "".join(kept), "translated": work.translated, "warnings": records})
    for fault in faults:
        out.warn(f"{fault} [{fault.code}]")
    if work.untold:
        out.warn(f"{work.untold} more names were left as they are")
    out.detail(f"{work.translated} names translated")
    return EXIT_NO if faults or work.untold else EXIT_DONE


def _safe(text: str) -> str:
    """A line for a terminal: control characters escaped, tabs and the line end kept."""
    body = text.rstrip("\r\n")
    return "\t".join(sanitise(part, len(part) * 6 + 3) for part in body.split("\t")) + (
        "\n" if text != body else ""
    )


@tool(
    "list",
    examples=(
        ("klipkit pins list", "names the boards, pin tables and chips"),
        ("klipkit pins list --board mega", "the pins of a Mega, their numbers and what they can do"),
        ("klipkit pins list --board rp2040 | grep adc", "the analog inputs of a chip"),
    ),
)
@click.option("--board", metavar="NAME", shell_complete=_any_names, help="A board, a board family or a chip.")
def list_(out: Output, board: str | None) -> int:
    """List boards, pin tables and chips, or the pins of one of them.

    With --board: pin, its Arduino and Marlin names, what it can do (adc, pwm, the roles on SPI and I2C buses), and
    what the firmware reserves it for.
    """
    from klipkit.boards.pinlist import abilities, chip_of, known_names

    if board is None:
        rows: list[dict[str, Any]] = [each._asdict() for each in known_names()]
        columns = (NAME, Column("kind", "Kind"), Column("title", "Title"), Column("chips", "Chips"))
        out.records(columns, rows, names=rows)
        return EXIT_DONE
    chip, found = chip_of(board)
    known = names_of.aliases(found) if found else {}
    rows = [{**each._asdict(), "aliases": known.get(each.pin, [])} for each in abilities(chip)]
    columns = (PIN, Column("aliases", "Names"), Column("can", "Can"), Column("reserved", "Reserved for"))
    out.records(columns, rows, chip=chip.name, table=found.name if found else None, pins=rows)
    return EXIT_DONE


@tool(
    "check",
    examples=(
        ("klipkit pins check printer.cfg --mcu atmega2560", "checks all pins of a config"),
        (
            "klipkit pins check printer.cfg --mcu stm32f446 --mcu zboard=atmega2560",
            "a config with two microcontrollers",
        ),
    ),
)
@click.argument("config", metavar="CONFIG", type=click.Path())
@click.option(
    "--mcu",
    "told",
    multiple=True,
    metavar="[NAME=]CHIP",
    shell_complete=_chip_names,
    help="The chip of the main microcontroller, or of [mcu NAME]; repeatable.",
)
def check(out: Output, config: str, told: tuple[str, ...]) -> int:
    """Find what the microcontroller would refuse in a config.

    That is: unknown pins, pins that cannot be analog inputs or hardware PWM,
    pins used twice or reserved, buses that are not there, pull-ups on outputs. One problem a line: file:line, code,
    what. [include], [board_pins] and [duplicate_pin_override] are understood.

    The chip of a microcontroller is taken from its serial port's name where that tells it; --mcu wins. Exit status 1
    when there is a problem.
    """
    from klipkit.base.config import read_config
    from klipkit.boards.mcuchips import chips_of
    from klipkit.boards.pincheck import check as problems_of

    read = read_config(config)
    chips = chips_of(read, told)
    problems = problems_of(read, chips)
    rows = [{**error.record(), "text": str(error).removeprefix(f"{error.where}: ")} for error in problems]
    columns = (Column("where", "Place"), Column("code", "Code"), Column("text", "Problem"))
    document = [error.record() for error in problems]
    if rows or out.json:
        out.records(columns, rows, problems=document, mcus={name: chip.name for name, chip in chips.items()})
    else:
        used = ", ".join(f"{name} ({chip.name})" for name, chip in chips.items()) or "no microcontroller"
        out.note(f"{sanitise(config)}: no problem with the pins of {used}")
    return EXIT_NO if problems else EXIT_DONE


for _each in (convert, list_, check):
    pins.add_command(_each)

COMMAND = pins
