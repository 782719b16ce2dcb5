"""Transcripts: a golden file holds command lines and what each of them prints and returns.

    $ klipkit ports --root ROOT
    (stdout)
    [stderr]
    (stderr, when there is any)
    [exit 0]

`KLIPKIT_ACCEPT=1` (make accept) rewrites the file instead of comparing. The tool runs in this process.
"""

import io
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from klipkit.cli import main

COLUMNS = "100"  # of the terminal that is played


class Stream(io.StringIO):
    """Standard output or error, as a pipe or as a terminal."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        """Whether a terminal is played."""
        return self.terminal


def run(arguments: list[str], *, terminal: bool = False) -> tuple[int, str, str]:
    """Run `klipkit ARGUMENTS...`; gives exit status, stdout and stderr."""
    out, err = Stream(terminal=terminal), Stream(terminal=terminal)
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("NO_COLOR", "FORCE_COLOR", "KLIPKIT_DEBUG")
    }
    environment |= {"COLUMNS": COLUMNS, "TERM": "xterm"}
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch("sys.stdout", out),
        mock.patch("sys.stderr", err),
    ):
        status = main.run(arguments)
    return status, out.getvalue(), err.getvalue()


class Transcript:
    """A golden file in the making: run() adds to it, check() compares.

    `places` are words of the file that stand for what differs from run to run, such as {"ROOT": str(tmp_path)}.
    """

    def __init__(self, file: Path, places: Mapping[str, str] | None = None) -> None:
        self.file = file
        self.places = dict(places or {})
        self._parts: list[str] = []

    def run(self, command: str, *, terminal: bool = False) -> int:
        """Run a command line that begins with `klipkit` and add what it does; gives the exit status."""
        typed = command
        for word, place in self.places.items():
            typed = typed.replace(word, place)
        name, *arguments = shlex.split(typed)
        assert name == "klipkit"
        status, out, err = run(arguments, terminal=terminal)
        where = f"    # on a terminal of {COLUMNS} columns" if terminal else ""
        self._parts.append(f"$ {command}{where}\n{_ended(out)}")
        if err:
            self._parts.append(f"[stderr]\n{_ended(err)}")
        self._parts.append(f"[exit {status}]\n")
        return status

    def text(self) -> str:
        """The transcript so far, trailing blanks taken off the lines."""
        text = "".join(self._parts)
        for word, place in self.places.items():
            text = text.replace(place, word)
        return "".join(f"{line.rstrip()}\n" for line in text.splitlines())

    def check(self) -> None:
        """Compare with the golden file, or rewrite it when KLIPKIT_ACCEPT is set."""
        if os.environ.get("KLIPKIT_ACCEPT"):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(self.text(), "utf-8")
        assert self.file.exists(), f"{self.file.name} is missing: KLIPKIT_ACCEPT=1 writes it"
        assert self.text() == self.file.read_text("utf-8")


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n(no newline at the end)\n"
