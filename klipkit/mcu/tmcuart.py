"""The UART of Trinamic drivers on pins of an MCU: datagrams, their bits, and one line for several drivers.

    read     --> f5 address register      crc        <-- 05 ff register data (4) crc
    write    --> f5 address register|80 data (4) crc     nothing: the driver counts it in IFCNT

    a byte   start 0, eight data bits from the lowest on, stop 1: ten bits; the MCU takes and gives such bits as bytes

The firmware sends and samples the bits (firmware/modules/tmcuart.c). TMC2209 data sheet, section 4.
"""

import asyncio
from collections.abc import Sequence

from klipkit.base.faults import DriverSilent
from klipkit.base.pin import Pin
from klipkit.mcu.mcu import Mcu

REQUEST = 0xF5  # 5 for the length of a bit; the upper half is free, and counts in the checksum
ANSWER, MASTER, WRITE = 0x05, 0xFF, 0x80
ANSWER_SIZE = 8  # bytes
BYTE_BITS = 10
BAUD, BAUD_AVR = 40000, 9000  # what bits that software makes can be: 25 us are few cycles for an AVR
POLYNOMIAL = 0x07  # x^8 + x^2 + x + 1
IFCNT = 0x02
TRIES = 5


def crc_of(data: bytes) -> int:
    """The checksum of a datagram, each byte from its lowest bit on (section 4.2)."""
    crc = 0
    for byte in data:
        for bit in range(8):
            crc = crc << 1 & 0xFF ^ (POLYNOMIAL if (crc >> 7 ^ byte >> bit) & 1 else 0)
    return crc


def bits_of(data: bytes) -> bytes:
    """Bytes as the line has them, start and stop bits included; in bytes, lowest bit first, filled up with ones."""
    line, count = 0, 0
    for byte in data:
        line |= (byte << 1 | 1 << (BYTE_BITS - 1)) << count
        count += BYTE_BITS
    size = (count + 7) // 8
    return (line | ((1 << size * 8) - (1 << count))).to_bytes(size, "little")


