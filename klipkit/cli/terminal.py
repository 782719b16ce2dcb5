"""A terminal where lines are typed while others appear: line editing, history and completion by readline."""

import contextlib
import os
import readline
import sys
import termios
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self, TextIO

PROMPT = "> "
LOCAL_MODES = 3  # of the settings of a terminal
HISTORY_MOST = 1000  # lines


class Terminal:
    """Line editing on the standard streams. `choices` are what Tab completes a line's first word to."""

    def __init__(self, stdout: TextIO, name: str) -> None:
        self.choices: Sequence[str] = ()
        self._stdout = stdout
        self._lock = threading.Lock()
        self._prompting = False
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        self._history = Path(state) / name / "console_history"

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):
            readline.read_history_file(self._history)
        readline.set_history_length(HISTORY_MOST)
        readline.set_completer(self._complete)
        readline.set_completer_delims(" ")
        readline.parse_and_bind("tab: complete")
        self._settings = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
        self._keep_typed(sys.stdin)
        return self

    def _keep_typed(self, stdin: TextIO) -> None:
        """Ctrl-C leaves what was typed: else readline waits for a key that it was promised, and sees no signal."""
        if self._settings is not None:
            settings = list(self._settings)
            settings[LOCAL_MODES] |= termios.NOFLSH
            termios.tcsetattr(stdin, termios.TCSANOW, settings)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        readline.set_completer(None)
        if self._settings is not None:  # after Ctrl-C nothing that was typed is for the shell
            when = termios.TCSANOW if kind is None else termios.TCSAFLUSH
            with contextlib.suppress(termios.error):
                termios.tcsetattr(sys.stdin, when, self._settings)
        with contextlib.suppress(OSError):
            self._history.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(self._history)

    def read(self) -> str | None:
        """The line that is typed next; None at Ctrl-D."""
        self._prompting = True
        try:
            return input(PROMPT)
        except EOFError:
            self._stdout.write("\n")
            return None
        finally:
            self._prompting = False

    def line(self, text: str) -> None:
        """Show a line above the one that is being typed. From any thread."""
        with self._lock:
            if self._prompting:
                self._stdout.write(f"\r\x1b[K{text}\n{PROMPT}{readline.get_line_buffer()}")
            else:
                self._stdout.write(text + "\n")
            self._stdout.flush()

    def _complete(self, text: str, state: int) -> str | None:
        found = (
            [choice for choice in self.choices if choice.startswith(text)]
            if not readline.get_begidx()
            else []
        )
        return f"{found[state]} " if state < len(found) else None
