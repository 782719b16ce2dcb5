"""A firmware image: read from Intel HEX, UF2, ELF or plain bytes, written as what a flash tool takes.

Formats: Intel, Hexadecimal Object File Format Specification, Revision A; Microsoft, UF2 (README of microsoft/uf2).
"""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from klipkit.base.errors import FileError
from klipkit.base.flashfaults import WrongImage
from klipkit.base.text import sanitise

SIZE_MOST = 16 << 20  # bytes: more than any microcontroller's flash
GAP_MOST = 1 << 20  # bytes of erased flash within an image
ERASED = 0xFF
DICTIONARY_LEAST = 64  # bytes
ZLIB_HEADS = (b"\x78\xda", b"\x78\x9c", b"\x78\x01", b"\x78\x5e")  # by level of compression

HEX_ROW = 16
DATA, END, SEGMENT, START_SEGMENT, UPPER, START = range(6)  # kinds of HEX records

UF2_BLOCK = 512  # bytes
UF2_PAYLOAD = 256
UF2_MAGIC = 0x0A324655, 0x9E5D5157
UF2_MAGIC_END = 0x0AB16F30
UF2_HAS_FAMILY = 0x2000
UF2_NOT_FLASH = 0x0001
_UF2_HEAD = struct.Struct("<8I")  # magics, flags, address, bytes, number, count, family


class Image(NamedTuple):
    """Bytes of a flash from `address` on; `address` is 0 for a file of plain bytes (kind "bin")."""

    path: Path
    kind: str  # hex, bin, uf2, elf
    address: int
    data: bytes
    family: int = 0  # of a UF2 file

    def dictionary(self) -> dict[str, Any] | None:
        """The data dictionary that the firmware will tell a host: found in the bytes, None when there is none."""
        for head in ZLIB_HEADS:
            at = self.data.find(head)
            while at >= 0:
                found = _unpacked(self.data[at:])
                if found is not None:
                    return found
                at = self.data.find(head, at + 1)
        return None


def read_image(path: Path) -> Image:
    """The image in a file, whose kind is told by its content. Raises FileError, WrongImage."""
    shown = sanitise(str(path))
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_MOST * 3 + 1)
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}", where=shown) from None
    if not data:
        raise WrongImage("is empty", where=shown)
    if data[:4] == b"\x7fELF":
        return Image(path, "elf", 0, data)
    if data.startswith(struct.pack("<2I", *UF2_MAGIC)):
        return _read_uf2(path, data)
    if data.startswith(b":"):
        return _read_hex(path, data)
    if len(data) > SIZE_MOST:
        raise WrongImage(f"has more than {SIZE_MOST >> 20} MiB", where=shown)
    return Image(path, "bin", 0, data)


def hex_text(address: int, data: bytes) -> str:
    """The bytes as Intel HEX."""
    lines, upper = [], 0
    at = 0
    while at < len(data):
        place = address + at
        if place >> 16 != upper:
            upper = place >> 16
            lines.append(_record(UPPER, 0, upper.to_bytes(2, "big")))
        count = min(HEX_ROW - place % HEX_ROW, len(data) - at)
        lines.append(_record(DATA, place & 0xFFFF, data[at : at + count]))
        at += count
    return "\n".join([*lines, _record(END, 0, b"")]) + "\n"


def uf2_bytes(address: int, data: bytes, family: int) -> bytes:
    """The bytes as a UF2 file: blocks of 256 bytes, the last one filled up as if erased."""
    pieces = [data[at : at + UF2_PAYLOAD] for at in range(0, len(data), UF2_PAYLOAD)]
    blocks = []
    for number, piece in enumerate(pieces):
        place = address + number * UF2_PAYLOAD
        head = _UF2_HEAD.pack(*UF2_MAGIC, UF2_HAS_FAMILY, place, UF2_PAYLOAD, number, len(pieces), family)
        body = piece.ljust(UF2_PAYLOAD, bytes([ERASED])).ljust(UF2_BLOCK - _UF2_HEAD.size - 4, b"\0")
        blocks.append(head + body + struct.pack("<I", UF2_MAGIC_END))
    return b"".join(blocks)


def _unpacked(data: bytes) -> dict[str, Any] | None:
    try:
        text = zlib.decompressobj().decompress(data, SIZE_MOST)
        found = json.loads(text) if len(text) >= DICTIONARY_LEAST else None
    except (zlib.error, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("config"), dict) else None


def _record(kind: int, address: int, data: bytes) -> str:
    record = bytes([len(data)]) + address.to_bytes(2, "big") + bytes([kind]) + data
    return f":{(record + bytes([-sum(record) & 0xFF])).hex().upper()}"


def _read_hex(path: Path, data: bytes) -> Image:
    pieces: list[tuple[int, bytes]] = []
    upper = 0
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        kind, address, content = _hex_record(path, number, line.strip())
        if kind == DATA:
            pieces.append((upper + address, content))
        elif kind in (UPPER, SEGMENT):
            upper = int.from_bytes(content, "big") << (16 if kind == UPPER else 4)
        elif kind == END:
            return _joined(path, "hex", pieces)
    raise WrongImage("has no end: it was cut off", where=sanitise(str(path)))


def _hex_record(path: Path, number: int, line: bytes) -> tuple[int, int, bytes]:
    where = f"{sanitise(str(path))}:{number}"
    try:
        record = bytes.fromhex(line.removeprefix(b":").decode("ascii"))
    except ValueError:
        raise WrongImage("is no line of an Intel HEX file", where=where) from None
    if not line.startswith(b":") or len(record) < 5 or len(record) != record[0] + 5:
        raise WrongImage("is no line of an Intel HEX file", where=where)
    if sum(record) & 0xFF:
        raise WrongImage("has a wrong check sum: the file is damaged", where=where)
    return record[3], int.from_bytes(record[1:3], "big"), record[4:-1]


def _read_uf2(path: Path, data: bytes) -> Image:
    shown = sanitise(str(path))
    if len(data) % UF2_BLOCK:
        raise WrongImage("is no whole number of UF2 blocks: it was cut off", where=shown)
    pieces, family, total = [], 0, len(data) // UF2_BLOCK
    for number in range(total):
        block = data[number * UF2_BLOCK : (number + 1) * UF2_BLOCK]
        *magic, flags, address, size, place, count, family = _UF2_HEAD.unpack_from(block)
        good = (place, count) == (number, total) and tuple(magic) == UF2_MAGIC
        if (
            not good
            or size > UF2_BLOCK - _UF2_HEAD.size - 4
            or not block.endswith(struct.pack("<I", UF2_MAGIC_END))
        ):
            raise WrongImage(f"block {number} is damaged", where=shown)
        if not flags & UF2_NOT_FLASH:
            pieces.append((address, block[_UF2_HEAD.size : _UF2_HEAD.size + size]))
    return _joined(path, "uf2", pieces)._replace(family=family)


def _joined(path: Path, kind: str, pieces: list[tuple[int, bytes]]) -> Image:
    """The pieces as one stretch of flash, gaps as if erased."""
    shown = sanitise(str(path))
    if not pieces:
        raise WrongImage("holds no bytes", where=shown)
    pieces = sorted(pieces)
    first = pieces[0][0]
    data = bytearray()
    for address, piece in pieces:
        gap = address - first - len(data)
        if gap < 0:
            raise WrongImage(f"holds the bytes at {address:#x} twice", where=shown)
        if gap > GAP_MOST:
            raise WrongImage(f"has {gap} bytes of nothing before {address:#x}", where=shown)
        data += bytes([ERASED]) * gap + piece
    return Image(path, kind, first, bytes(data))


def uf2_blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Address and payload of each block of a UF2 file."""
    for at in range(0, len(data), UF2_BLOCK):
        fields = _UF2_HEAD.unpack_from(data, at)
        yield fields[3], data[at + _UF2_HEAD.size : at + _UF2_HEAD.size + fields[4]]
