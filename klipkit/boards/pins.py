"""Pin names: Arduino's and Marlin's numbers to the pins of firmware, and back.

    ^! zboard: D3          ar3 is Arduino's (and the alias file's) 3, ml3 Marlin's, 3 and D3 either one's
    |  |       `- name     A3 and analog3 are analog inputs; P1_23 is an LPC's or a BeagleBone's
    |  `- microcontroller
    `- modifiers: ^ pull-up, ~ pull-down, ! inverted

Where the two numberings disagree about a number, nothing is guessed.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from klipkit.base.errors import AmbiguousPin, UnknownPin
from klipkit.base.text import did_you_mean, sanitise
from klipkit.boards.tables import PinTable

MODIFIERS = "^~!"
SHOWN = 60  # characters of a wrong name in an error
HINTS = 50  # wrong names of one translation that get a "did you mean", which takes milliseconds

_DESCRIPTION = re.compile(r"([\^~!\s]*)(?:([\w.-]+)\s*:\s*)?([\w./]+)\s*", re.ASCII)
_NUMBER = re.compile(
    r"(D|ar|ml|)(\d{1,4})|(?:A|analog)(\d{1,4})|P(\d{1,2})_(\d{1,3})(?:_A\d)?", re.IGNORECASE | re.ASCII
)


class Numbering(StrEnum):
    """Whose numbers are meant."""

    ARDUINO = "arduino"
    MARLIN = "marlin"


_PREFIXES = {"ar": Numbering.ARDUINO, "ml": Numbering.MARLIN}
_PREFIX_OF = {numbering: prefix for prefix, numbering in _PREFIXES.items()}


class Description(NamedTuple):
    """A pin as a config writes it, in its parts; what stands before the name is kept as it was written."""

    modifiers: str  # with the white space around them
    mcu: str  # "" when none is named
    name: str

    def renamed(self, name: str) -> str:
        """The description with another name."""
        return f"{self.modifiers}{self.mcu}{':' if self.mcu else ''}{name}"


class Number(NamedTuple):
    """A numbered name: the key in a pin table, and whose numbering it says that it is (None: it does not say)."""

    key: str
    numbering: Numbering | None


class Meaning(NamedTuple):
    """A pin that a name stands for; `numbering` is "" when the numberings agree or the name is the pin's own."""

    pin: str
    numbering: str


def describe(text: str) -> Description:
    """The parts of a pin description. Raises UnknownPin when it is none."""
    found = _DESCRIPTION.fullmatch(text)
    if found is None:
        raise UnknownPin(
            f"{sanitise(text, SHOWN)!r} is not a pin", hint="write a name such as D23, ^!ar23 or PA1"
        )
    modifiers, mcu, name = found.groups()
    return Description(modifiers.lstrip(), mcu or "", name)


def is_description(text: str) -> bool:
    """Whether the text could be a single pin description."""
    return _DESCRIPTION.fullmatch(text) is not None


def numbered(name: str) -> Number | None:
    """The number that a name stands for, or None when it is not one: D23, d23, 23, ar23, ml23, A14, analog14, P1_23."""
    found = _NUMBER.fullmatch(name)
    if found is None:
        return None
    prefix, digital, analog, port, bit = found.groups()
    if digital:
        return Number(f"D{int(digital)}", _PREFIXES.get(prefix.lower()))
    return Number(f"A{int(analog)}" if analog else f"P{int(port)}_{int(bit)}", None)


def meanings(table: PinTable, name: str, numbering: Numbering | None = None) -> tuple[Meaning, ...]:
    """What a name can mean on a board: nothing, one pin, or two pins when the numberings disagree.

    `numbering` decides for names that do not say whose they are.
    """
    number = numbered(name)
    if number is None:
        own = _own_pins(table).get(name.lower())
        return (Meaning(own, ""),) if own else ()
    wanted = number.numbering or numbering
    found = [
        Meaning(pins[number.key], each)
        for each, pins in _numberings(table).items()
        if number.key in pins and wanted in (None, each)
    ]
    if len({meaning.pin for meaning in found}) == 1 < len(found):
        return (Meaning(found[0].pin, ""),)
    return tuple(found)


def _numberings(table: PinTable) -> Mapping[Numbering, Mapping[str, str]]:
    return {Numbering.ARDUINO: table.arduino, Numbering.MARLIN: table.marlin}


def _own_pins(table: PinTable) -> dict[str, str]:
    """The table's pins by their lower-case names."""
    return {pin.lower(): pin for pin in (*table.arduino.values(), *table.marlin.values(), *table.shorted)}


def _agreed(table: PinTable, key: str) -> bool:
    return len({pins[key] for pins in _numberings(table).values() if key in pins}) == 1


def aliases(table: PinTable) -> dict[str, list[str]]:
    """The names of each pin of a board, spelled arN and mlN where the numberings disagree."""
    found: dict[str, list[str]] = {}
    for numbering, pins in _numberings(table).items():
        for key, pin in pins.items():
            name = key if _agreed(table, key) else _spelled(key, numbering)
            known = found.setdefault(pin, [])
            if name not in known:
                known.append(name)
    for pin, key in table.shorted.items():
        found.setdefault(pin, []).append(key)
    return found


def unknown(name: str, tables: Iterable[PinTable], *, hinted: bool = True) -> UnknownPin:
    """The error for a name that none of the tables has, with the nearest names that they have."""
    among = tuple(tables)
    one = among[0].name if len(among) == 1 else ""
    hint = _nearest(name, among) if hinted else ""
    return UnknownPin(
        f"unknown pin {sanitise(name, SHOWN)!r} on {one or 'any board'}",
        hint=hint or f"`klipkit pins list --board {one or 'NAME'}` shows the pins of a board",
    )


