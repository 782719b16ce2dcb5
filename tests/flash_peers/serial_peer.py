"""A boot loader behind a pty, in a thread; when it starts the firmware that it was given, that answers."""

import contextlib
import fcntl
import os
import pty
import select
import threading
import tty
from abc import abstractmethod
from collections.abc import Iterator
from typing import Self

from klipkit.link.serial import TCGETS2, TERMIOS2
from tests.flash_peers.images import Firmware, identity

SLICE = 0.01  # s between two looks at the pty's speed
TOUCH = 1200  # baud


class SerialPeer:
    """`flash` is the chip's from `start` on. While `firmware` is there, it answers; else the boot loader does."""

    def __init__(self, start: int, size: int) -> None:
        self.start = start
        self.flash = bytearray(b"\xff" * size)
        self.firmware: Firmware | None = None
        self.heard = b""  # by the boot loader, not taken yet
        self.touches = 0
        self.worn_out = -1  # place of a byte that does not take what is written
        self.cut_after: int | None = None  # bytes heard after which the cable is pulled
        self._taken = 0
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._stop = threading.Event()
        self._was_touched = False
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for descriptor in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    @abstractmethod
    def answer(self) -> bytes:
        """Take from `heard` what is whole, and answer it."""

    def start_firmware(self) -> None:
        """Leave the boot loader, if there is a firmware."""
        dictionary = identity(bytes(self.flash))
        self.firmware = Firmware(dictionary) if dictionary is not None else None

    def enter_bootloader(self) -> None:
        """Leave the firmware."""
        self.firmware, self.heard = None, b""

    def write(self, address: int, data: bytes) -> None:
        """Program the flash; it must have been erased."""
        at = address - self.start
        assert at >= 0 and at + len(data) <= len(self.flash), hex(address)
        is_erased = all(byte == 0xFF for byte in self.flash[at : at + len(data)])
        assert is_erased or self.worn_out >= 0, "it was not erased"  # tools write again what did not keep
        self.flash[at : at + len(data)] = data
        if self.worn_out in range(at, at + len(data)):
            self.flash[self.worn_out] ^= 1

    def erase(self, address: int = 0, size: int | None = None) -> None:
        """Erase the flash, or a part of it."""
        at = address - self.start if size is not None else 0
        count = len(self.flash) if size is None else size
        self.flash[at : at + count] = b"\xff" * count

    def touched(self) -> None:
        """The port was opened at 1200 baud."""
        self.enter_bootloader()

    def _serve(self) -> None:
        while not self._stop.is_set():
            self._look_at_speed()
            if not select.select([self._master], [], [], SLICE)[0]:
                continue
            try:
                self._take(os.read(self._master, 4096))
            except OSError:
                return

    def _take(self, data: bytes) -> None:
        self._taken += len(data)
        if self.cut_after is not None and self._taken > self.cut_after:
            self._pull()
            return
        if self.firmware is not None:
            os.write(self._master, self.firmware.feed(data))
            return
        self.heard += data
        while answer := self.answer():
            os.write(self._master, answer)

    def _pull(self) -> None:
        """The cable: both sides are hung up."""
        os.close(self._master)
        os.close(self._slave)
        raise OSError

    def _look_at_speed(self) -> None:
        is_touch = TERMIOS2.unpack(fcntl.ioctl(self._slave, TCGETS2, bytes(TERMIOS2.size)))[-1] == TOUCH
        if is_touch and not self._was_touched:
            self.touches += 1
            self.touched()
        self._was_touched = is_touch


@contextlib.contextmanager
def linked(peer: SerialPeer, link: str) -> Iterator[None]:
    """The pty under a name of its own, which goes away with it."""
    os.symlink(peer.path, link)  # noqa: PTH211
    try:
        yield
    finally:
        os.unlink(link)  # noqa: PTH108
