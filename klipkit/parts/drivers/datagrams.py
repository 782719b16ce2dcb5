"""Trinamic's datagrams on SPI: registers over shift registers of 40 bits, alone or one behind the other.

    read     --> 6f 00000000    <-- status, what was asked before      the answer comes with the next datagram:
             --> 6f 00000000    <-- status, register 6f
    write    --> ec xxxxxxxx                                           and of a write it is what was written
             --> 00 00000000    <-- status, xxxxxxxx

    a chain  MCU --> driver 1 --> driver 2 --> driver 3 --> MCU        what is sent first goes furthest

TMC2130 data sheet, section 4; TMC5160 and TMC2240 alike. TMC2660 has 20 bits, the register in their head, and answers
each datagram with what RDSEL of its register DRVCONF chooses (section 6.10): nothing but that can be read.
"""

from dataclasses import dataclass

from klipkit.base.faults import DriverSilent
from klipkit.mcu.spi import SpiDevice

WRITE = 0x80
SIZE = 5  # bytes
TRIES = 5
# TMC2660: 20 bits in three bytes, the register in bits 19 to 17
SHORT_SIZE, SHORT_MASK, HEAD_SHIFT, SPARE_BITS = 3, 0xFFFFF, 17, 4
DRVCONF, RDSEL_SHIFT, RDSEL_MASK = 7, 4, 3 << 4


@dataclass(frozen=True, slots=True)
class Place:
    """Where a driver is in a chain: `position` from 1, the one at MOSI, of `length`."""

    position: int = 1
    length: int = 1

    def sent(self, datagram: bytes) -> bytes:
        """What is sent for the datagram to come to this driver; the others get zeros: a read of register 0."""
        size = len(datagram)
        before = (self.length - self.position) * size
        return bytes(before) + datagram + bytes((self.position - 1) * size)

    def received(self, answer: bytes) -> bytes:
        """This driver's part of what came."""
        size = len(answer) // self.length
        begin = (self.length - self.position) * size
        return answer[begin : begin + size]


class TmcSpi:
    """The registers of one driver."""

    def __init__(self, stepper: str, device: SpiDevice, place: Place) -> None:
        self._stepper = stepper
        self._device = device
        self._place = place

    async def read(self, register: int, name: str) -> int:
        """What a register holds: nothing tells whether a driver is there. Raises KlipkitError."""
        async with self._device.lock:
            return await self._exchange(bytes((register, 0, 0, 0, 0)), bytes((register, 0, 0, 0, 0)))

    async def write(self, register: int, name: str, value: int) -> None:
        """Set a register, and see it come back. Raises DriverSilent when it does not."""
        data = bytes((register | WRITE,)) + value.to_bytes(4, "big")
        async with self._device.lock:
            for _ in range(TRIES):
                if await self._exchange(data, bytes(SIZE)) == value:
                    return
        raise DriverSilent(
            f"Unable to write tmc spi '{self._stepper}' register {name}",
            where=f"MCU '{self._device.mcu.name}'",
            hint="has it motor power, are cs_pin and the SPI bus right, is it in SPI mode (jumpers)?",
        )

    async def _exchange(self, first: bytes, second: bytes) -> int:
        """Two datagrams, and the answer to the first."""
        self._device.send(self._place.sent(first))
        answer = await self._device.transfer(self._place.sent(second))
        return int.from_bytes(self._place.received(answer)[1:], "big")


class TmcShortSpi:
    """The registers of one TMC2660, by the three bits in the head of its datagrams; what is read goes by RDSEL."""

    def __init__(self, stepper: str, device: SpiDevice) -> None:
        self._stepper = stepper
        self._device = device
        self._chosen = 0  # DRVCONF, without RDSEL

    async def read(self, register: int, name: str) -> int:
        """The answer for RDSEL `register`. Raises DriverSilent when all its bits are alike: nobody is there."""
        async with self._device.lock:
            for _ in range(TRIES):
                choice = self._packed(DRVCONF, self._chosen & ~RDSEL_MASK | register << RDSEL_SHIFT)
                self._device.send(choice)
                answer = int.from_bytes(await self._device.transfer(choice), "big") >> SPARE_BITS
                if answer not in (0, SHORT_MASK):
                    return answer
        raise self._silent("read", name)

    async def write(self, register: int, name: str, value: int) -> None:
        """Set a register: nothing tells whether it was taken."""
        if register == DRVCONF:
            self._chosen = value
        async with self._device.lock:
            self._device.send(self._packed(register, value))

    @staticmethod
    def _packed(register: int, value: int) -> bytes:
        return (register << HEAD_SHIFT | value).to_bytes(SHORT_SIZE, "big")

    def _silent(self, what: str, name: str) -> DriverSilent:
        return DriverSilent(
            f"Unable to {what} tmc spi '{self._stepper}' register {name}",
            where=f"MCU '{self._device.mcu.name}'",
            hint="has it motor power, are cs_pin and the SPI bus right?",
        )
