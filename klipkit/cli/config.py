"""`klipkit config`: a printer.cfg checked as a whole, before it drives anything."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from klipkit.base.config import Config, read_config
from klipkit.base.errors import EXIT_DONE, EXIT_USAGE, ConfigError, KlipkitError
from klipkit.base.output import Column, Output
from klipkit.base.schema import Loaded
from klipkit.base.text import sanitise
from klipkit.boards.chips import Chip
from klipkit.boards.mcuchips import known_chips
from klipkit.boards.pincheck import check as pin_problems
from klipkit.cli.sections import SCHEMA
from klipkit.cli.tool import tool, tools
from klipkit.gcode.templates import problems as template_problems
from klipkit.machine.kinematics import homing_plans, motors

COLUMNS = (
    Column("where", "Place"),
    Column("section", "Section"),
    Column("option", "Option"),
    Column("code", "Code"),
    Column("text", "Problem"),
)


@tools("config")
def config() -> None:
    """What is in a printer.cfg, without a printer."""


@tool(
    "check",
    examples=(
        ("klipkit config check printer.cfg", "lists all that is wrong with it"),
        ("klipkit config check printer.cfg --mcu atmega2560", "with the pins of that chip"),
        ("klipkit config check printer.cfg --json | jq -r '.problems[].where'", "only the places"),
    ),
)
@click.argument("file", metavar="FILE", type=click.Path())
@click.option(
    "--mcu",
    "told",
    multiple=True,
    metavar="[NAME=]CHIP",
    help="The chip of the main microcontroller, or of [mcu NAME]; repeatable.",
)
def check(out: Output, file: str, told: tuple[str, ...]) -> int:
    """List all problems of a configuration.

    One a line: file and line, section, option, code, what is wrong and what to write instead. Sections, options,
    values and their ranges are checked, what the kinematics need, names of other sections, and the pins of those
    microcontrollers whose chip --mcu or the serial port's name tells. Exit status 2 when there is a problem.
    """
    try:
        read = read_config(file)
    except ConfigError as error:
        return _show(out, file, None, [error], {})
    loaded = SCHEMA.examine(read)
    chips = _chips(out, read, told)
    for notice in (*loaded.notices, *_repeated(read)):
        out.warn(notice)
    return _show(out, file, read, _all(loaded, chips), chips)


def _chips(out: Output, config: Config, told: tuple[str, ...]) -> dict[str, Chip]:
    """The chips that are known; of the others' pins nothing can be said."""
    chips, untold = known_chips(config, told)
    for name in untold:
        option = "--mcu CHIP" if name == "mcu" else f"--mcu {sanitise(name)}=CHIP"
        out.note(f"the chip of '{sanitise(name)}' is not known, so its pins are not checked; give {option}")
    return chips


def _all(loaded: Loaded, chips: Mapping[str, Chip]) -> list[ConfigError]:
    """The problems in the order of files and lines; of a place whose option is wrong already, its pin is not told."""
    problems = list(loaded.problems)
    places = {problem.where for problem in problems}
    problems += [each for each in pin_problems(loaded.config, chips) if each.where not in places]
    problems += template_problems(loaded.sections)
    if not loaded.problems:
        problems += _of_the_machine(loaded)
    ranks = {name: rank for rank, name in enumerate(loaded.config.files)}
    return sorted(problems, key=lambda each: _rank(each.where, ranks))


def _rank(where: str, ranks: Mapping[str, int]) -> tuple[int, int]:
    file, _, line = where.rpartition(":")
    return (ranks.get(file, 0), int(line)) if line.isdecimal() else (0, 0)


def _of_the_machine(loaded: Loaded) -> list[ConfigError]:
    """What only shows when motors are put together."""
    try:
        motors(loaded)
        homing_plans(loaded)
    except ConfigError as error:
        return [error]
    return []


def _repeated(config: Config) -> Iterator[str]:
    """Options that one file sets twice. That the SAVE_CONFIG block wins is as it should be."""
    for section in config.sections.values():
        for earlier, later in section.repeated:
            saved = config.autosave.get(section.name)
            if saved is None or saved.options.get(later.name) is not later:
                yield (
                    f"{later.where}: option '{sanitise(later.name)}' in section '{sanitise(section.name)}' is set "
                    f"again; the value at {earlier.where} counts for nothing"
                )


def _show(
    out: Output, file: str, config: Config | None, problems: Sequence[KlipkitError], chips: Mapping[str, Chip]
) -> int:
    places = _places(config)
    records = []
    for problem in problems:
        section, option = places.get(problem.where, ("", ""))
        records.append({**problem.record(), "section": section, "option": option})
    rows: list[dict[str, Any]] = [
        {**record, "text": str(problem).removeprefix(f"{problem.where}: ")}
        for record, problem in zip(records, problems, strict=True)
    ]
    if rows or out.json:
        out.records(COLUMNS, rows, problems=records, mcus={name: each.name for name, each in chips.items()})
    else:
        out.note(f"{sanitise(file)}: no problem found")
    return EXIT_USAGE if problems else EXIT_DONE


def _places(config: Config | None) -> dict[str, tuple[str, str]]:
    """Section and option at each place, "file:line"."""
    found: dict[str, tuple[str, str]] = {}
    for section in config.sections.values() if config is not None else ():
        found[section.where] = (section.name, "")
        for option in section.options.values():
            found |= {
                option.where_of(index): (section.name, option.name) for index in range(len(option.lines))
            }
    return found


config.add_command(check)

COMMAND = config
