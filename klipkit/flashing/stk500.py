"""Asking which AVR boot loader is behind a port: its protocol, its speed, the chip's signature.

Protocols: Atmel AVR061 (STK500, which Arduino's ATmegaBOOT and Optiboot speak), Atmel AVR068 (STK500 version 2, which
that of the Mega 2560 speaks).
"""

import time
from collections.abc import Iterable
from typing import NamedTuple

from klipkit.flashing.line import Line

V1, V2 = "arduino", "wiring"  # as avrdude calls those that speak them
PATIENCE = 1.5  # s for an answer after a reset: boot loaders blink first, and give up after 1 or 2 s
PAUSE = 0.1  # s between two tries
TRIES = 3  # to read a signature
BLINKS = 0.7  # s: more than a boot loader takes until it listens

SYNC, READ_SIGNATURE = b"0 ", b"u "  # with the byte that ends a command
IN_SYNC, OK = 0x14, 0x10
SIGN_ON, SIGNATURE_ISP, LEAVE = 0x01, 0x1B, 0x11
START, TOKEN = 0x1B, 0x0E
HEAD = 5  # bytes of a frame before its message

CHIPS = {  # signature bytes, from the chips' data sheets
    "1e9801": ("atmega2560",),
    "1e9703": ("atmega1280",),
    "1e9704": ("atmega1281",),
    "1e9705": ("atmega1284p",),
    "1e960a": ("atmega644p",),
    "1e950f": ("atmega328p", "lgt8f328p"),
    "1e9514": ("atmega328",),
    "1e9406": ("atmega168",),
    "1e940b": ("atmega168p",),
    "1e9587": ("atmega32u4",),
    "1e9782": ("at90usb1286",),
    "1e9682": ("at90usb646",),
}


class Kind(NamedTuple):
    """A boot loader's protocol, as avrdude's -c calls it, and its speed."""

    programmer: str
    baud: int


class Answer(NamedTuple):
    """A boot loader that answered; `signature` in hexadecimal digits, "" when it did not tell."""

    kind: Kind
    signature: str

    @property
    def chips(self) -> tuple[str, ...]:
        """The chips with that signature, none when it is not known."""
        return CHIPS.get(self.signature, ())


def first_answer(path: str, kinds: Iterable[Kind], patience: float = PATIENCE) -> Answer | None:
    """The first of the kinds that answers. Resets the board, by opening the port and by DTR, for each."""
    for kind in kinds:
        for _ in range(TRIES):
            with Line(path, kind.baud) as line:
                line.pulse_dtr()
                signature = (_ask_v1 if kind.programmer == V1 else _ask_v2)(line, patience)
            time.sleep(PAUSE)
            if signature != "":
                break
        if signature is not None:
            return Answer(kind, signature)
    return None


def _ask_v1(line: Line, patience: float) -> str | None:
    """The signature that a STK500 boot loader tells, "" when it does not; None when there is none.

    It may blink for 0.4 s before it reads what has come, and its UART keeps three bytes: one question fits, two do not,
    and Optiboot gives up when it reads the pieces.
    """
    end = time.monotonic() + patience
    while time.monotonic() < end:
        line.write(SYNC)
        if _heard(line, 2, BLINKS)[-2:] == bytes([IN_SYNC, OK]):
            line.write(READ_SIGNATURE)
            said = _heard(line, 5, 5 * PAUSE)
            is_whole = len(said) == 5 and (said[0], said[-1]) == (IN_SYNC, OK)
            return said[1:4].hex() if is_whole else ""
    return None


def _ask_v2(line: Line, patience: float) -> str | None:
    """The same for version 2, which is left so that the firmware starts."""
    end = time.monotonic() + patience
    number = 1
    while time.monotonic() < end:
        if _exchange(line, number, bytes([SIGN_ON])):
            read = (_exchange(line, number + 1 + place, _signature_command(place)) for place in range(3))
            signature = b"".join(message[2:3] for message in read)
            _exchange(line, number + 4, bytes([LEAVE, 1, 1]))
            return signature.hex() if len(signature) == 3 else ""
        number += 1
    return None


def _signature_command(place: int) -> bytes:
    return bytes([SIGNATURE_ISP, 4, 0x30, 0, place, 0])


def _exchange(line: Line, number: int, message: bytes) -> bytes:
    """The answer to a message, "" when none comes."""
    frame = bytes([START, number & 0xFF]) + len(message).to_bytes(2, "big") + bytes([TOKEN]) + message
    line.write(frame + bytes([_sum(frame)]))
    said = _heard(line, HEAD, PAUSE)
    at = said.find(bytes([START, number & 0xFF]))
    if at < 0 or len(said) < at + HEAD or said[at + 4] != TOKEN:
        return b""
    size = int.from_bytes(said[at + 2 : at + 4], "big")
    said = said[at:]
    said += _heard(line, HEAD + size + 1 - len(said), 5 * PAUSE)
    whole = len(said) == HEAD + size + 1 and _sum(said) == 0 and said[HEAD : HEAD + 1] == message[:1]
    return said[HEAD:-1] if whole else b""


def _heard(line: Line, count: int, seconds: float) -> bytes:
    """Bytes that come, until there are `count` of them or the time is over."""
    said, end = b"", time.monotonic() + seconds
    while len(said) < count and (left := end - time.monotonic()) > 0:
        said += line.read(left)
    return said


def _sum(data: bytes) -> int:
    """All bytes of a frame exclusive-ored: 0 with its check sum."""
    found = 0
    for byte in data:
        found ^= byte
    return found
