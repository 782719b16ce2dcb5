"""Reading a person's text file, with one clear error for each way in which that fails."""

from pathlib import Path

from klipkit.base.errors import FileError
from klipkit.base.text import sanitise

TEXT_LIMIT = 64 * 2**20  # bytes; a config or pin table beyond this is not one


def read_text(path: str | Path, *, limit: int = TEXT_LIMIT) -> str:
    """The text of a UTF-8 file; a byte order mark is dropped, line ends become newlines.

    Bytes that are not UTF-8 are kept as surrogates (old files have Latin-1 comments); NUL bytes mean a binary file.
    Raises FileError: missing, a folder, unreadable, binary or larger than `limit` bytes.
    """
    shown = sanitise(str(path))
    try:
        with Path(path).open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise FileError("no such file", where=shown) from None
    except IsADirectoryError:
        raise FileError("is a folder, a file was expected", where=shown) from None
    except PermissionError:
        raise FileError("may not be read", where=shown, hint="check its owner and mode") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(f"cannot be read: {sanitise(reason)}", where=shown) from None
    return decode(data, shown, limit=limit)


def decode(data: bytes, shown: str, *, limit: int = TEXT_LIMIT) -> str:
    """The text of `data`, read from the file or stream called `shown`; the same rules as read_text."""
    if len(data) > limit:
        raise FileError(f"is larger than {limit // 2**20} MiB", where=shown)
    if b"\0" in data:
        raise FileError("is a binary file, text was expected", where=shown)
    return normalised(data.decode("utf-8", "surrogateescape"))


def normalised(text: str) -> str:
    """The text without a byte order mark, its line ends as newlines."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
