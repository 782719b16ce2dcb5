"""The lists of `klipkit pins list`: every name of a board, and what the pins of a chip can do."""

from collections.abc import Iterator
from typing import NamedTuple

from klipkit.base.errors import AmbiguousBoard, UnknownBoard, UnknownChip
from klipkit.base.text import sanitise
from klipkit.boards.chips import Chip, chip, chip_names
from klipkit.boards.families import board, families
from klipkit.boards.tables import PinTable, table, tables


class Named(NamedTuple):
    """A name that stands for pins: of a pin table, a board or a chip (`kind`)."""

    name: str
    kind: str
    title: str
    chips: tuple[str, ...]


class Abilities(NamedTuple):
    """What a pin can do (adc, pwm, roles on buses such as spi2:miso), and what firmware reserves it for."""

    pin: str
    can: tuple[str, ...]
    reserved: tuple[str, ...]


def known_names() -> list[Named]:
    """All names: pin tables, then boards, then chips; each name once."""
    found = [Named(each.name, "table", each.title, each.chips) for each in tables()]
    found += [
        Named(name, "board", family.title, family.chips) for family in families() for name in family.boards
    ]
    found += [Named(each.name, "chip", each.title, (each.name,)) for each in map(chip, chip_names())]
    return list({named.name: named for named in reversed(found)}.values())[::-1]


def chip_of(name: str) -> tuple[Chip, PinTable | None]:
    """The chip that a chip's, table's or board's name stands for, and its pin table.

    Raises UnknownBoard with the nearest names, AmbiguousBoard when the board comes with several chips.
    """
    try:
        found = chip(name)
    except UnknownChip:
        pass
    else:
        return found, next((each for each in tables() if found.name in each.chips), None)
    try:
        numbers = table(name)
    except UnknownBoard:
        family = board(name)
        if len(family.chips) > 1:
            choices = ", ".join(family.chips)
            raise AmbiguousBoard(
                f"{sanitise(name)!r} comes with several chips", hint=f"name one of {choices}"
            ) from None
        return chip(family.chips[0]), None
    return chip(numbers.chips[0]), numbers


def abilities(chip: Chip) -> Iterator[Abilities]:
    """A row for each pin of a chip; the names that are nothing but analog inputs or PWM come last."""
    roles = _roles(chip)
    special = sorted((chip.adc | chip.pwm) - set(chip.pins))
    for pin in (*chip.pins, *special):
        can = [word for word, pins in (("adc", chip.adc), ("pwm", chip.pwm)) if pin in pins]
        users = tuple(user for user, pins in chip.reserved.items() if pin in pins)
        yield Abilities(pin, (*can, *roles.get(pin, ())), users)


def _roles(chip: Chip) -> dict[str, list[str]]:
    roles: dict[str, list[str]] = {}
    for buses, signals in ((chip.spi, ("miso", "mosi", "sck")), (chip.i2c, ("scl", "sda"))):
        seen: set[int] = set()
        for name, bus in buses.items():
            if bus.number not in seen:  # other names of the same bus are left out
                seen.add(bus.number)
                for pin, signal in zip(bus.pins, signals, strict=False):
                    roles.setdefault(pin, []).append(f"{name}:{signal}")
    return roles
