"""Firmware images for tests: bytes at random with a data dictionary among them, and the double that runs one."""

import json
import random
import struct
import zlib
from typing import NamedTuple

from tests.unit.firmware_surround import IDENTIFY, SYNC, read_vlq, vlq
from tests.unit.link_toy import frame

MARK = b"<dictionary>"
IDENTIFY_RESPONSE = 0
LEAST, MOST = 5, 64  # bytes of a frame


class Made(NamedTuple):
    """An image: its bytes, what it says of itself, and the address of its first byte."""

    data: bytes
    chip: str
    version: str
    start: int


def made_image(
    chip: str, start: int = 0, size: int = 10_001, version: str = "test-7-g1234567", seed: int = 1
) -> Made:
    """An image for a chip, linked for `start`; odd sizes show whether the last page is filled up well."""
    told = {
        "version": version,
        "build_versions": "gcc: (none) 1.2.3",
        "commands": {"identify offset=%u count=%c": 1},
        "responses": {"identify_response offset=%u data=%.*s": 0},
        "enumerations": {},
        "config": {"MCU": chip, "CLOCK_FREQ": 72_000_000},
    }
    packed = zlib.compress(json.dumps(told).encode(), 9)
    head = struct.pack("<II", 0x2000_4000, start + 0x101)
    inner = MARK + len(packed).to_bytes(4, "little") + packed
    before = random.Random(seed).randbytes(size // 2)
    after = random.Random(seed + 1).randbytes(size - len(head) - len(inner) - len(before))
    return Made(head + before + inner + after, chip, version, start)


def identity(flash: bytes) -> bytes | None:
    """The compressed dictionary in what a chip has in its flash; None when it has no whole firmware."""
    at = flash.find(MARK)
    if at < 0:
        return None
    begin = at + len(MARK) + 4
    return flash[begin : begin + int.from_bytes(flash[at + len(MARK) : begin], "little")]


class Firmware:
    """Takes bytes from a host and gives bytes back: acknowledges each frame, and answers identify."""

    def __init__(self, dictionary: bytes) -> None:
        self._dictionary = dictionary
        self._bytes = b""
        self._next_seq = 0

    def feed(self, data: bytes) -> bytes:
        """What comes back."""
        self._bytes += data
        out = b""
        while self._bytes:
            length = self._bytes[0]
            if not LEAST <= length <= MOST:
                self._bytes = self._bytes[1:]
                continue
            if len(self._bytes) < length:
                break
            received = self._bytes[:length]
            if received == frame(received[1], received[2:-3]):
                out += self._execute(received)
                self._bytes = self._bytes[length:]
            else:
                self._bytes = self._bytes[max(1, self._bytes.find(SYNC) + 1) :]
        return out

    def _execute(self, received: bytes) -> bytes:
        out = b""
        if received[1] & 15 == self._next_seq:
            self._next_seq = (self._next_seq + 1) & 15
            payload = received[2:-3]
            if payload[:1] == bytes([IDENTIFY]):
                offset, at = read_vlq(payload, 1)
                count, _ = read_vlq(payload, at)
                piece = self._dictionary[offset : offset + count]
                answer = bytes([IDENTIFY_RESPONSE]) + vlq(offset) + bytes([len(piece)]) + piece
                out = frame(self._next_seq, answer)
        return out + frame(self._next_seq, b"")
