"""Drives one simulated MCU in virtual time: a script of frames in, edges and messages out.

The MCU's surroundings are tests/c/firmware/surround.c.
"""

import functools
import json
import re
import subprocess
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.reference import TOP

FIRMWARE = TOP / "firmware"
BUILD = FIRMWARE / "build" / "sim-sanitize"
PORTS = "ABCDEFGHJKL"
PINS = tuple(f"P{port}{bit}" for port in PORTS for bit in range(8))
SYNC = 0x7E
IDENTIFY = 1


@functools.cache
def built() -> Path:
    """The folder with the surround and the shared object, both under the address and undefined-behaviour sanitizers."""
    surround = BUILD.relative_to(FIRMWARE) / "surround"
    command = ["make", "-s", "-C", str(FIRMWARE), "PORT=sim", "SANITIZE=1", "all", str(surround)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return BUILD


# --- frames and numbers, written independently of the firmware and of klipkit.wire ---


def crc16(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc


def frame(number: int, payload: bytes) -> bytes:
    head = bytes([len(payload) + 5, 0x10 | number & 15]) + payload
    return head + crc16(head).to_bytes(2, "big") + bytes([SYNC])


def vlq(value: int) -> bytes:
    """The shortest encoding of a number from -2^31 to 2^32 - 1."""
    groups = [value & 0x7F]
    low, high = -32, 96
    while not low <= value < high:
        low, high = low << 7, high << 7
        groups.append(value >> 7 * len(groups) & 0x7F)
    return bytes([group | 0x80 for group in groups[:0:-1]] + [groups[0]])


def read_vlq(data: bytes, place: int) -> tuple[int, int]:
    """A signed number and the place after it."""
    value = data[place] & 0x7F
    if value & 0x60 == 0x60:
        value -= 0x80
    while data[place] & 0x80:
        place += 1
        value = value << 7 | data[place] & 0x7F
    return value, place + 1


def split_frames(data: bytes) -> list[tuple[int, bytes]]:
    """Number and payload of each frame in a faultless stream."""
    frames = []
    while data:
        length = data[0]
        assert 5 <= length <= 64 and data[length - 1] == SYNC and data[1] & 0xF0 == 0x10, data.hex()
        assert crc16(data[: length - 3]) == int.from_bytes(data[length - 3 : length - 1], "big"), data.hex()
        frames.append((data[1] & 15, data[2 : length - 3]))
        data = data[length:]
    return frames


# --- the dictionary ---


@dataclass(frozen=True)
class Dictionary:
    """A data dictionary, to encode commands and to decode responses with."""

    raw: Mapping[str, Any]

    def encode(self, text: str) -> bytes:
        """A command written like "queue_step oid=0 interval=5 ..."; values are numbers, names of pins, or hex."""
        name, *given = text.split()
        values = dict(word.split("=") for word in given)
        form, identity = next(
            (key, value) for key, value in self.raw["commands"].items() if key.split()[0] == name
        )
        out = vlq(identity)
        for word in form.split()[1:]:
            parameter, conversion = word.split("=")
            value = values.pop(parameter)
            if conversion == "%*s":
                out += bytes([len(value) // 2]) + bytes.fromhex(value)
            else:
                out += vlq(PINS.index(value) if value in PINS else int(value, 0))
        assert not values, f"{text}: no such parameters: {values}"
        return out

    def decode(self, payload: bytes) -> str:
        """A response as text, in the same form; the text itself for a static_string_id."""
        identity, place = read_vlq(payload, 0)
        form = next(key for key, value in self.raw["responses"].items() if value == identity)
        words = [form.split()[0]]
        for word in form.split()[1:]:
            parameter, conversion = word.split("=")
            if conversion.endswith("s"):
                end = place + 1 + payload[place]
                words.append(f"{parameter}={payload[place + 1 : end].hex()}")
                place = end
                continue
            value, place = read_vlq(payload, place)
            if conversion not in {"%i", "%hi"}:
                value &= 0xFFFFFFFF
            words.append(f"{parameter}={self.text(value) if parameter == 'static_string_id' else value}")
        assert place == len(payload), payload.hex()
        return " ".join(words)

    def text(self, number: int) -> str:
        texts: Mapping[str, int] = self.raw["enumerations"]["static_string_id"]
        return next(f"'{text}'" for text, value in texts.items() if value == number)


# --- a run ---


@dataclass(frozen=True)
class Outcome:
    """What the MCU did: frames with their clocks, edges of outputs, modes set, resets, use of other peripherals."""

    frames: list[tuple[int, int, bytes]]
    edges: list[tuple[int, str, int]]
    modes: list[tuple[int, str, int, int]]
    resets: list[int]
    duties: list[tuple[int, str, int]]  # clock, pin, value of hardware PWM
    transfers: list[tuple[int, str]]  # clock, "spi BUS MODE RATE HEX" or "i2c BUS ADDRESS HEX COUNT"
    cycles: dict[str, int]  # ticks, by PWM pin

    def messages(self) -> list[tuple[int, str]]:
        """Clock and text of each response but the regular ones."""
        texts = ((clock, dictionary().decode(payload)) for clock, _, payload in self.frames if payload)
        return [(clock, text) for clock, text in texts if not text.startswith("stats ")]

    def texts(self) -> list[str]:
        return [text for _, text in self.messages()]

    def numbers(self) -> list[int]:
        """The number that each empty frame carries: acks and naks."""
        return [number for _, number, payload in self.frames if not payload]

    def of_pin(self, pin: str) -> list[tuple[int, int]]:
        return [(clock, level) for clock, name, level in self.edges if name == pin]

    def shutdown_clock(self, reason: str) -> int:
        """When the MCU shut down, which it must have done for `reason`."""
        for _, text in self.messages():
            match = re.fullmatch(r"shutdown clock=(\d+) static_string_id='(.*)'", text)
            if match:
                assert match.group(2) == reason
                return int(match.group(1))
        raise AssertionError(f"no shutdown in {self.texts()}")


@dataclass
class Script:
    """A script for the surround: settings, bytes, frames that number themselves."""

    settings: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    number: int = 0
    pins: tuple[str, ...] = PINS

    def rx(self, clock: int, data: bytes) -> None:
        """Bytes from the host that begin to come at `clock`."""
        if data:
            self.lines.append(f"rx {clock} {data.hex()}")

    def send(self, clock: int, *commands: str) -> None:
        """One frame with these commands."""
        self.rx(clock, frame(self.number, b"".join(dictionary().encode(command) for command in commands)))
        self.number = (self.number + 1) % 16

    def drive(self, clock: int, pin: str, level: int) -> None:
        """An input is at `level` from `clock` on."""
        self.lines.append(f"pin {clock} {PINS.index(pin)} {level}")

    def convert(self, clock: int, pin: str, value: int) -> None:
        """Conversions of an analog input give `value` from `clock` on."""
        self.lines.append(f"analog {clock} {PINS.index(pin)} {value}")

    def wire(self, output: str, to: str) -> None:
        """An input follows an output."""
        self.lines.append(f"wire {PINS.index(output)} {PINS.index(to)}")

    def run(self, end: int) -> Outcome:
        lines = [f"{word} {value}" for word, value in self.settings.items()]
        lines += [f"pins {','.join(self.pins)}", *self.lines, f"end {end}", ""]
        command = [str(built() / "surround"), str(built() / "klipkit-sim.so")]
        done = subprocess.run(
            command, input="\n".join(lines), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return outcome(done.stdout)


def outcome(output: str) -> Outcome:
    result = Outcome([], [], [], [], [], [], {})
    levels: dict[str, int] = {}
    for line in output.splitlines():
        word, clock_text, *rest = line.split()
        clock = int(clock_text)
        if word == "tx":
            result.frames.extend((clock, *found) for found in split_frames(bytes.fromhex(rest[0])))
        elif word == "mode":
            name = PINS[int(rest[0])]
            result.modes.append((clock, name, int(rest[1]), int(rest[2])))
            levels[name] = int(rest[2])
        elif word == "out":
            name, level = PINS[int(rest[0])], int(rest[1])
            if levels.get(name) != level:
                result.edges.append((clock, name, level))
            levels[name] = level
        elif word == "reset":
            result.resets.append(clock)
        else:
            note_peripheral(result, word, clock, rest)
    return result


def note_peripheral(result: Outcome, word: str, clock: int, rest: list[str]) -> None:
    if word == "pwm":
        result.cycles[PINS[int(rest[0])]] = int(rest[1])
    if word in {"pwm", "duty"}:
        result.duties.append((clock, PINS[int(rest[0])], int(rest[-1])))
    if word in {"spi", "i2c"}:
        result.transfers.append((clock, " ".join([word, *rest])))


def read_packed(pins: tuple[str, ...]) -> bytes:
    """The compressed dictionary of a chip with these pins, read by identify in pieces of 40 bytes."""
    script = Script(settings={"byte": 1}, pins=pins)
    for index in range(250):
        payload = bytes([IDENTIFY]) + vlq(40 * index) + vlq(40)
        script.rx(1000 + 1000 * index, frame(index, payload))
    data = bytearray()
    for _, _, payload in script.run(251 * 1000).frames:
        if payload and payload[0] == 0:
            offset, place = read_vlq(payload, 1)
            assert offset >= len(data)
            if payload[place]:
                data += payload[place + 1 :]
    return bytes(data)


@functools.cache
def packed_dictionary() -> bytes:
    return read_packed(PINS)


@functools.cache
def dictionary() -> Dictionary:
    return Dictionary(json.loads(zlib.decompress(packed_dictionary())))
