"""An .npz file of int64 arrays, written as a stream: no numpy, and no array in memory.

Format: a zip of .npy files; NumPy's "NEP 1: A Simple File Format for NumPy Arrays", version 1.0.
"""

import errno
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

ITEM = 8  # bytes
ALIGN = 64
MAGIC = b"\x93NUMPY\x01\x00"


class NpzWriter:
    """Arrays that grow one block at a time; the file stands under its name only when finish() has made it whole."""

    def __init__(self, path: str, rows: Mapping[str, int]) -> None:
        """`rows`: by name, how many numbers a row has (1: the array is flat)."""
        self._path = Path(path)
        self._rows = rows
        self._parts: dict[str, IO[bytes]] = {name: tempfile.TemporaryFile() for name in rows}  # noqa: SIM115 (close)

    def close(self) -> None:
        """Give up what was not finished."""
        for part in self._parts.values():
            part.close()

    def append(self, name: str, block: bytes | memoryview) -> None:
        """More int64 numbers, little-endian."""
        self._parts[name].write(block)

    def part(self, name: str) -> IO[bytes]:
        """The array so far, to read and to write over in place."""
        return self._parts[name]

    def finish(self) -> None:
        """Write the file. Raises OSError."""
        if not self._path.name:  # "." or "/"
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        made = self._path.with_name(f".{self._path.name}.part")
        try:
            with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                for name, part in self._parts.items():
                    self._store(archive, name, part)
            made.replace(self._path)
        finally:
            made.unlink(missing_ok=True)

    def _store(self, archive: zipfile.ZipFile, name: str, part: IO[bytes]) -> None:
        count, width = part.seek(0, 2) // ITEM, self._rows[name]
        shape = f"({count},)" if width == 1 else f"({count // width}, {width})"
        part.seek(0)
        entry = zipfile.ZipInfo(
            f"{name}.npy", (1980, 1, 1, 0, 0, 0)
        )  # no date: the same steps, the same file
        entry.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(entry, "w", force_zip64=True) as file:
            file.write(_header(shape))
            shutil.copyfileobj(part, file, 1 << 20)


def _header(shape: str) -> bytes:
    text = f"{{'descr': '<i8', 'fortran_order': False, 'shape': {shape}, }}"
    padding = -(len(MAGIC) + 2 + len(text) + 1) % ALIGN
    text += " " * padding + "\n"
    return MAGIC + len(text).to_bytes(2, "little") + text.encode()
