"""The ROM boot loader of an STM32F103 on a UART, as ST's AN3155 describes it."""

from tests.flash_peers.serial_peer import SerialPeer

ACK, NACK = b"\x79", b"\x1f"
GET, VERSION, ID, READ, GO, WRITE, ERASE = 0x00, 0x01, 0x02, 0x11, 0x21, 0x31, 0x43
COMMANDS = (GET, VERSION, ID, READ, GO, WRITE, ERASE)
PAGE = 1024
MEDIUM_DENSITY = 0x0410
RAM_AND_OPTIONS = bytes(256)


class Stm32Rom(SerialPeer):
    """Begins in the boot loader; a 64 KiB flash."""

    def __init__(self) -> None:
        super().__init__(0x800_0000, 64 * 1024)
        self._is_synced = False
        self._pending: tuple[int, int] | None = None  # command and address that wait for the next part

    def enter_bootloader(self) -> None:
        """Begin anew."""
        super().enter_bootloader()
        self._is_synced, self._pending = False, None

    def answer(self) -> bytes:
        """One command, or one part of it."""
        if not self._is_synced or self.heard[:1] == b"\x7f":
            return self._sync()
        if self._pending is not None:
            command, address = self._pending
            return self._part(command, address)
        if len(self.heard) < 2:
            return b""
        command, check = self.heard[0], self.heard[1]
        self.heard = self.heard[2:]
        if command ^ check != 0xFF or command not in COMMANDS:
            return NACK
        return self._command(command)

    def _sync(self) -> bytes:
        at = self.heard.find(b"\x7f")
        self.heard = self.heard[at + 1 :] if at >= 0 else b""
        self._is_synced = at >= 0
        return ACK if at >= 0 else b""

    def _command(self, command: int) -> bytes:
        if command == GET:
            return ACK + bytes([len(COMMANDS), 0x22, *COMMANDS]) + ACK
        if command == VERSION:
            return ACK + b"\x22\x00\x00" + ACK
        if command == ID:
            return ACK + b"\x01" + MEDIUM_DENSITY.to_bytes(2, "big") + ACK
        self._pending = (command, 0)
        return ACK

    def _part(self, command: int, address: int) -> bytes:
        if command == ERASE:
            return self._erase()
        if not address:
            return self._address(command)
        if command == READ:
            return self._read(address)
        return self._write(address)

    def _address(self, command: int) -> bytes:
        if len(self.heard) < 5:
            return b""
        part, self.heard = self.heard[:5], self.heard[5:]
        if _xor(part):
            self._pending = None
            return NACK
        self._pending = (command, int.from_bytes(part[:4], "big"))
        if command == GO:
            self._pending = None
            self.start_firmware()
        return ACK

    def _read(self, address: int) -> bytes:
        if len(self.heard) < 2:
            return b""
        count, self.heard, self._pending = self.heard[0] + 1, self.heard[2:], None
        at = address - self.start
        is_flash = 0 <= at < len(self.flash)
        return ACK + bytes(self.flash[at : at + count] if is_flash else RAM_AND_OPTIONS[:count])

    def _write(self, address: int) -> bytes:
        if not self.heard or len(self.heard) < self.heard[0] + 3:
            return b""
        size = self.heard[0] + 3
        part, self.heard, self._pending = self.heard[:size], self.heard[size:], None
        if _xor(part):
            return NACK
        self.write(address, part[1:-1])
        return ACK

    def _erase(self) -> bytes:
        if len(self.heard) < 2:
            return b""
        if self.heard[0] == 0xFF:
            self.erase()
            self.heard, self._pending = self.heard[2:], None
            return ACK
        size = self.heard[0] + 3
        if len(self.heard) < size:
            return b""
        part, self.heard, self._pending = self.heard[:size], self.heard[size:], None
        if _xor(part):
            return NACK
        for page in part[1:-1]:
            self.erase(self.start + page * PAGE, PAGE)
        return ACK


def _xor(data: bytes) -> int:
    found = 0
    for byte in data:
        found ^= byte
    return found
