"""A board with Katapult on it, as Katapult's protocol.md describes it."""

from klipkit._core import ffi, lib
from tests.flash_peers.serial_peer import SerialPeer

HEAD, TRAILER = b"\x01\x88", b"\x99\x03"
ACK, NACK, ERROR = 0xA0, 0xF1, 0xF2
CONNECT, SEND, EOF, REQUEST, COMPLETE = 0x11, 0x12, 0x13, 0x14, 0x15
BLOCK = 64
REQUEST_TEXT = b" \x1c Request Serial Bootloader!! ~"


class Katapult(SerialPeer):
    """Begins in the boot loader. `damaged`: numbers of frames that it hears wrongly."""

    def __init__(self, chip: str, start: int, size: int = 48 * 1024) -> None:
        super().__init__(start, size)
        self.chip = chip
        self.damaged: set[int] = set()
        self._frames = 0
        self._pages: set[int] = set()

    def answer(self) -> bytes:
        """One frame."""
        at = self.heard.find(HEAD)
        if at < 0 or len(self.heard) < at + 4 or len(self.heard) < at + 8 + 4 * self.heard[at + 3]:
            return b""
        size = 4 + 4 * self.heard[at + 3]
        frame, self.heard = self.heard[at : at + size + 4], self.heard[at + size + 4 :]
        self._frames += 1
        body = frame[2:size]
        if frame[size:] != _crc(body) + TRAILER or self._frames in self.damaged:
            return _frame(NACK, b"")
        return self._execute(body[0], body[2:])

    def _execute(self, command: int, payload: bytes) -> bytes:
        echo = command.to_bytes(4, "little")
        if command == CONNECT:
            self._pages.clear()
            words = (
                (0x0001_0100).to_bytes(4, "little")
                + self.start.to_bytes(4, "little")
                + BLOCK.to_bytes(4, "little")
            )
            return _frame(ACK, echo + words + self.chip.encode() + b"\0v0.0.1-9-gabcdef0")
        if command == SEND:
            address, block = int.from_bytes(payload[:4], "little"), payload[4:]
            if len(block) != BLOCK or address + BLOCK > self.start + len(self.flash):
                return _frame(ERROR, b"")
            page = (address - self.start) // 1024
            if page not in self._pages:
                self._pages.add(page)
                self.erase(self.start + page * 1024, 1024)
            self.write(address, block)
            return _frame(ACK, echo + payload[:4])
        if command == REQUEST:
            at = int.from_bytes(payload, "little") - self.start
            return _frame(ACK, echo + payload + bytes(self.flash[at : at + BLOCK]))
        if command == EOF:
            return _frame(ACK, echo + len(self._pages).to_bytes(4, "little"))
        if command == COMPLETE:
            self.start_firmware()
            return _frame(ACK, echo)
        return _frame(ERROR, b"")

    def _take(self, data: bytes) -> None:
        if self.firmware is not None and REQUEST_TEXT in data:
            self.enter_bootloader()
            return
        super()._take(data)


def _frame(kind: int, payload: bytes) -> bytes:
    payload = payload.ljust(-(-len(payload) // 4) * 4, b"\0")
    body = bytes([kind, len(payload) // 4]) + payload
    return HEAD + body + _crc(body) + TRAILER


def _crc(body: bytes) -> bytes:
    return int(lib.crc16(ffi.from_buffer(body), len(body))).to_bytes(2, "little")
