"""The virtual serial port: G-code as OctoPrint and terminals speak it, a line in, "ok" out.

    client --/tmp/printer--> pty --lines--> daemon.execute --> "ok", "!! what went wrong", "// for a person"
                              ^                                    |
                              `---- responses of all sources ------'

The port is raw, takes any speed, and stays when clients and machines come and go. A client that does not read loses
lines; it never holds up the daemon.
"""

import asyncio
import contextlib
import os
import tty
from collections import deque
from pathlib import Path

from klipkit.base.errors import KlipkitError, UsageError
from klipkit.base.text import sanitise
from klipkit.daemon.daemon import FROM_THE_SIDE, Daemon
from klipkit.gcode.responses import answered
from klipkit.gcode.words import LINE_LIMIT

MODE = 0o660
PIECE = 4096  # bytes
PTS = "/dev/pts/"  # where ptys are: a link to elsewhere is not ours
WAITING_MOST = 1 << 16  # bytes that wait for a client to read
AHEAD_MOST = (
    1 << 20
)  # characters of lines that are read ahead of what is carried out; M112 is found among them


class Console:
    """Serves a pty at `link`, a symbolic link, until close(). Raises UsageError when the link cannot be made."""

    def __init__(self, daemon: Daemon, link: str) -> None:
        self._daemon = daemon
        self._link = Path(link)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.fchmod(self._slave, MODE)
        os.set_blocking(self._master, False)
        self._loop = asyncio.get_running_loop()
        self._partial = b""
        self._lines: deque[str] = deque()
        self._ahead = 0  # characters of these
        self._waiting = bytearray()
        self._come = asyncio.Event()
        self._make_link()
        self._loop.add_reader(self._master, self._read)
        self._unlisten = daemon.responses.listen(self._say)
        self._task = self._loop.create_task(self._serve())

    async def close(self) -> None:
        """Take the port away."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._unlisten()
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        with contextlib.suppress(OSError):
            if str(self._link.readlink()) == os.ttyname(self._slave):
                self._link.unlink()
        os.close(self._master)
        os.close(self._slave)

    def _make_link(self) -> None:
        """Replace a link that an earlier run has left, and nothing else."""
        try:
            if self._link.is_symlink() and str(self._link.readlink()).startswith(PTS):
                self._link.unlink()
            self._link.symlink_to(os.ttyname(self._slave))
        except OSError as error:
            os.close(self._master)
            os.close(self._slave)
            raise UsageError(
                f"the virtual serial port cannot be made: {error.strerror}",
                where=str(self._link),
                hint="give another name with -I",
            ) from None

    def _read(self) -> None:
        try:
            came = os.read(self._master, PIECE)
        except (BlockingIOError, OSError):
            return
        *lines, self._partial = (self._partial + came).replace(b"\r", b"\n").split(b"\n")
        self._partial = self._partial[: LINE_LIMIT + 1]  # too long stays too long
        for line in lines:
            self._take(line.decode(errors="replace").strip("\0 \t"))
        if self._ahead > AHEAD_MOST:
            self._loop.remove_reader(self._master)

    def _take(self, line: str) -> None:
        """What must not wait goes ahead of the others."""
        words = [word for word in line.upper().replace("*", " ").split() if not word.startswith("N")]
        if words and words[0] in FROM_THE_SIDE:
            self._loop.create_task(self._carry_out(line))
        else:
            self._lines.append(line)
            self._ahead += len(line)
            self._come.set()

    async def _serve(self) -> None:
        while True:
            await self._come.wait()
            self._come.clear()
            while self._lines:
                line = self._lines.popleft()
                await self._carry_out(line)
                self._read_on(len(line))

    def _read_on(self, done: int) -> None:
        """So many characters were carried out: there may be room for more."""
        was_full = self._ahead > AHEAD_MOST
        self._ahead -= done
        if was_full and self._ahead <= AHEAD_MOST:
            self._loop.add_reader(self._master, self._read)

    async def _carry_out(self, line: str) -> None:
        answer = ""
        try:
            with answered() as answers:
                await self._daemon.execute(line, "console")
            answer = " ".join(answers)
        except KlipkitError as error:
            self._daemon.responses.error(str(error))
        except Exception as error:  # it ends this line and nothing else
            what = f"internal error, a fault of klipkit: {type(error).__name__}: {error}"
            self._daemon.log(sanitise(f"console: {line}: {what}"))
            self._daemon.responses.error(sanitise(what))
        self._say(f"ok {answer}".rstrip())

    def _say(self, line: str) -> None:
        if len(self._waiting) < WAITING_MOST:
            self._waiting += line.encode(errors="backslashreplace") + b"\n"
            self._write()

    def _write(self) -> None:
        """As much as the port takes now; the rest when it takes more."""
        try:
            del self._waiting[: os.write(self._master, self._waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self._waiting.clear()
        if self._waiting:
            self._loop.add_writer(self._master, self._write)
        else:
            self._loop.remove_writer(self._master)
