"""The identify conversation: reads the data dictionary out of an MCU, 40 bytes at a time; bytes in, commands out.

The caller sends `request`, gives what comes to `receive`, and sends `request` again: the next one after an answer,
the same one when the answer was lost.
"""

from klipkit.base.errors import DeviceError
from klipkit.wire.dictionary import FIXED, IDENTIFY, IDENTIFY_RESPONSE, SIZE_MOST, Dictionary, read_dictionary
from klipkit.wire.message import read_format
from klipkit.wire.vlq import signed, vlq_decode

PIECE = 40  # bytes asked for at a time, as the stock host does; a frame has room for about 50


class Identify:
    """One reading of a dictionary; `where` names the MCU in errors."""

    def __init__(self, where: str = "mcu") -> None:
        self.where = where
        self.data = b""  # as far as it has come; compressed
        self.done = False
        self._command = read_format(FIXED[IDENTIFY], IDENTIFY, {})
        self._response = read_format(FIXED[IDENTIFY_RESPONSE], IDENTIFY_RESPONSE, {})

    @property
    def request(self) -> bytes:
        """The command to send: asks for the piece that is still missing."""
        return self._command.encode({"offset": len(self.data), "count": PIECE})

    def receive(self, payload: bytes) -> bool:
        """Take a message from the MCU; True when it brought the dictionary forward or ended it.

        Messages of another session and answers to a repeated request are passed over. Raises DeviceError when the MCU
        sends more than was asked for or never ends.
        """
        piece = self._piece(payload)
        if piece is None or self.done:
            return False
        if len(piece) > PIECE:
            raise self._error(f"it sent {len(piece)} bytes of its data dictionary when asked for {PIECE}")
        self.done = not piece
        self.data += piece
        if len(self.data) > SIZE_MOST:
            raise self._error(f"its data dictionary does not end after {SIZE_MOST} bytes")
        return True

    def dictionary(self) -> Dictionary:
        """The dictionary, once done."""
        if not self.done:
            raise self._error(f"its data dictionary has not come in full: {len(self.data)} bytes so far")
        return read_dictionary(self.data, self.where)

    def _piece(self, payload: bytes) -> bytes | None:
        try:
            number, at = vlq_decode(payload)
            if signed(number) != self._response.id:
                return None
            message, end = self._response.decode(payload, at)
        except DeviceError:
            return None  # whatever it is, it is no answer to this question
        wanted = end == len(payload) and message.number("offset") == len(self.data)
        return message.data("data") if wanted else None

    def _error(self, what: str) -> DeviceError:
        return DeviceError(what, where=self.where, hint="the firmware is damaged: flash it again")
