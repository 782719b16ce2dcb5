"""Katapult: an own client of the boot loader's protocol.

Facts: Katapult's protocol.md, Klipper's docs/Bootloader_Entry.md.

01 88 | command | words | payload | CRC-16 of command, words and payload, little-endian | 99 03
"""

import struct
import time
from typing import NamedTuple

from klipkit._core import ffi, lib
from klipkit.base.errors import UnknownChip
from klipkit.base.flashfaults import (
    FlashError,
    NoBootloader,
    PortVanished,
    ReadBackDiffers,
    WrongBootloader,
    WrongChip,
)
from klipkit.base.text import sanitise
from klipkit.boards.chips import chip
from klipkit.flashing.entry import touch_step
from klipkit.flashing.job import Job, Step, Work
from klipkit.flashing.line import Line

HEAD, TRAILER = b"\x01\x88", b"\x99\x03"
CONNECT, SEND_BLOCK, SEND_EOF, REQUEST_BLOCK, COMPLETE = range(0x11, 0x16)
ACKNOWLEDGED, NOT_UNDERSTOOD, FAILED, BUSY = 0xA0, 0xF1, 0xF2, 0xF3
ENTER = b"~ \x1c Request Serial Bootloader!! ~"  # what firmware on a UART takes as the request
STARTS = 1.0  # s that the boot loader takes from the request
PATIENCE = 2.0  # s for an answer; erasing a large sector takes 1 to 2 s
TRIES, CONNECT_TRIES = 5, 2
BLOCKS = (16, 4096)  # bytes: sizes that are believed
ERASED = b"\xff"
_HELLO = struct.Struct("<3I")


class Hello(NamedTuple):
    """What the boot loader says of itself; addresses and sizes in bytes."""

    protocol: int
    start: int
    block: int
    chip: str


def steps(job: Job) -> list[Step]:
    """Enter it, write, read back, start."""
    before = [] if job.waits_in_bootloader else [_enter_step(job)]

    def act(work: Work) -> None:
        with Line(work.path or job.port_name(), job.baud) as line:
            _write(Client(line), work)

    name = job.place.name if job.place else "the port"
    words = (
        f"write the flash over {name}, read it back, and start the firmware (klipkit's own Katapult client)"
    )
    return [*before, Step(words, act, writes=True)]


def _enter_step(job: Job) -> Step:
    assert job.place is not None
    if job.place.runs_firmware:
        return touch_step(job)
    place = job.place

    def act(work: Work) -> None:
        with Line(place.path, job.baud) as line:
            line.write(ENTER)
            time.sleep(STARTS)
            work.path = place.path

    return Step(f"ask the firmware on {place.name} at {job.baud} baud to start the boot loader", act)


def _write(client: "Client", work: Work) -> None:
    hello = client.connect()
    job, data = work.job, work.loaded().data
    _check(job, hello)
    work.detail(f"Katapult on {hello.chip}, firmware from {hello.start:#x}")
    pieces = [data[at : at + hello.block] for at in range(0, len(data), hello.block)]
    pieces = [piece.ljust(hello.block, ERASED) for piece in pieces]
    for number, piece in enumerate(pieces):
        client.send(hello.start + number * hello.block, piece)
        work.progress((number + 1) / len(pieces))
    client.command(SEND_EOF)
    for number, piece in enumerate(pieces):
        if client.request(hello.start + number * hello.block) != piece:
            raise ReadBackDiffers(
                f"what was read back at {hello.start + number * hello.block:#x} is not what was written",
                hint="give the command again; when it fails again, look at power and cable",
            )
        work.progress((number + 1) / len(pieces))
    client.command(COMPLETE)


def _check(job: Job, hello: Hello) -> None:
    where = job.place.name if job.place else ""
    try:
        is_right = chip(hello.chip).name == chip(job.board.chip).name
    except UnknownChip:
        is_right = False
    if not is_right:
        raise WrongChip(
            f"the chip is '{sanitise(hello.chip, 40)}', and the firmware is for a {job.board.chip}",
            where=where,
            hint="see which board it is, and give its --board",
        )
    if hello.start != job.start:
        raise WrongBootloader(
            f"the boot loader starts firmware at {hello.start:#x}, and this one is for {job.start:#x}",
            where=where,
            hint=f"give --offset {hello.start - job.family.flash_start:#x} and a firmware that was built for it",
        )
    if not BLOCKS[0] <= hello.block <= BLOCKS[1] or hello.block % 4:
        raise FlashError(f"the boot loader wants blocks of {hello.block} bytes", where=where)


