"""A G-code file in pieces of whole lines, for the quick way (machine/fast.h) and, line by line, the general one."""

from collections.abc import Iterator
from pathlib import Path

from klipkit.base.errors import UsageError
from klipkit.base.faults import GcodeError
from klipkit.gcode.words import LINE_LIMIT, Line, parse_line

CHUNK = 1 << 17  # bytes of a file at a time
LINE_BYTES = 4 * LINE_LIMIT  # UTF-8: a longer line has too many characters


def chunks(path: str, offset: int = 0) -> Iterator[bytes]:
    """The file from a byte on, in pieces of whole lines. Raises UsageError when it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            file.seek(offset)
            rest = b""
            while block := file.read(CHUNK):
                rest += block
                end = rest.rfind(b"\n") + 1
                if end == 0 and len(rest) > LINE_BYTES:
                    break  # parse_line refuses it
                if end:
                    yield rest[:end]
                    rest = rest[end:]
            if rest:
                yield rest
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=path) from None


def end_of_line(chunk: bytes, at: int) -> int:
    """Where the line behind the one at a byte begins."""
    return chunk.find(b"\n", at) + 1 or len(chunk)


def line_at(chunk: bytes, at: int, where: str) -> tuple[Line | None, int]:
    """The line at a byte of a piece (None: an empty one), and where the next one begins. Raises GcodeError."""
    end = end_of_line(chunk, at)
    try:
        return parse_line(chunk[at:end].decode(), where), end
    except UnicodeDecodeError:
        hint = "is this a G-code file?"
        raise GcodeError("bytes that are no UTF-8 text", where=where, hint=hint) from None