def bytes_of(line: bytes) -> bytes | None:
    """The bytes of bits_of(); None when a start or stop bit is wrong."""
    value, found = int.from_bytes(line, "little"), bytearray()
    for at in range(0, len(line) * 8 // BYTE_BITS * BYTE_BITS, BYTE_BITS):
        bits = value >> at
        if bits & 1 or not bits >> (BYTE_BITS - 1) & 1:
            return None
        found.append(bits >> 1 & 0xFF)
    return bytes(found)


def read_request(address: int, register: int) -> bytes:
    """The datagram that asks for a register."""
    return _closed(bytes((REQUEST, address, register)))


def write_request(address: int, register: int, value: int) -> bytes:
    """The datagram that sets a register."""
    return _closed(bytes((REQUEST, address, register | WRITE)) + value.to_bytes(4, "big"))


def answered(line: bytes, register: int) -> int | None:
    """What a register holds, by the bits of an answer; None when it is none."""
    data = bytes_of(line)
    if data is None or len(data) != ANSWER_SIZE or _closed(data[:-1]) != data:
        return None
    return int.from_bytes(data[3:7], "big") if data[:3] == bytes((ANSWER, MASTER, register)) else None


def _closed(data: bytes) -> bytes:
    return data + bytes((crc_of(data),))


class UartLine:
    """A line: one pin for both ways, or `rx` and `tx`. One transfer at a time."""

    def __init__(self, mcu: Mcu, rx: Pin, tx: Pin) -> None:
        self.mcu = mcu
        self.lock = asyncio.Lock()
        self.pins = (rx.name, tx.name)
        self._oid = mcu.allocate_oid()
        baud = BAUD_AVR if mcu.is_avr else BAUD
        mcu.configuration.add(
            f"config_tmcuart oid={self._oid} rx_pin={rx.name} pull_up={rx.pull} tx_pin={tx.name} "
            f"bit_time={int(mcu.frequency / baud)}"
        )

    async def exchange(self, data: bytes, answer: int = 0) -> bytes:
        """Send bytes, and give the bits of an answer of so many bytes: empty when none begins. Raises KlipkitError."""
        wanted = (answer * BYTE_BITS + 7) // 8
        heard = await self.mcu.talk.query(
            f"tmcuart_send oid={self._oid} write={bits_of(data).hex()} read={wanted}",
            "tmcuart_response",
            self._oid,
        )
        return heard.message.data("read")


class Select:
    """Pins that connect one of several drivers to a line, through an analog multiplexer: each with its level."""

    def __init__(self, mcu: Mcu, names: Sequence[str]) -> None:
        self._mcu = mcu
        self._outputs = [(mcu.allocate_oid(), name) for name in names]
        for oid, name in self._outputs:
            mcu.configuration.add(
                f"config_digital_out oid={oid} pin={name} value=0 default_value=0 max_duration=0"
            )

    @property
    def names(self) -> list[str]:
        """The pins."""
        return [name for _, name in self._outputs]

    def set(self, levels: Sequence[int]) -> None:
        """Their levels, before what is sent next."""
        for (oid, _), level in zip(self._outputs, levels, strict=True):
            self._mcu.talk.send(f"update_digital_out oid={oid} value={level}")


class TmcUart:
    """The registers of one driver, by its address on a line, and by pins that connect it."""

    def __init__(
        self,
        stepper: str,
        line: UartLine,
        address: int = 0,
        select: Select | None = None,
        levels: Sequence[int] = (),
    ) -> None:
        self._stepper = stepper
        self._line = line
        self._address = address
        self._select = select
        self._levels = tuple(levels)
        self._count: int | None = None  # IFCNT as last read

    async def read(self, register: int, name: str) -> int:
        """What a register holds. Raises DriverSilent when the driver does not answer."""
        async with self._line.lock:
            return await self._read(register, name)

    async def write(self, register: int, name: str, value: int) -> None:
        """Set a register, and see in IFCNT that the driver took it. Raises DriverSilent when it did not."""
        async with self._line.lock:
            if self._count is None:
                self._count = await self._read(IFCNT, "IFCNT")
            for _ in range(TRIES):
                before = self._count
                self._connect()
                await self._line.exchange(write_request(self._address, register, value))
                self._count = None
                self._count = await self._read(IFCNT, "IFCNT")
                if self._count == (before + 1) % 256:
                    return
        raise self._silent("write", name)

    async def _read(self, register: int, name: str) -> int:
        for _ in range(TRIES):
            self._connect()
            line = await self._line.exchange(read_request(self._address, register), ANSWER_SIZE)
            value = answered(line, register)
            if value is not None:
                return value
        raise self._silent("read", name)

    def _silent(self, what: str, name: str) -> DriverSilent:
        return DriverSilent(
            f"Unable to {what} tmc uart '{self._stepper}' register {name}",
            where=f"MCU '{self._line.mcu.name}'",
            hint="has it motor power, are uart_pin and uart_address right, is it in UART mode (jumpers)?",
        )

    def _connect(self) -> None:
        if self._select is not None:
            self._select.set(self._levels)


class UartLines:
    """The lines of a machine: drivers that name the same pins share one."""

    def __init__(self) -> None:
        self._lines: list[UartLine] = []
        self._selects: list[tuple[Mcu, Select]] = []

    def line(self, mcu: Mcu, rx: Pin, tx: Pin) -> UartLine:
        """The line of these pins."""
        for line in self._lines:
            if line.mcu is mcu and line.pins == (rx.name, tx.name):
                return line
        self._lines.append(UartLine(mcu, rx, tx))
        return self._lines[-1]

    def select(self, mcu: Mcu, names: Sequence[str]) -> Select:
        """The select pins of these names."""
        for owner, select in self._selects:
            if owner is mcu and select.names == list(names):
                return select
        self._selects.append((mcu, Select(mcu, names)))
        return self._selects[-1][1]
