"""A host for an AVR in lock step: builds firmware and runner, identifies, sends commands, collects answers."""

import functools
import json
import re
import subprocess
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from klipkit.sim.avr.runner import Chip, Happened, build
from tests.reference import TOP
from tests.unit.firmware_surround import IDENTIFY, SYNC, Dictionary, frame, read_vlq, split_frames, vlq

FIRMWARE = TOP / "firmware"
BUILD = TOP / "build" / "avr"
PIN = re.compile(r"P([A-L])([0-7])")
BAUD = 250_000
PIECE = 40  # bytes of the dictionary in one answer
PATIENCE = 0.05  # s: an answer that has not come by then does not come
TRIES = 2  # of a frame: a shutdown takes longer than the UART keeps bytes


UPPER = 65536  # ticks: what the upper half of the clock counts
ZERO_UNSURE = 120  # cycles that the overflow's interrupt takes to come and to count
CLOSE = 4000  # cycles: more than an exchange of frames takes behind a reading of the clock

UNKNOWN = Dictionary({"commands": {}, "responses": {}})


@dataclass(frozen=True)
class Target:
    """A chip and its clock frequency in Hz."""

    chip: str = "atmega2560"
    frequency: int = 16_000_000

    def start(self) -> Chip:
        """The chip just switched on."""
        return Chip(build(BUILD), self.chip, firmware(self), self.frequency, BAUD)


@functools.cache
def firmware(target: Target) -> Path:
    """The chip's firmware, built: the ELF file."""
    options = [f"CHIP={target.chip}", f"FREQUENCY={target.frequency}", f"BAUD={BAUD}"]
    command = ["make", "-s", "-C", str(FIRMWARE), "PORT=avr", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    suffix = "" if target.frequency == 16_000_000 else f"-{target.frequency}"
    return FIRMWARE / "build" / f"avr-{target.chip}{suffix}" / "klipkit.elf"


def symbols(elf: Path) -> dict[str, int]:
    """Addresses of the names in a program: of data without their memory's number, of code in bytes."""
    done = subprocess.run(["avr-nm", str(elf)], capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    return {row[2]: int(row[0], 16) & 0x7FFFFF for row in rows if len(row) == 3}


@dataclass
class Session:
    """A host that sends one frame at a time and waits for its ack; once more when none comes."""

    chip: Chip
    frequency: int
    number: int = 0
    acked: int = -1  # what the last empty frame says
    unread: bytes = b""
    messages: list[str] = field(default_factory=list)
    edges: list[tuple[int, str, int]] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)
    overruns: int = 0
    dictionary: Dictionary = UNKNOWN

    def identify(self) -> None:
        """Read the dictionary; whatever was said before is forgotten."""
        self.run(self.frequency // 100)
        data, piece = b"", b"-"
        while piece:
            self.messages.clear()
            payloads = self.exchange(bytes([IDENTIFY]) + vlq(len(data)) + vlq(PIECE))
            answer = next(payload for payload in payloads if payload and payload[0] == 0)
            offset, place = read_vlq(answer, 1)
            assert offset == len(data)
            piece = answer[place + 1 :]
            data += piece
        self.dictionary = Dictionary(json.loads(zlib.decompress(data)))
        self.messages.clear()

    def take(self, happened: Happened) -> list[bytes]:
        """Keep what happened; gives the payloads of the frames that are whole."""
        assert not happened.stopped
        self.edges += happened.edges
        self.resets += happened.resets
        self.overruns += happened.overruns
        self.unread += happened.sent
        whole = b""
        while self.unread and len(self.unread) >= self.unread[0]:
            whole += self.unread[: self.unread[0]]
            self.unread = self.unread[self.unread[0] :]
        frames = split_frames(whole)
        self.acked = next((number for number, payload in reversed(frames) if not payload), self.acked)
        payloads = [payload for _, payload in frames]
        if self.dictionary.raw["responses"]:
            self.messages += [self.dictionary.decode(payload) for payload in payloads if payload]
        return payloads

    def run(self, cycles: int) -> None:
        """Let time pass."""
        self.take(self.chip.run(self.chip.cycle + cycles))

    def exchange(self, payload: bytes) -> list[bytes]:
        """Send a frame; the payloads up to its ack."""
        data = frame(self.number, payload)
        self.number = (self.number + 1) % 16
        self.acked = -1
        payloads: list[bytes] = []
        for _ in range(TRIES):
            self.chip.receive(data)
            limit = self.chip.cycle + int(PATIENCE * self.frequency)
            while self.acked != self.number and self.chip.cycle < limit:
                payloads += self.take(self.chip.wait(limit))
            if self.acked == self.number:
                return payloads
            data = bytes([SYNC]) + data
        raise AssertionError(f"no ack; {self.messages}")

    def encode(self, *commands: str) -> bytes:
        """Commands as the payload of a frame; pins may be named."""
        texts = (
            PIN.sub(lambda match: str((ord(match[1]) - ord("A")) * 8 + int(match[2])), command)
            for command in commands
        )
        return b"".join(self.dictionary.encode(text) for text in texts)

    def send(self, *commands: str) -> None:
        """Execute these commands: one frame."""
        self.exchange(self.encode(*commands))

    def ask(self, command: str, answer: str) -> dict[str, int]:
        """The numbers of the answer to a command."""
        begin = len(self.messages)
        self.send(command)
        text = next(text for text in self.messages[begin:] if text.split()[0] == answer)
        return {name: int(value) for name, value in re.findall(r"(\w+)=(-?\d+)\b", text)}

    def clock(self) -> int:
        """The MCU's clock."""
        return self.ask("get_clock", "clock")["clock"]

    def zero(self, elf: Path) -> int:
        """The cycle at which the clock was 0, or up to ZERO_UNSURE after it. Nothing else may go on."""
        address = symbols(elf)["clock_upper"]
        found = []
        for _ in range(3):  # other interrupts may come in between at one of them
            to_change = -self.clock() % UPPER
            self.run(to_change - CLOSE if to_change > CLOSE else to_change + UPPER - CLOSE)
            upper = self.chip.peek(address, 2)
            while self.chip.peek(address, 2) == upper:
                self.run(4)
            found.append(self.chip.cycle - (int.from_bytes(upper, "little") + 1) * UPPER)
        return min(found)


def connected(target: Target) -> Session:
    """A session with a chip that was just switched on and identified."""
    session = Session(target.start(), target.frequency)
    session.identify()
    return session


@functools.cache
def zero_of(target: Target) -> int:
    """Session.zero of the target's firmware: a start is the same to the cycle each time, so once is enough."""
    session = connected(target)
    with session.chip:
        return session.zero(firmware(target))
