"""Simulated MCUs behind pseudo terminals, for a host in another process.

    foreign host <--> pty <--> ForeignPort --bytes, at the speed of the wire--> MCU of the co-simulator
                       ^
                       `-- a symlink by which the host finds it

The slave side is kept open here as well: the terminal outlives its clients and keeps its settings. What no client reads
fills the kernel's buffer, and is dropped after that, as a chip drops what its UART cannot send.
"""

import asyncio
import contextlib
import os
import tty
from pathlib import Path

from klipkit._core import ffi, lib
from klipkit.base.errors import DeviceError
from klipkit.base.text import sanitise
from klipkit.sim.cosim import Cosim

MODE = 0o660
PIECE = 1024  # bytes at a time
TERMINALS = "/dev/pts/"
LOOK_AGAIN = 0.005  # s until a wire that was full is looked at again: 125 bytes at 250000 baud


class ForeignPort:
    """One MCU behind a pty; of a running event loop whose waits let the time of `cosim` pass."""

    def __init__(self, cosim: Cosim, mcu: int, byte_time: float, link: Path) -> None:
        """Raises DeviceError when there is no pty or the link cannot be made."""
        self._cosim = cosim
        self._mcu = mcu
        self._loop = asyncio.get_running_loop()
        self.link = link
        self._unplugged = False
        self._master, self._slave = _terminal()
        self.terminal = os.ttyname(self._slave)
        try:
            _make_link(link, self.terminal)
        except DeviceError:
            self._close_terminal()
            raise
        result = lib.cosim_connect_bytes(cosim.handle, mcu, byte_time, ffi.NULL)
        cosim.check(result, f"there is no MCU {mcu}")
        cosim.listeners.append(self._look)
        self._loop.add_reader(self._master, self._read)

    def close(self) -> None:
        """The terminal and its link are gone."""
        self.unplug()
        if self.link.is_symlink() and str(self.link.readlink()) == self.terminal:
            self.link.unlink()
        self._close_terminal()

    def unplug(self) -> None:
        """Bytes go neither way any more; the terminal stays, silent."""
        if self._unplugged:
            return
        self._unplugged = True
        self._loop.remove_reader(self._master)
        self._cosim.listeners.remove(self._look)
        self._cosim.connect(self._mcu, ffi.NULL, 0.0)

    def _read(self) -> None:
        """Take what the wire has room for; the rest waits in the kernel, and the client with it."""
        room = min(int(lib.cosim_put_room(self._cosim.handle, self._mcu)), PIECE)
        if room <= 0:
            self._loop.remove_reader(self._master)
            self._loop.call_later(LOOK_AGAIN, self._listen_again)
            return
        with contextlib.suppress(BlockingIOError, InterruptedError):
            data = os.read(self._master, room)
            lib.cosim_put(self._cosim.handle, self._mcu, data, len(data))

    def _listen_again(self) -> None:
        if not self._unplugged:
            self._loop.add_reader(self._master, self._read)

    def _look(self) -> None:
        out = ffi.new("uint8_t[]", PIECE)
        while count := int(lib.cosim_take(self._cosim.handle, self._mcu, out, PIECE)):
            with contextlib.suppress(BlockingIOError, InterruptedError):
                os.write(self._master, bytes(ffi.buffer(out, count)))

    def _close_terminal(self) -> None:
        os.close(self._master)
        os.close(self._slave)


def _terminal() -> tuple[int, int]:
    """A raw pseudo terminal: master and slave."""
    try:
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        Path(os.ttyname(slave)).chmod(MODE)
    except OSError as error:
        raise DeviceError(f"no pseudo terminal: {error.strerror}", where="simulator") from None
    return master, slave


def _make_link(link: Path, terminal: str) -> None:
    """Only a link to a terminal is replaced: one that a simulator left behind."""
    shown = sanitise(str(link))
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        if link.is_symlink() and str(link.readlink()).startswith(TERMINALS):
            link.unlink()
        link.symlink_to(terminal)
    except OSError as error:
        hint = "only a link to a terminal is replaced" if isinstance(error, FileExistsError) else ""
        raise DeviceError(f"cannot make the link: {error.strerror}", where=shown, hint=hint) from None
