"""A firmware's ELF file: how much flash and RAM it takes, and the data dictionary in it."""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from klipkit.base.errors import DataError

MAGIC = b"\x7fELF"
SYMBOL_TABLE, NO_BITS = 2, 8  # kinds of section
WRITE, ALLOCATED = 1, 2  # flags of a section
DICTIONARY = "declared_dictionary"
JSON_PARTS = ("declared_json_head", "declared_json_middle", "declared_json_tail")
# Little-endian headers by the class of the file, 1 for 32 bits and 2 for 64. File: where the sections are, bytes of
# each, count. Section: name, kind, flags, address, offset, size, link. Symbol: see _symbol().
_FILE = {1: ("<32xI10xHHxx", 52), 2: ("<40xQ10xHHxx", 64)}
_SECTION = {1: "<IIIIIII12x", 2: "<IIQQQQI20x"}
_SYMBOL = {1: "<IIIxxH", 2: "<IxxHQQ"}


class Section(NamedTuple):
    """A section: its kind, flags, address, place in the file, bytes, and the number of the section it goes with."""

    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


class Elf:
    """An ELF file. Raises DataError when it is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data = path.read_bytes()
        if self._data[:4] != MAGIC or self._data[4] not in _FILE or self._data[5] != 1:
            raise DataError("is no little-endian ELF file", where=str(path))
        self._class = self._data[4]
        self.sections = tuple(self._sections())

    def _sections(self) -> Iterator[Section]:
        form, size = _FILE[self._class]
        try:
            start, each, count = struct.unpack(form, self._data[:size])
            for number in range(count):
                name_and_rest = struct.unpack_from(_SECTION[self._class], self._data, start + number * each)
                yield Section(*name_and_rest[1:])
        except struct.error as error:
            raise DataError("is a damaged ELF file", where=str(self.path)) from error

    def flash(self) -> int:
        """The bytes that it takes of the flash: code, constants and first values of variables."""
        return sum(each.size for each in self.sections if each.flags & ALLOCATED and each.kind != NO_BITS)

    def ram(self) -> int:
        """The bytes of RAM that its variables take."""
        return sum(each.size for each in self.sections if each.flags & ALLOCATED and each.flags & WRITE)

    def symbol(self, wanted: str) -> bytes | None:
        """The bytes of a variable that has first values, None when there is no such variable."""
        for table in (each for each in self.sections if each.kind == SYMBOL_TABLE):
            names = self.sections[table.link]
            form = _SYMBOL[self._class]
            for at in range(table.offset, table.offset + table.size, struct.calcsize(form)):
                name, address, size, section = self._symbol(struct.unpack_from(form, self._data, at))
                if size and self._name(names.offset + name) == wanted:
                    place = self.sections[section]
                    start = place.offset + address - place.address
                    return self._data[start : start + size]
        return None

    def _symbol(self, fields: tuple[int, ...]) -> tuple[int, int, int, int]:
        if self._class == 1:
            name, address, size, section = fields
        else:
            name, section, address, size = fields
        return name, address, size, section

    def _name(self, start: int) -> str:
        """A symbol's name, without what link-time optimisation appends."""
        end = self._data.index(b"\0", start)
        return self._data[start:end].decode("ascii", "replace").partition(".")[0]

    def dictionary(self) -> dict[str, Any]:
        """The data dictionary that the firmware will tell a host. Raises DataError when there is none."""
        try:
            packed = self.symbol(DICTIONARY)
            text = zlib.decompress(packed) if packed is not None else self._json()
            found = json.loads(text)
        except (ValueError, IndexError, struct.error, zlib.error) as error:
            raise DataError("has no data dictionary", where=str(self.path)) from error
        if not isinstance(found, dict):
            raise DataError("has no data dictionary", where=str(self.path))
        return found

    def _json(self) -> bytes:
        """The dictionary of a port that adds to it at start, as it is before."""
        parts = (self.symbol(name) or b"" for name in JSON_PARTS)
        return b"".join(part.rstrip(b"\0") for part in parts)
