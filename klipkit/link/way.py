"""The way to one MCU, over and over: what opens pipes to it, and what resets its board without its firmware.

restart_method   done by
arduino          lines(): DTR off and on again
cheetah          lines(): the same twice, with RTS off, which decides what the chip starts
rpi_usb          power(): the USB ports go off for a moment
command          the firmware (mcu/restart.py), nothing here
"""

import asyncio
import errno
import os
from collections.abc import Sequence
from typing import Protocol

from klipkit.base.faults import LinkError
from klipkit.base.text import sanitise
from klipkit.link.pipe import Pipe
from klipkit.link.serial import BAUD, LINES_ON, TCP, ModemLines, open_pipe, show_lines
from klipkit.link.usbpower import cycle_power

Shown = tuple[ModemLines, float]  # what the outputs of a port show, and for how many s


class Way(Protocol):
    """A way to an MCU."""

    where: str  # the port, for people

    async def open(self) -> Pipe:
        """A new pipe; one at a time. Raises LinkError."""
        ...

    async def show(self, steps: Sequence[Shown]) -> bool:
        """Set the port's outputs, while no pipe is open; False when it has none. Raises LinkError."""
        ...

    async def cycle_power(self) -> None:
        """Take the board's power away for a moment, while no pipe is open. Raises LinkError."""
        ...


class FileWay:
    """A way by a path: a serial port, a pty, a socket (link/serial.py)."""

    def __init__(self, path: str, baud: int = BAUD, lines: ModemLines = LINES_ON) -> None:
        """`lines`: what the port's outputs show while it is open."""
        self.where = sanitise(path, 200)
        self._path, self._baud, self._lines = path, baud, lines

    async def open(self) -> Pipe:
        """A new pipe. Raises LinkError."""
        return await open_pipe(self._path, self._baud, self._lines)

    async def show(self, steps: Sequence[Shown]) -> bool:
        """Set the port's outputs; False when it has none. Raises LinkError."""
        if self._path.startswith(TCP):
            return False
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno == errno.ENXIO:  # a socket
                return False
            raise LinkError(f"cannot open: {os.strerror(error.errno or 0)}", where=self.where) from None
        try:
            for lines, seconds in steps:
                if not show_lines(descriptor, lines):
                    return False
                await asyncio.sleep(seconds)
        finally:
            os.close(descriptor)
        return True

    async def cycle_power(self) -> None:
        """Take the power of the USB ports away for a moment. Raises LinkError."""
        await cycle_power(self._path)
