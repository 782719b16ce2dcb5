"""A serial line for our own talk with boot loaders: blocking, raw, for this program alone."""

import contextlib
import errno
import fcntl
import os
import select
import struct
import termios
import time
from typing import Self

from klipkit.base.errors import KlipkitError
from klipkit.base.flashfaults import PortVanished
from klipkit.base.text import sanitise
from klipkit.link.serial import PTY_MAJORS, lock, set_speed, unopened

DTR_LOW = 0.05  # s: the capacitor between DTR and the reset pin of an Arduino charges in 1 ms
PIECE = 4096
TOUCH_BAUD = 1200  # the speed at which a port is opened to ask for the boot loader
TOUCH_HELD = 0.1  # s


class Line:
    """An open port. Raises LinkError, PortHeld when it cannot be opened, PortVanished when it goes."""

    def __init__(self, path: str, baud: int) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise unopened(path, error) from None
        try:
            self.is_pty = os.major(os.fstat(self._descriptor).st_rdev) in PTY_MAJORS
            lock(self._descriptor, path, is_pty=self.is_pty)
            set_speed(self._descriptor, baud)
        except OSError as error:
            os.close(self._descriptor)
            raise self._gone(error) from None
        except KlipkitError:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back to other programs."""
        with contextlib.suppress(OSError):
            if not self.is_pty:
                fcntl.ioctl(self._descriptor, termios.TIOCNXCL)
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def set_speed(self, baud: int) -> None:
        """Go on at another speed."""
        set_speed(self._descriptor, baud)

    def pulse_dtr(self) -> None:
        """Reset a board that is reset by DTR: off, then on."""
        self.set_line(termios.TIOCM_DTR | termios.TIOCM_RTS, on=False)
        time.sleep(DTR_LOW)
        self.set_line(termios.TIOCM_DTR | termios.TIOCM_RTS, on=True)

    def set_line(self, lines: int, *, on: bool) -> None:
        """Switch modem lines; a port without them (a pty) has none to switch."""
        try:
            fcntl.ioctl(
                self._descriptor, termios.TIOCMBIS if on else termios.TIOCMBIC, struct.pack("=I", lines)
            )
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL):
                raise self._gone(error) from None

    def write(self, data: bytes) -> None:
        """Send bytes, all of them."""
        while data:
            try:
                select.select([], [self._descriptor], [], 1)
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._gone(error) from None

    def read(self, seconds: float) -> bytes:
        """What comes within the time; the first bytes end it."""
        if not select.select([self._descriptor], [], [], max(0.0, seconds))[0]:
            return b""
        try:
            data = os.read(self._descriptor, PIECE)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._gone(error) from None
        if not data:
            raise self._gone(None)
        return data

    def flush(self) -> None:
        """Forget what has come."""
        termios.tcflush(self._descriptor, termios.TCIFLUSH)

    def _gone(self, error: OSError | None) -> PortVanished:
        reason = os.strerror(error.errno or errno.EIO) if error else "hung up"
        return PortVanished(
            f"the port does not work: {reason}",
            where=sanitise(self.path, 200),
            hint="look at cable and power; `klipkit ports` lists the ports that are there",
        )


def touch(path: str) -> None:
    """Open a port at 1200 baud and close it with DTR off: boards with USB of their own go into the boot loader then.

    The board takes the port away meanwhile, which is what is wanted.
    """
    with Line(path, TOUCH_BAUD) as line, contextlib.suppress(PortVanished):
        line.set_line(termios.TIOCM_DTR, on=True)
        time.sleep(TOUCH_HELD)
        line.set_line(termios.TIOCM_DTR, on=False)
