"""The boot loader of an Arduino Leonardo (Caterina), as Atmel's AVR109 describes it."""

from tests.flash_peers.serial_peer import SerialPeer

PAGE = 128
LOCKED = bytes([0x2F, 0xCB, 0xD8, 0xFF])  # lock, low, high, extended
SIGNATURE = bytes([0x87, 0x95, 0x1E])  # ATmega32U4, last byte first


class Avr109(SerialPeer):
    """Begins in the boot loader. Answers one command at a time."""

    def __init__(self) -> None:
        super().__init__(0, 32 * 1024)
        self._address = 0  # bytes

    def answer(self) -> bytes:
        """One command."""
        if not self.heard:
            return b""
        letter = self.heard[:1]
        plain = {
            b"S": b"CATERIN", b"V": b"10", b"v": b"?", b"p": b"S", b"a": b"Y", b"b": b"Y" + PAGE.to_bytes(2, "big"),
            b"t": b"\x44\x00", b"P": b"\r", b"L": b"\r", b"s": SIGNATURE,
            b"F": LOCKED[1:2], b"N": LOCKED[2:3], b"Q": LOCKED[3:4], b"r": LOCKED[:1],
        }  # fmt: skip
        if letter in plain:
            self.heard = self.heard[1:]
            return plain[letter]
        return self._longer(letter)

    def _longer(self, letter: bytes) -> bytes:
        """Commands with parameters, and those that do something."""
        sizes = {b"T": 2, b"A": 3, b"H": 4, b"g": 4, b"x": 2, b"y": 2, b"B": 4}
        size = sizes.get(letter, 1)
        if letter == b"B" and len(self.heard) >= 4:
            size += int.from_bytes(self.heard[1:3], "big")
        if len(self.heard) < size:
            return b""
        part, self.heard = self.heard[:size], self.heard[size:]
        return self._do(letter, part)

    def _do(self, letter: bytes, part: bytes) -> bytes:
        match letter:
            case b"A":
                self._address = 2 * int.from_bytes(part[1:], "big")
            case b"e":
                self.erase()
            case b"B":
                self._program(part[4:])
            case b"g":
                return self._read(int.from_bytes(part[1:3], "big"))
            case b"E":
                self.start_firmware()
        return b"\r"

    def _program(self, data: bytes) -> None:
        at = self._address
        self.flash[at : at + PAGE] = b"\xff" * len(
            self.flash[at : at + PAGE]
        )  # a page is erased when it is written
        self.write(at, data)
        self._address += len(data)

    def _read(self, count: int) -> bytes:
        at = self._address
        self._address += count
        return bytes(self.flash[at : at + count])
