"""SAM-BA, the monitor of SAM chips, by their data sheets: the ROM of a SAM3X8E, the boot loader of a SAMD21.

The tool programs the flash by the chip's registers and a small program in RAM that copies words; what that program
does is known by its parameters, which stand at its end.
"""

import re
from abc import abstractmethod

from tests.flash_peers.serial_peer import SerialPeer

COMMAND = re.compile(rb"([A-Za-z])([0-9A-Fa-f]*)(?:,([0-9A-Fa-f]*))?#")
CPUID = 0xE000_ED00
RESET = {0x400E_1A00: 0xA500_000D, 0xE000_ED0C: 0x05FA_0004}  # RSTC_CR of a SAM3X, AIRCR of a Cortex-M
APPLET_DST, APPLET_SRC, APPLET_WORDS = 0x28, 0x2C, 0x30  # from its first byte
NEWLINE = b"\n\r"


class SamBa(SerialPeer):
    """`applet` is the address in RAM at which the tool puts its program."""

    version = b"v1.1 Dec 15 2010 19:25:04"
    applet = 0
    words: dict[int, int] = {}  # noqa: RUF012 (each kind of chip has its own)

    def __init__(self, start: int, size: int) -> None:
        super().__init__(start, size)
        self.ram: dict[int, int] = {}  # bytes by address
        self.registers = dict(self.words)
        self._expected: tuple[int, int] | None = None  # address and count of bytes that come now

    def answer(self) -> bytes:
        """One command, or the bytes of one."""
        if self._expected is not None:
            return self._bytes()
        found = COMMAND.search(self.heard)
        if found is None:
            return b""
        self.heard = self.heard[found.end() :]
        first, second = (int(text or b"0", 16) for text in found.groups()[1:])
        return self._do(found[1].decode(), first, second) or self.answer()

    def _bytes(self) -> bytes:
        assert self._expected is not None
        address, count = self._expected
        if len(self.heard) < count:
            return b""
        data, self.heard, self._expected = self.heard[:count], self.heard[count:], None
        self.put(address, data)
        return self.answer()

    def _do(self, letter: str, first: int, second: int) -> bytes:
        told = {"N": NEWLINE, "V": self.version + NEWLINE}
        if letter in told:
            return told[letter]
        sizes = {"w": 4, "o": 1, "R": second}
        if letter in sizes:
            return self.word(first).to_bytes(4, "little") if letter == "w" else self.get(first, sizes[letter])
        match letter:
            case "W":
                self.set_word(first, second)
            case "S":
                self._expected = (first, second)
            case "G":
                self._copy()
            case _:
                return self.extended(letter, first, second)
        return b""

    def extended(self, letter: str, first: int, second: int) -> bytes:
        """Commands that only some have."""
        return b""

    def word(self, address: int) -> int:
        """What stands at an address."""
        if address in self.registers:
            return self.registers[address]
        return int.from_bytes(self.get(address, 4), "little")

    def set_word(self, address: int, value: int) -> None:
        """Write a word: a register may do something."""
        if RESET.get(address) == value:
            self.start_firmware()
        elif not self.command(address, value):
            self.put(address, value.to_bytes(4, "little"))

    @abstractmethod
    def command(self, address: int, value: int) -> bool:
        """Whether it is a register of the flash's, which then has done it."""

    def put(self, address: int, data: bytes) -> None:
        """Bytes into RAM; into the flash they go to be programmed."""
        if self.start <= address < self.start + len(self.flash):
            self.latch(address, data)
        else:
            self.ram.update(enumerate(data, address))

    @abstractmethod
    def latch(self, address: int, data: bytes) -> None:
        """Bytes were written to the flash's addresses."""

    def get(self, address: int, count: int) -> bytes:
        """Bytes of RAM or flash."""
        at = address - self.start
        if at >= 0 and at + count <= len(self.flash):
            return bytes(self.flash[at : at + count])
        return bytes(self.ram.get(place, 0) for place in range(address, address + count))

    def _copy(self) -> None:
        """The tool's own program runs."""
        dst, src, count = (self.word(self.applet + at) for at in (APPLET_DST, APPLET_SRC, APPLET_WORDS))
        self.put(dst, self.get(src, 4 * count))


class Due(SamBa):
    """The ROM of a SAM3X8E: two planes of 256 KiB, pages of 256 bytes."""

    applet = 0x2000_1000
    words = {CPUID: 0x412F_C230, 0x400E_0940: 0x285E_0A60, 0x400E_0A08: 1, 0x400E_0C08: 1}  # noqa: RUF012
    PAGE, PLANE = 256, 256 * 1024
    COMMANDS = {0x400E_0A04: 0, 0x400E_0C04: 1}  # noqa: RUF012 (EEFC_FCR of the planes)

    def __init__(self) -> None:
        super().__init__(0x8_0000, 2 * self.PLANE)
        self.boots_from_flash = False
        self._latch: dict[int, bytes] = {}

    def latch(self, address: int, data: bytes) -> None:
        """Into the latch of a page."""
        self._latch[address] = data

    def command(self, address: int, value: int) -> bool:
        """EEFC commands: write page, erase and write page, erase all, set a GPNVM bit."""
        if address not in self.COMMANDS:
            return 0x400E_0A00 <= address < 0x400E_0E00
        assert value >> 24 == 0x5A, "the key of EEFC_FCR"
        plane, number, argument = self.COMMANDS[address], value & 0xFF, value >> 8 & 0xFFFF
        begin = self.start + plane * self.PLANE
        if number == 5:
            self.erase(begin, self.PLANE)
        elif number in (1, 3):
            page = begin + argument * self.PAGE
            if number == 3:
                self.erase(page, self.PAGE)
            self.write(page, self._latch.pop(page))
        elif number == 0x0B:
            self.boots_from_flash |= argument == 1
        return True


class Zero(SamBa):
    """The boot loader of an Arduino Zero, in the first 8 KiB of the flash; it has the Arduino's own commands."""

    version = b"v2.0 [Arduino:XYZ] Apr 19 2019 14:38:48"
    applet = 0x2000_4000
    words = {CPUID: 0x410C_C601, 0x4100_2018: 0x1001_0305, 0x4100_4014: 1}  # noqa: RUF012 (DSU_DID, NVM ready)
    ROW = 256

    def __init__(self) -> None:
        super().__init__(0x2000, 248 * 1024)
        self._source = 0

    def latch(self, address: int, data: bytes) -> None:
        """Programmed at once."""
        self.write(address, data)

    def command(self, address: int, value: int) -> bool:
        """NVMCTRL: erase a row."""
        if address == 0x4100_4000 and value & 0xFF7F == 0xA502:
            self.erase(2 * self.word(0x4100_401C), self.ROW)
        return address in (0x4100_4000, 0x4100_4004)

    def extended(self, letter: str, first: int, second: int) -> bytes:
        """Erase from an address on, write from RAM, tell a check sum."""
        if letter == "X":
            self.erase(first, self.start + len(self.flash) - first)
            return b"X" + NEWLINE
        if letter == "Y" and second == 0:
            self._source = first
            return b"Y" + NEWLINE
        if letter == "Y":
            self.write(first, self.get(self._source, second))
            return b"Y" + NEWLINE
        if letter == "Z":
            return b"Z%08X#" % _crc(self.get(first, second)) + NEWLINE
        return b""


def _crc(data: bytes) -> int:
    """CRC-16 with polynomial 0x1021, from 0."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc
