"""`klipkit flash` as a person calls it, with a cache folder of its own."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.command import KLIPKIT

HANG = 400  # s: a guard; flashing two boards takes 30 s on a computer that does nothing else


class Said(NamedTuple):
    """What came of a call."""

    status: int
    out: str
    err: str

    @property
    def flashed(self) -> list[dict[str, Any]]:
        """The records of --json."""
        found: list[dict[str, Any]] = json.loads(self.out)["flashed"]
        return found


def start(
    folder: Path, *arguments: object, extra: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """Begin `klipkit flash ARGUMENTS...`; what it builds stays where it always is."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("KLIPKIT", "NO_COLOR"))}
    environment = kept | {"XDG_CACHE_HOME": str(folder / "cache"), "LC_ALL": "C.UTF-8"} | dict(extra or {})
    return subprocess.Popen(
        [str(KLIPKIT), "flash", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=folder,
    )


def flash(folder: Path, *arguments: object, extra: Mapping[str, str] | None = None) -> Said:
    """Run `klipkit flash ARGUMENTS...` in a folder to its end."""
    process = start(folder, *arguments, extra=extra)
    out, err = process.communicate(timeout=HANG)
    return Said(process.returncode, out, err)
