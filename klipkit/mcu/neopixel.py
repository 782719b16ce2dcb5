"""A chain of addressable lights on a pin of an MCU: bytes to its buffer, and the buffer to the lights."""

from collections.abc import Iterator

from klipkit.base.faults import NoAnswer
from klipkit.base.pin import Pin
from klipkit.mcu.mcu import Mcu

BIT_MOST = 4e-6  # s between bits, or the lights may take the pause for the end
RESET = 300e-6  # s of pause that ends a frame (WS2812B: 280 us; older ones 50 us)
PIECE = 48  # bytes of a message
TRIES = 8  # when interrupts of the MCU came between the bits


class Neopixel:
    """`size` bytes, as the lights take them."""

    def __init__(self, mcu: Mcu, pin: Pin, size: int) -> None:
        self.mcu = mcu
        self._sent = bytes(size)  # what the MCU's buffer holds: zeros at first
        self._oid = mcu.allocate_oid()
        bit, reset = round(BIT_MOST * mcu.frequency), round(RESET * mcu.frequency)
        mcu.configuration.add(
            f"config_neopixel oid={self._oid} pin={pin.name} data_size={size} bit_max_ticks={bit} "
            f"reset_min_ticks={reset}"
        )

    def attach(self) -> None:
        """The MCU is configured, and may have been so for long: its buffer is not known then."""
        self._sent = b""

    async def show(self, data: bytes) -> None:
        """Have the lights show these bytes. Raises NoAnswer when the MCU does not find the time."""
        for at, piece in self._changes(data):
            self.mcu.talk.send(f"neopixel_update oid={self._oid} pos={at} data={piece.hex()}")
        self._sent = data
        for _ in range(TRIES):
            heard = await self.mcu.talk.query(f"neopixel_send oid={self._oid}", "neopixel_result", self._oid)
            if heard.message.number("success"):
                return
        raise NoAnswer(f"the lights could not be set in {TRIES} attempts", where=f"MCU '{self.mcu.name}'")

    def _changes(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Pieces that differ from what the MCU holds, with their places."""
        for at in range(0, len(data), PIECE):
            piece = data[at : at + PIECE]
            if piece != self._sent[at : at + PIECE]:
                yield at, piece
