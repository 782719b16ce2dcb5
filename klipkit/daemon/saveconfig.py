"""SAVE_CONFIG on the disk: new texts of configuration files, each with a copy of the old one beside it.

    printer.cfg --copy--> printer-20261124_154500.cfg          tmc.cfg (included) --copy--> tmc-20261124_154500.cfg.bak
    printer.cfg.new, tmc.cfg.new written and synced, then renamed over the old ones, the main file last

Whatever fails, each file is whole: the old one or the new one.
"""

import contextlib
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from klipkit.base.configedit import edited
from klipkit.base.errors import FileError
from klipkit.base.text import sanitise

NEW = ".klipkit-new"


def save(path: str, changes: Mapping[str, Mapping[str, str]], now: datetime) -> list[str]:
    """Write the options into the configuration whose main file is `path`; gives the names of the files that changed.

    Raises FileError when a file cannot be written (nothing has changed then), and what reading it raises.
    """
    texts = edited(path, changes)
    written: list[tuple[Path, Path]] = []
    name = path
    try:
        for name in sorted(texts, key=lambda name: name == path):
            real = Path(os.path.realpath(name))
            written.append((_write(real, texts[name]), real))
            _copy(real, _backup(Path(name), now, is_main=name == path))
        for new, real in written:
            new.replace(real)
            _sync(real.parent)
    except OSError as error:
        for new, _ in written:
            new.unlink(missing_ok=True)
        what = f"cannot be written: {error.strerror}"
        raise FileError(what, where=sanitise(name), hint="check its folder's owner and free space") from None
    return list(texts)


def _write(real: Path, text: str) -> Path:
    """The new text in a file beside the old one, with its mode and owner."""
    new = real.with_name(real.name + NEW)
    old = real.stat()
    try:
        with new.open("wb") as file:
            os.fchmod(file.fileno(), old.st_mode & 0o7777)
            with contextlib.suppress(PermissionError):
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        new.unlink(missing_ok=True)
        raise
    return new


def _copy(real: Path, backup: Path) -> None:
    with backup.open("xb") as file:
        file.write(real.read_bytes())
        file.flush()
        os.fsync(file.fileno())


def _backup(name: Path, now: datetime, *, is_main: bool) -> Path:
    """A name that is free. An included file's is not to be found by the pattern that includes it, such as *.cfg."""
    suffix = name.suffix if is_main else name.suffix + ".bak"
    stem = f"{name.stem}-{now:%Y%m%d_%H%M%S}"
    found, number = name.with_name(stem + suffix), 1
    while found.exists():
        found, number = name.with_name(f"{stem}-{number}{suffix}"), number + 1
    return found


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
