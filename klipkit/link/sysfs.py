"""Reading the kernel's device tree under any root folder: attributes, links and lists, none of which ever fails.

A root is "" for this computer, or the path of a folder that holds sys/, dev/ and perhaps proc/; no slash at its end.
"""

import os

ATTRIBUTE_LIMIT = 512  # bytes; a USB string has at most 126 UTF-16 characters, so at most 378 bytes of UTF-8
LINK_LEVELS = 8  # of symbolic links followed one after the other


def attribute(folder: str, name: str) -> str:
    """The text of one attribute file without white space at its end; "" when it is missing or cannot be read.

    Bytes that are not UTF-8 become surrogates, NULs end the text; no more than ATTRIBUTE_LIMIT bytes are read.
    """
    data = content(f"{folder}/{name}", ATTRIBUTE_LIMIT)
    return data.split(b"\0", 1)[0].decode("utf-8", "surrogateescape").rstrip()


def content(path: str, limit: int) -> bytes:
    """The first bytes of a file, at most `limit`; b"" when it cannot be read. Never waits for a writer."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return b""
    try:
        return os.read(file, limit)
    except OSError:
        return b""
    finally:
        os.close(file)


def number(text: str, base: int) -> int | None:
    """The number that an attribute holds, or None; only digits of the base, no sign, no underscore, at most 16."""
    digits = text.removeprefix("0x")
    if not digits.isascii() or not digits.isalnum() or len(digits) > 16:
        return None
    try:
        return int(digits, base)
    except ValueError:
        return None


def names(folder: str) -> list[str]:
    """The sorted names in a folder; empty when there is no such folder."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 (names only, many times a second)
    except OSError:
        return []


def link(path: str) -> str | None:
    """Where a symbolic link points, one level, as it is written; None when it is no link."""
    try:
        return os.readlink(path)  # noqa: PTH115 (text is wanted, not a Path)
    except (OSError, ValueError):
        return None


def followed(root: str, path: str) -> str:
    """The absolute path at the end of a chain of links, each resolved within the root by its text."""
    for _ in range(LINK_LEVELS):
        target = link(root + path)
        if target is None:
            break
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))  # noqa: PTH118, PTH120
    return path
