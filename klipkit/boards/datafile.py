"""Reading the data files of this floor: TOML in, checked fields out."""

import os.path
import tomllib
from collections.abc import Iterator, Mapping

from klipkit.base.errors import DataError

# os.path and not pathlib in this file: importing pathlib alone costs a tenth of a tool's start.
FOLDER = os.path.join(os.path.dirname(__file__), "data")  # noqa: PTH118, PTH120
SUFFIX = ".toml"
RANGE_LIMIT = 4096  # names in one range; a longer one is a slip of the pen

UsbId = tuple[int, int]


def names(kind: str) -> tuple[str, ...]:
    """The files of a kind ("chips", "families", "tables") without their suffix, sorted."""
    files = os.listdir(_path(kind))  # noqa: PTH208
    return tuple(sorted(name[: -len(SUFFIX)] for name in files if name.endswith(SUFFIX)))


def mentions(kind: str, name: str, word: str) -> bool:
    """Whether a file's text holds `word`, case ignored: a cheap sieve before parsing."""
    return word.lower() in _text(_path(kind, name + SUFFIX)).lower()


def read(kind: str, name: str) -> "Fields":
    """The fields of one data file. Raises DataError when it is missing, not UTF-8 or not TOML."""
    path = _path(kind, name + SUFFIX)
    try:
        return Fields(path, tomllib.loads(_text(path)))
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"is not valid TOML: {error}", where=path) from error


def _path(*parts: str) -> str:
    return os.path.join(FOLDER, *parts)  # noqa: PTH118


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", where=path) from error


class Fields:
    """The values of a TOML table, taken out one by one; what is left at the end is a slip of spelling."""

    def __init__(self, where: str, values: Mapping[str, object]) -> None:
        self.where = where
        self._values = dict(values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def error(self, what: str) -> DataError:
        """A DataError that says which file it is about."""
        return DataError(what, where=self.where)

    def text(self, key: str, default: str | None = None) -> str:
        """A string. Raises DataError, as the other readers do, when it is missing or of another type."""
        value = self._values.pop(key, default)
        if not isinstance(value, str):
            raise self.error(f"{key!r} should be a string")
        return value

    def number(self, key: str, default: int | None = None) -> int:
        """An integer that is not negative."""
        value = self._values.pop(key, default)
        if isinstance(value, int) and _is_number(value):
            return value
        raise self.error(f"{key!r} should be a whole number, 0 or more")

    def flag(self, key: str, default: bool) -> bool:
        """A truth value."""
        value = self._values.pop(key, default)
        if not isinstance(value, bool):
            raise self.error(f"{key!r} should be true or false")
        return value

    def words(self, key: str, default: str | None = None) -> tuple[str, ...]:
        """A string's words, as they are."""
        return tuple(self.text(key, default).split())

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of strings, empty when missing."""
        value = self._values.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"{key!r} should be a list of strings")
        return tuple(value)

    def numbers(self, key: str) -> tuple[int, ...]:
        """A list of integers that are not negative, empty when missing."""
        value = self._values.pop(key, [])
        if not isinstance(value, list) or not all(_is_number(item) for item in value):
            raise self.error(f"{key!r} should be a list of whole numbers, 0 or more")
        return tuple(value)

    def pins(self, key: str, default: str | None = None) -> tuple[str, ...]:
        """A string of pins and ranges, written out: "PA0-2 PB5" is PA0, PA1, PA2, PB5."""
        return tuple(self.expand(self.text(key, default)))

    def lines(self, key: str) -> Iterator[tuple[str, str]]:
        """The lines "left: right" of a string, empty ones left out; the string may be missing."""
        for line in self.text(key, "").splitlines():
            left, colon, right = line.partition(":")
            if colon:
                yield left.strip(), right.strip()
            elif left.strip():
                raise self.error(f"{key!r}: the line {line.strip()!r} has no colon")

    def usb(self, key: str) -> tuple[UsbId, ...]:
        """A string of USB ids such as "1d50:614e", empty when missing."""
        return tuple(self.usb_id(word) for word in self.words(key, ""))

    def usb_id(self, word: str) -> UsbId:
        """(vendor, product) of an id written as eight hexadecimal digits around a colon."""
        vendor, colon, product = word.partition(":")
        try:
            if len(vendor) == len(product) == 4 and colon:
                return int(vendor, 16), int(product, 16)
        except ValueError:
            pass
        raise self.error(f"{word!r} is not a USB id such as 1d50:614e")

    def table(self, key: str) -> "Fields":
        """A table within the table, empty when missing."""
        value = self._values.pop(key, {})
        if not isinstance(value, dict):
            raise self.error(f"{key!r} should be a table")
        return Fields(self.where, value)

    def tables(self, key: str) -> Iterator["Fields"]:
        """The tables of an array of tables, none when missing."""
        value = self._values.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(f"{key!r} should be an array of tables")
        return (Fields(self.where, item) for item in value)

    def remaining(self) -> tuple[str, ...]:
        """The keys that were not taken out yet."""
        return tuple(self._values)

    def constant(self, key: str) -> int | str:
        """A string or an integer that is not negative."""
        return self.text(key) if isinstance(self._values.get(key), str) else self.number(key)

    def end(self) -> None:
        """Raises DataError when keys are left that nothing asked for."""
        if self._values:
            raise self.error(f"unknown key {min(self._values)!r}")

    def expand(self, text: str) -> Iterator[str]:
        """The words of a string with ranges written out, upward ("PA0-7") or downward ("PA7-0")."""
        for word in text.split():
            head, dash, last = word.rpartition("-")
            if not dash:
                yield word
                continue
            stem = head.rstrip("0123456789")
            first = head[len(stem) :]
            if not (first.isdecimal() and last.isdecimal()) or abs(int(last) - int(first)) >= RANGE_LIMIT:
                raise self.error(f"{word!r} is not a range such as PA0-7")
            start, stop = int(first), int(last)
            step = 1 if stop >= start else -1
            for number in range(start, stop + step, step):
                yield f"{stem}{number}"


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
