"""Kinds of option values: how a number, a choice, a list or a template is written, read and described."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

from klipkit.base.config import Option
from klipkit.base.errors import ConfigError, MissingSection, OptionRange, OptionValue
from klipkit.base.text import did_you_mean, sanitise

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
E = TypeVar("E", bound=Enum)

SHOWN = 60  # characters of a wrong value in an error
CHOICES_SHOWN = 12  # more names than these are not listed in an error

_TRUE = frozenset(("1", "yes", "true", "on"))
_FALSE = frozenset(("0", "no", "false", "off"))


@dataclass(frozen=True, slots=True)
class Text:
    """A value or a piece of one, and which line of the value (from 0) it begins in."""

    text: str
    option: Option
    line: int = 0

    def split(self, separator: str) -> Iterator["Text"]:
        """The stripped pieces that are not empty."""
        line = self.line
        for piece in self.text.split(separator):
            lead = piece[: len(piece) - len(piece.lstrip())]
            if stripped := piece.strip():
                yield Text(stripped, self.option, line + lead.count("\n"))
            line += piece.count("\n") + separator.count("\n")

    @property
    def shown(self) -> str:
        """The piece in quotes, safe to show and cut."""
        return f"'{sanitise(self.text, SHOWN)}'"


class Wrong(Exception):
    """A value that its kind refuses; the schema adds where it stands and raises `error`.

    `what` goes on after the words "option 'x' in section 'y'".
    """

    def __init__(
        self, what: str, text: Text, *, hint: str = "", error: type[ConfigError] = OptionValue
    ) -> None:
        super().__init__(what)
        self.what = what
        self.text = text
        self.hint = hint
        self.error = error


def expected(words: str, text: Text, hint: str = "") -> Wrong:
    """The usual refusal: what was expected, and what was found."""
    return Wrong(f"expected {words}, found {text.shown}", text, hint=hint)


class Scope(Protocol):
    """What a kind may ask about the rest of the configuration."""

    def named(self, role: str) -> Mapping[str, str]:
        """The names by which sections of that role can be called, each with its section's full name."""


class Kind(ABC, Generic[T]):
    """A way of writing a value. `words` and `range` describe it in the reference."""

    words: str = ""
    range: str = ""

    @abstractmethod
    def read(self, text: Text, scope: Scope) -> T:
        """The value of `text`. Raises Wrong."""


class _Text(Kind[str]):
    def __init__(self, words: str, may_be_empty: bool) -> None:
        self.words = words
        self.may_be_empty = may_be_empty

    def read(self, text: Text, scope: Scope) -> str:
        if not text.text and not self.may_be_empty:
            raise expected(self.words, text)
        return text.text


def text(words: str = "text", *, may_be_empty: bool = False) -> Kind[str]:
    """Any text; `words` say what it is, for example "file name"."""
    return _Text(words, may_be_empty)


@dataclass(frozen=True)
class _Limits:
    """The limits of a number; None is no limit."""

    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None

    def said(self) -> str:
        parts = (
            ("at least", self.minimum),
            ("above", self.above),
            ("at most", self.maximum),
            ("below", self.below),
        )
        return ", ".join(f"{word} {limit:.12g}" for word, limit in parts if limit is not None)

    def check(self, value: float, text: Text) -> None:
        if self.minimum is not None and value < self.minimum:
            raise _outside(f"must have minimum of {self.minimum:.12g}", text)
        if self.maximum is not None and value > self.maximum:
            raise _outside(f"must have maximum of {self.maximum:.12g}", text)
        if self.above is not None and value <= self.above:
            raise _outside(f"must be above {self.above:.12g}", text)
        if self.below is not None and value >= self.below:
            raise _outside(f"must be below {self.below:.12g}", text)


def _outside(what: str, text: Text) -> Wrong:
    return Wrong(f"{what}, found {text.shown}", text, error=OptionRange)


