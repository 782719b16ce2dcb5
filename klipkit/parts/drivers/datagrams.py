"""Trinamic's datagrams on SPI: registers over shift registers of 40 bits, alone or one behind the other.

    read     --> 6f 00000000    <-- status, what was asked before      the answer comes with the next datagram:
             --> 6f 00000000    <-- status, register 6f
    write    --> ec xxxxxxxx                                           and of a write it is what was written
             --> 00 00000000    <-- status, xxxxxxxx

    a chain  MCU --> driver 1 --> driver 2 --> driver 3 --> MCU        what is sent first goes furthest

TMC2130 data sheet, section 4; TMC5160 and TMC2240 alike.
"""

from dataclasses import dataclass

from klipkit.base.faults import DriverSilent
from klipkit.mcu.spi import SpiDevice

WRITE = 0x80
SIZE = 5  # bytes
TRIES = 5


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