class Client:
    """The conversation over an open line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._heard = b""

    def connect(self) -> Hello:
        """Who is there. Raises NoBootloader."""
        try:
            payload = self.command(CONNECT, tries=CONNECT_TRIES)
        except PortVanished:
            raise
        except FlashError as error:
            raise NoBootloader(
                "Katapult does not answer",
                where=sanitise(self._line.path, 200),
                hint="press the reset button twice, quickly; is --baud that of the boot loader, and is it Katapult?",
            ) from error
        if len(payload) < _HELLO.size:
            raise FlashError("the boot loader's answer is too short", where=sanitise(self._line.path, 200))
        words = payload[_HELLO.size :].split(b"\0")
        protocol, start, block = _HELLO.unpack_from(payload)
        return Hello(protocol, start, block, words[0].decode("ascii", "replace"))

    def send(self, address: int, block: bytes) -> None:
        """Write a block."""
        self._same(self.command(SEND_BLOCK, address.to_bytes(4, "little") + block), address)

    def request(self, address: int) -> bytes:
        """Read a block."""
        payload = self.command(REQUEST_BLOCK, address.to_bytes(4, "little"))
        self._same(payload, address)
        return payload[4:]

    def command(self, command: int, payload: bytes = b"", tries: int = TRIES) -> bytes:
        """Send a command until it is acknowledged; gives what comes with that. Raises FlashError."""
        body = bytes([command, len(payload) // 4]) + payload
        why = "nothing came"
        for _ in range(tries):
            self._heard = b""
            self._line.flush()
            self._line.write(HEAD + body + _crc(body) + TRAILER)
            end = time.monotonic() + PATIENCE
            while (answer := self._answer(end)) is not None:
                kind, content = answer
                if kind == ACKNOWLEDGED and content[:4] == command.to_bytes(4, "little"):
                    return content[4:]
                if kind == FAILED:
                    raise FlashError(
                        f"the boot loader refuses command {command:#x}",
                        where=sanitise(self._line.path, 200),
                        hint="does the firmware fit into the flash behind the boot loader?",
                    )
                why = {NOT_UNDERSTOOD: "it was not understood", BUSY: "it is busy"}.get(
                    kind, "another answer came"
                )
                if kind in (NOT_UNDERSTOOD, BUSY):
                    break
        raise FlashError(
            f"the boot loader does not answer to command {command:#x}: {why}",
            where=sanitise(self._line.path, 200),
            hint="look at the cable, and give the command again",
        )

    def _same(self, payload: bytes, address: int) -> None:
        if payload[:4] != address.to_bytes(4, "little"):
            raise FlashError(
                f"the boot loader answered for another address than {address:#x}",
                where=sanitise(self._line.path, 200),
            )

    def _answer(self, end: float) -> tuple[int, bytes] | None:
        """The next faultless frame: its kind and payload; None when none comes in time."""
        while True:
            frame = self._framed()
            if frame is not None:
                return frame
            left = end - time.monotonic()
            if left <= 0:
                return None
            self._heard += self._line.read(left)

    def _framed(self) -> tuple[int, bytes] | None:
        while (at := self._heard.find(HEAD)) >= 0:
            self._heard = self._heard[at:]
            if len(self._heard) < 4:
                return None
            size = 4 + 4 * self._heard[3]
            whole = self._heard[: size + 4]
            if len(whole) < size + 4:
                return None
            body = whole[2:size]
            if whole[size:] == _crc(body) + TRAILER:
                self._heard = self._heard[size + 4 :]
                return body[0], body[2:]
            self._heard = self._heard[2:]
        return None


def _crc(body: bytes) -> bytes:
    return int(lib.crc16(ffi.from_buffer(body), len(body))).to_bytes(2, "little")