class _Number(Kind[float]):
    words = "number"

    def __init__(self, limits: _Limits) -> None:
        self.limits = limits
        self.range = limits.said()

    def read(self, text: Text, scope: Scope) -> float:
        try:
            value = float(text.text)
        except ValueError:
            raise expected("a number", text, _number_hint(text.text)) from None
        if not math.isfinite(value):
            raise expected("a finite number", text)
        self.limits.check(value, text)
        return value


def _number_hint(text: str) -> str:
    if "," in text and _is_number(text.replace(",", ".")):
        return "write the decimals behind a point"
    bare = text.rstrip("%/^2²").rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµ°/^ ")
    return "leave out the unit" if bare != text and _is_number(bare) else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def number(
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Kind[float]:
    """A finite number within the limits."""
    return _Number(_Limits(minimum, maximum, above, below))


class _Integer(Kind[int]):
    words = "whole number"

    def __init__(self, limits: _Limits) -> None:
        self.limits = limits
        self.range = limits.said()

    def read(self, text: Text, scope: Scope) -> int:
        try:
            value = int(text.text)
        except ValueError:
            raise expected("a whole number", text, _number_hint(text.text)) from None
        self.limits.check(value, text)
        return value


def integer(*, minimum: int | None = None, maximum: int | None = None) -> Kind[int]:
    """A whole number, written in decimal, within the limits."""
    return _Integer(_Limits(minimum, maximum))


class _Boolean(Kind[bool]):
    words = "true or false"

    def read(self, text: Text, scope: Scope) -> bool:
        word = text.text.lower()
        if word not in _TRUE and word not in _FALSE:
            raise expected("true or false (or yes, no, on, off, 1, 0)", text)
        return word in _TRUE


def boolean() -> Kind[bool]:
    """true, yes, on or 1; false, no, off or 0; in any case of letters."""
    return _Boolean()


def said_choices(names: Sequence[str]) -> str:
    """ "one of a, b, c", or "one of 40 names" when they are too many to list."""
    return f"one of {', '.join(names)}" if len(names) <= CHOICES_SHOWN else f"one of {len(names)} names"


def not_a_choice(text: Text, names: Sequence[str]) -> Wrong:
    """The refusal of a name that is not among `names`."""
    what, hint = f"has {text.shown}, which is not a valid choice", did_you_mean(text.text, names)
    if len(names) <= CHOICES_SHOWN:
        return Wrong(f"{what}: expected {said_choices(names)}", text, hint=hint)
    return Wrong(what, text, hint=hint or "`man klipkit-printer.cfg` lists the names")


class _Choice(Kind[T]):
    def __init__(self, values: Mapping[str, T]) -> None:
        self.values = values
        self.words = said_choices(list(values))

    def read(self, text: Text, scope: Scope) -> T:
        if text.text not in self.values:
            raise not_a_choice(text, list(self.values))
        return self.values[text.text]


def choice(values: type[E]) -> Kind[E]:
    """One of an enumeration's values, written as the value of the member is."""
    return _Choice({str(member.value): member for member in values})


def mapped(values: Mapping[str, T]) -> Kind[T]:
    """One of the keys; the value is what it stands for."""
    return _Choice(values)


@dataclass(frozen=True, slots=True)
class Template:
    """The text of a template (its delimiters not yet looked at) and where each of its lines stands."""

    text: str
    file: str = ""
    lines: tuple[int, ...] = ()


class _Template(Kind[Template]):
    words = "G-code template"

    def read(self, text: Text, scope: Scope) -> Template:
        lines = text.option.lines[text.line : text.line + text.text.count("\n") + 1]
        return Template(text.text, text.option.file, lines)


def template() -> Kind[Template]:
    """G-code with expressions, kept as text."""
    return _Template()


@dataclass(frozen=True, slots=True)
class Reference:
    """The full name of a section that another one names."""

    section: str


class _Reference(Kind[Reference]):
    def __init__(self, role: str) -> None:
        self.role = role
        self.words = f"name of a {role}"

    def read(self, text: Text, scope: Scope) -> Reference:
        names = scope.named(self.role)
        if text.text not in names:
            known = f"the {self.role}s are {', '.join(sorted(names))}" if names else "there is none"
            hint = did_you_mean(text.text, names) or sanitise(known)
            what = f"names the {self.role} {text.shown}, for which there is no section"
            raise Wrong(what, text, hint=hint, error=MissingSection)
        return Reference(names[text.text])


def reference(role: str) -> Kind[Reference]:
    """The name of a section whose declaration has that role: "extruder", or "oven" for [heater_generic oven]."""
    return _Reference(role)


class _List(Kind[tuple[T, ...]]):
    def __init__(self, item: Kind[T], separator: str, minimum: int, maximum: int | None) -> None:
        self.item = item
        self.separator = separator
        self.minimum = minimum
        self.maximum = maximum
        by = "one a line" if separator == "\n" else f"separated by '{separator}'"
        self.words = f"list of {item.words}, {by}"
        self.range = item.range
        self.count = _said_count(minimum, maximum)

    def read(self, text: Text, scope: Scope) -> tuple[T, ...]:
        pieces = list(text.split(self.separator))
        if len(pieces) < self.minimum or (self.maximum is not None and len(pieces) > self.maximum):
            raise expected(f"{self.count} values ({self.words})", text)
        return tuple(self.item.read(piece, scope) for piece in pieces)


def _said_count(minimum: int, maximum: int | None) -> str:
    if maximum is None:
        return f"at least {minimum}"
    return f"{minimum}" if minimum == maximum else f"{minimum} to {maximum}"


def list_of(
    item: Kind[T], *, separator: str = ",", minimum: int = 1, maximum: int | None = None
) -> Kind[tuple[T, ...]]:
    """Values with a separator between them; a new line inside is white space, an empty item is left out."""
    return _List(item, separator, minimum, maximum)


def lines_of(item: Kind[T], *, minimum: int = 1, maximum: int | None = None) -> Kind[tuple[T, ...]]:
    """One value a line; of lists with lines_of(list_of(...))."""
    return _List(item, "\n", minimum, maximum)


class _Pair(Kind[tuple[A, B]]):
    def __init__(self, first: Kind[A], second: Kind[B], separator: str) -> None:
        self.first = first
        self.second = second
        self.separator = separator
        self.words = f"{first.words}{separator}{second.words}"

    def read(self, text: Text, scope: Scope) -> tuple[A, B]:
        pieces = list(text.split(self.separator))
        if len(pieces) != 2:
            raise expected(self.words, text)
        return self.first.read(pieces[0], scope), self.second.read(pieces[1], scope)


def pair(first: Kind[A], second: Kind[B], separator: str = ",") -> Kind[tuple[A, B]]:
    """Two values with a separator between them: a point `10, 20`, a gear ratio `5:1`, an alias `EXP1_1=PE6`."""
    return _Pair(first, second, separator)


def point() -> Kind[tuple[float, float]]:
    """x, y in mm."""
    return pair(number(), number())


class _Point3(Kind[tuple[float, float, float]]):
    words = "x, y, z"

    def read(self, text: Text, scope: Scope) -> tuple[float, float, float]:
        pieces = list(text.split(","))
        if len(pieces) != 3:
            raise expected(self.words, text)
        x, y, z = (number().read(piece, scope) for piece in pieces)
        return x, y, z


def point3() -> Kind[tuple[float, float, float]]:
    """x, y, z in mm."""
    return _Point3()


class _Checked(Kind[T]):
    def __init__(self, kind: Kind[T], holds: Callable[[T], bool], words: str) -> None:
        self.kind = kind
        self.holds = holds
        self.words = words
        self.range = kind.range

    def read(self, text: Text, scope: Scope) -> T:
        value = self.kind.read(text, scope)
        if not self.holds(value):
            raise expected(self.words, text)
        return value


def checked(kind: Kind[T], holds: Callable[[T], bool], words: str) -> Kind[T]:
    """A value of that kind for which `holds` is true; `words` say what it is, for example "a power of two"."""
    return _Checked(kind, holds, words)
