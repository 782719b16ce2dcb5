"""What a device that does not answer seems to be, from the first bytes that came from it: words for one error.

The bytes are untrusted; the words are safe to show. Sources: the banners that the firmwares print at start; Atmel
AVR068 (STK500v2 frames: 1b, number, length, 0e); Katapult's protocol (01 88 ... 99 03).
"""

import re
from typing import NamedTuple

from klipkit.base.text import sanitise

FRAME = 5  # bytes of a frame besides its payload: length, number, CRC, end
TEXT_LEAST = 4  # bytes
TEXT_SHARE = 0.9  # of the bytes
QUOTE_MOST = 60  # characters

_PROGRAMS = (
    (re.compile(rb"Marlin|echo:|^start\r?$", re.MULTILINE), "Marlin"),
    (re.compile(rb"Smoothie"), "Smoothieware"),
    (re.compile(rb"RepRapFirmware|Duet"), "RepRapFirmware"),
    (re.compile(rb"^Grbl|\[MSG:", re.MULTILINE), "Grbl"),
    (re.compile(rb"MicroPython|^>>> ", re.MULTILINE), "MicroPython"),
    (re.compile(rb" login: |^U-Boot |^Linux version ", re.MULTILINE), "Linux"),
)
_STK500V2 = re.compile(rb"\x1b.\x00.\x0e", re.DOTALL)
_KATAPULT = re.compile(rb"\x01\x88.{2,}?\x99\x03", re.DOTALL)
_TEXT = frozenset((*range(32, 127), 7, 9, 10, 13, 27))  # with the bell and the escapes of terminals


class Account(NamedTuple):
    """What came, and what to do about it."""

    what: str
    hint: str


def account(heard: bytes, count: int, frames: int, asked: bytes) -> Account:
    """The account of a device that gave no answer to a frame with the payload `asked`.

    `heard` are the first of the `count` bytes that came; `frames` is the number of faultless frames among all of them.
    """
    if not count:
        hint = (
            "is it powered, is this its port (`klipkit ports`), and is its firmware Klipper's or klipkit's?"
        )
        return Account("not one byte came back", hint)
    came = f"{count} bytes came"
    if re.search(re.escape(bytes([FRAME + len(asked)])) + b"[\x10-\x1f]" + re.escape(asked), heard):
        return Account(
            f"{came}, and they are our own",
            "RX and TX are joined, or the port leads to a program that echoes",
        )
    if frames:
        hint = "its firmware speaks the protocol but does not identify itself: reset the board"
        return Account(f"{came} with {frames} frames, none of them the answer", hint)
    if _STK500V2.search(heard) or _KATAPULT.search(heard):
        hint = "it waits for a firmware: flash it; or press its reset button once"
        return Account(f"{came}, and they are a boot loader's", hint)
    text = bytes(heard).strip(b"\x00\xff")
    if len(text) >= TEXT_LEAST and sum(byte in _TEXT for byte in text) >= TEXT_SHARE * len(text):
        return _text(came, text)
    hint = (
        "the firmware was built for another speed (--baud; often 250000 or 115200), or the line is disturbed"
    )
    return Account(
        f"{came}, but not one frame: they look like another speed, such as {heard[:8].hex(' ')}", hint
    )


def _text(came: str, text: bytes) -> Account:
    lines = (line.strip().decode("latin-1") for line in text.split(b"\n"))
    quote = sanitise(next((line for line in lines if line), ""), QUOTE_MOST)
    what = f"{came}, and they are text, such as '{quote}'"
    for pattern, name in _PROGRAMS:
        if pattern.search(text.replace(b"\r\n", b"\n")):
            return Account(what, f"this board runs {name}, not klipkit: flash it with klipkit's firmware")
    return Account(what, "another program's firmware runs there, or this is the port of something else")
