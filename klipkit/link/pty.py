"""A Pipe over a file descriptor that is already set up: a pty, a serial device, a socket (opened by link/serial.py)."""

import asyncio
import contextlib
import os
import tty
from pathlib import Path

from klipkit._core import ffi, lib
from klipkit.base.faults import LinkError
from klipkit.base.text import sanitise
from klipkit.link.pipe import Pipe

HEARD_MOST = 1024  # bytes that the thread keeps
CABLE_HINT = "look at cable and power of the board"


class DescriptorPipe(Pipe):
    """Drives the session by a C thread (link/thread.c) on `descriptor`, which it owns from here on and closes.

    Must be made within a running event loop (RuntimeError otherwise; the descriptor then stays the caller's).
    `name` is what errors call the port, `hint` what they advise when it breaks.
    """

    def __init__(self, descriptor: int, name: str, *, hint: str = CABLE_HINT) -> None:
        self._loop = asyncio.get_running_loop()
        super().__init__()
        self.name = name
        self._hint = hint
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)
        self._signal = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread = lib.link_thread_start(self.session, descriptor, self._signal)
        if self._thread == ffi.NULL:
            number = ffi.errno
            self.close()
            raise self._broken(number)
        self._loop.add_reader(self._signal, self._signalled)

    def wake(self) -> None:
        """Commands were queued in the session: let them go out now."""
        if self._thread != ffi.NULL:
            lib.link_thread_wake(self._thread)

    def now(self) -> float:
        """CLOCK_MONOTONIC, s."""
        return float(lib.link_now())

    @property
    def wakeups(self) -> int:
        """How often the thread woke up so far."""
        return 0 if self._thread == ffi.NULL else int(lib.link_thread_wakeups(self._thread))

    def heard(self) -> bytes:
        """The first bytes that came, 1024 at most."""
        if self._thread == ffi.NULL:
            return b""
        room = ffi.new("uint8_t[]", HEARD_MOST)
        count = lib.link_thread_heard(self._thread, room, HEARD_MOST)
        return bytes(ffi.buffer(room, count))

    def _signalled(self) -> None:
        """The thread has put messages into the session's ring, or has ended."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._signal)
        number = lib.link_thread_error(self._thread)
        if number:
            self._loop.remove_reader(self._signal)
            self.fail(self._broken(number))
        self.ready.set()

    def _broken(self, number: int) -> LinkError:
        return LinkError(
            f"the link broke: {os.strerror(number)}",
            where=sanitise(self.name, 200),
            hint=self._hint,
        )

    def _stop(self) -> None:
        if not self._loop.is_closed():
            self._loop.remove_reader(self._signal)
        if self._thread != ffi.NULL:
            lib.link_thread_stop(self._thread)
            self._thread = ffi.NULL
        os.close(self._signal)
        os.close(self._descriptor)


def open_pty(path: str | Path) -> DescriptorPipe:
    """A pipe to the MCU behind a pty, such as `klipkit-sim --pty` makes. Raises LinkError when it can't be opened.

    Must be called within a running event loop.
    """
    asyncio.get_running_loop()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise LinkError(
            f"cannot open: {error.strerror}",
            where=sanitise(str(path), 200),
            hint="is the program that serves it running?",
        ) from error
    if os.isatty(descriptor):
        tty.setraw(descriptor)
    return DescriptorPipe(descriptor, str(path))