def _nearest(name: str, among: Iterable[PinTable]) -> str:
    number = numbered(name)
    choices = {key for table in among for key in (*table.arduino, *table.marlin, *_own_pins(table).values())}
    return did_you_mean(number.key if number else name[:SHOWN], sorted(choices))


class Translation:
    """One direction on one board: from numbers to pins, or with `to` back from pins to numbers.

    `numbering` decides for numbers that do not say whose they are and on which the numberings disagree.
    """

    def __init__(
        self, table: PinTable, *, numbering: Numbering | None = None, to: Numbering | None = None
    ) -> None:
        self.table = table
        self.numbering = numbering
        self.to = to
        self._hints = HINTS
        self._names: dict[str, str] = {}
        self._digits: dict[str, str] = {}
        self._chip_pins: dict[str, str] = {}
        if to is not None:
            self._index(to)

    def description(self, text: str) -> str:
        """A description translated, its modifiers and microcontroller kept. Raises UnknownPin, AmbiguousPin."""
        parts = describe(text)
        return parts.renamed(self.name(parts.name))

    def name(self, name: str) -> str:
        """A name translated; a pin's own name stays as it is. Raises UnknownPin, AmbiguousPin."""
        pin = self.pin(name)
        if self.to is None:
            return pin
        found = self._names.get(pin) or self.table.shorted.get(pin)
        if found is None:
            raise self._without_number(pin)
        return found

    def plain_number(self, name: str, *, analog: bool) -> str:
        """A name as a Marlin pins file writes it: a bare number, the analog input's when `analog`.

        Only for a translation back. Raises UnknownPin, AmbiguousPin.
        """
        pin = self.pin(name)
        found = self._digits.get(f"A {pin}" if analog else pin)
        if found is None:
            raise self._without_number(pin)
        return found

    def pin(self, name: str) -> str:
        """The pin that a name stands for. Raises UnknownPin, AmbiguousPin."""
        found = meanings(self.table, name, self.numbering)
        if not found:
            return self._chip_pin(name)
        if len(found) > 1:
            raise _ambiguous(name, found)
        return found[0].pin

    def _chip_pin(self, name: str) -> str:
        """The name itself when it is a pin of the table's chips that has no number."""
        if not self._chip_pins:
            from klipkit.boards.chips import chip  # costs start-up time, and is rarely needed

            for each in map(chip, self.table.chips):
                self._chip_pins |= {pin.lower(): pin for pin in (*each.pins, *each.adc, *each.pwm)}
        if found := self._chip_pins.get(name.lower()):
            return found
        self._hints -= 1
        raise unknown(name, [self.table], hinted=self._hints >= 0)

    def _without_number(self, pin: str) -> UnknownPin:
        whose = (self.to or Numbering.ARDUINO).capitalize()
        return UnknownPin(
            f"{sanitise(pin, SHOWN)!r} has no number of {whose}'s on {self.table.name}",
            hint=f"`klipkit pins list --board {self.table.name}` shows the pins that have one",
        )

    def _index(self, to: Numbering) -> None:
        """Name and bare number of each pin; where `to` numbers no pin of this board, the other numbering does."""
        first, second = sorted(_numberings(self.table).items(), key=lambda item: item[0] is not to)
        if not first[1]:
            first, second = second, first
        keys: dict[str, list[str]] = {}
        for key, pin in first[1].items():
            keys.setdefault(pin, []).append(key)
        analog_start = min(map(_count, keys.get(first[1].get("A0", ""), [])), default=0)
        for pin, names in keys.items():
            self._names[pin] = self._choose(names, analog_start, first[0])
            self._digits[pin] = next((_bare(key) for key in names if key[0] != "A"), names[0])
            for key in names:
                if key[0] == "A":
                    self._digits.setdefault(f"A {pin}", key[1:])
        for key, pin in second[1].items():
            if pin not in keys:
                self._names.setdefault(pin, _spelled(key, second[0]))

    def _choose(self, keys: list[str], analog_start: int, numbering: Numbering) -> str:
        """The name that stands on the board: digital below the first analog input, then analog, then the rest."""
        digital = [key for key in keys if key[0] == "D"]
        analog = [key for key in keys if key[0] == "A"]
        if digital and _agreed(self.table, digital[0]) and _count(digital[0]) < analog_start:
            return digital[0]
        if analog and _agreed(self.table, analog[0]):
            return analog[0]
        key = (digital or keys)[0]
        return key if _agreed(self.table, key) else _spelled(key, numbering)


def _count(key: str) -> int:
    """The number of a digital key; analog ones come last."""
    return int(key[1:]) if key[0] == "D" else 10**4


def _bare(key: str) -> str:
    return key[1:] if key[0] == "D" else key


def _spelled(key: str, numbering: Numbering) -> str:
    """The key so that it says whose it is: ar24, ml24."""
    return f"{_PREFIX_OF[numbering]}{key[1:]}" if key[0] == "D" else key


def _ambiguous(name: str, found: Iterable[Meaning]) -> AmbiguousPin:
    number = numbered(name)
    digits = number.key[1:] if number else name
    told = " and ".join(f"{meaning.pin} in {meaning.numbering.capitalize()}'s numbering" for meaning in found)
    return AmbiguousPin(
        f"{sanitise(name, SHOWN)!r} is {told}", hint=f"write ar{digits} or ml{digits}, or give --numbering"
    )
