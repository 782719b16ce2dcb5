"""Pin tables: what Arduino's and Marlin's pin numbers are called by firmware, one data file per table."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from klipkit.base.errors import AmbiguousBoard, KlipkitError, UnknownBoard
from klipkit.base.text import did_you_mean, sanitise
from klipkit.boards import datafile


@dataclass(frozen=True, slots=True)
class PinTable:
    """Pin by number. Keys are canonical: D23, A14, P8_3, P1_23; values are the pins of firmware.

    `arduino` is the numbering of Arduino and the classic alias file, `marlin` Marlin's in full; either is empty when
    there is none. `shorted` are pins wired to the pin of a number: pin to number (Arduino Due).
    """

    name: str
    title: str
    names: tuple[str, ...]
    chips: tuple[str, ...]
    arduino: Mapping[str, str]
    marlin: Mapping[str, str]
    shorted: Mapping[str, str]


@lru_cache(maxsize=1)
def tables() -> tuple[PinTable, ...]:
    """All tables, sorted by name."""
    return tuple(sorted((_load(stem) for stem in datafile.names("tables")), key=lambda each: each.name))


def table_names() -> tuple[str, ...]:
    """The names of all tables, sorted."""
    return tuple(each.name for each in tables())


def table(name: str) -> PinTable:
    """The table of that name, or the one that a board, a family or a chip stands for; case does not matter.

    Raises UnknownBoard when there is none and AmbiguousBoard when there are several.
    """
    wanted = name.strip().lower()
    if wanted in datafile.names("tables"):
        return _load(wanted)
    for each in tables():
        if wanted in (each.name, *each.names):
            return each
    return _of_chip(wanted) or _of_board(name)


def _of_chip(wanted: str) -> PinTable | None:
    found = [each for each in tables() if wanted in each.chips]
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise AmbiguousBoard(f"{sanitise(wanted, 60)!r} has several pin tables", hint=f"name one of {names}")
    return found[0] if found else None


def _of_board(name: str) -> PinTable:
    # Imported here: a table called by its own name costs no more than the tables (start-up time).
    from klipkit.boards.chips import chip
    from klipkit.boards.families import board

    try:
        family = board(name)
    except UnknownBoard:
        family = None
    if family is not None:
        if family.table:
            return table(family.table)
        raise UnknownBoard(
            f"{family.title} have no pin table",
            hint=f"their pins go by the chip's own names; tables are {', '.join(table_names())}",
        )
    try:
        found = _of_chip(chip(name).name)
    except KlipkitError:
        found = None
    if found is None:
        hint = did_you_mean(name, table_names()) or f"tables are {', '.join(table_names())}"
        raise UnknownBoard(f"no pin table for {sanitise(name, 60)!r}", hint=hint)
    return found


@lru_cache(maxsize=64)
def _load(stem: str) -> PinTable:
    fields = datafile.read("tables", stem)
    numbered = "marlin" in fields
    arduino = _numbers(fields, "arduino")
    marlin = {**arduino, **_numbers(fields, "marlin")} if numbered else {}
    for number in fields.pins("marlin_lacks", ""):
        if marlin.pop(number, None) is None:
            raise fields.error(f"'marlin_lacks': there is no {number} to leave out")
    shorted = fields.table("shorted")
    found = PinTable(
        name=fields.text("name", stem),
        title=fields.text("title"),
        names=fields.strings("names"),
        chips=fields.words("chips"),
        arduino=arduino,
        marlin=marlin,
        shorted={pin: shorted.text(pin) for pin in shorted.remaining()},
    )
    fields.end()
    return found


def _numbers(fields: datafile.Fields, key: str) -> dict[str, str]:
    """Lines "D14: PJ1 PJ0 PH1-0" count on from the number that they begin with."""
    pins: dict[str, str] = {}
    for first, rest in fields.lines(key):
        stem = first.rstrip("0123456789")
        if stem == first:
            raise fields.error(f"{key!r}: {first!r} does not end in a number")
        for number, pin in enumerate(fields.expand(rest), int(first[len(stem) :])):
            if f"{stem}{number}" in pins:
                raise fields.error(f"{key!r}: {stem}{number} is given twice")
            pins[f"{stem}{number}"] = pin
    return pins
