"""Builds what runs an AVR's firmware in a simulated chip, and drives the program klipkit-avr.

klipkit-avr.so    the emulator that the co-simulator loads (sim/inner/emulator.h)
klipkit-avr       a program: in lock step with a script (class Chip), or in real time behind a pty
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from klipkit.base.errors import DeviceError
from klipkit.base.text import sanitise
from klipkit.toolchain.sources import sources

SOURCES = Path(__file__).resolve().parent
TOP = SOURCES.parents[2]
PROGRAM = "klipkit-avr"
OBJECT = "klipkit-avr.so"
WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Wundef", "-Werror")
HEADERS = "/usr/include/simavr"  # its headers include each other by bare names
LIBRARIES = ("-lsimavr", "-lelf", "-lutil")
NEEDED = {"simavr/sim_avr.h": "libsimavr-dev", "libelf.h": "libelf-dev"}
HANG = 120  # s: a guard, far above what a build takes


def build(folder: Path) -> Path:
    """The program, built in `folder` when it is missing or older than its sources.

    Raises DeviceError with what the compiler says, or with the packages that are missing.
    """
    return _make(folder / PROGRAM, ["*.c", "program/*.c"], [])


def build_object(folder: Path) -> Path:
    """The emulator for the co-simulator, likewise."""
    return _make(folder / OBJECT, ["*.c"], ["-shared", "-fPIC", "-fvisibility=hidden"])


def _make(target: Path, patterns: Sequence[str], options: Sequence[str]) -> Path:
    for file, package in NEEDED.items():
        if not Path("/usr/include", file).exists():
            raise DeviceError(f"{file} is needed to build the AVR emulator", hint=f"apt install {package}")
    if shutil.which("gcc") is None:
        raise DeviceError("'gcc' is needed to build the AVR emulator", hint="apt install gcc")
    texts = [text for pattern in patterns for text in sorted(SOURCES.glob(pattern))]
    headers = [*SOURCES.rglob("*.h"), TOP / "klipkit/sim/inner/emulator.h"]
    if target.exists() and all(text.stat().st_mtime < target.stat().st_mtime for text in (*texts, *headers)):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_name(f"{target.name}.{os.getpid()}")  # under its name only when it is whole
    command = ["gcc", "-std=gnu11", "-O2", *WARNINGS, "-isystem", HEADERS, f"-I{TOP}"]
    command += [f"-I{sources().parent}", *options, "-o", str(made), *map(str, texts), *LIBRARIES]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=HANG, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        said = sanitise(done.stderr.strip()[-600:], 600)
        raise DeviceError(f"the AVR emulator was not built: {said}", where=str(target.parent))
    made.replace(target)
    return target


@dataclass
class Happened:
    """What a chip did in a stretch of time: bytes sent, edges of watched pins, resets; times are CPU cycles."""

    sent: bytes = b""
    edges: list[tuple[int, str, int]] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)
    overruns: int = 0  # received bytes that the firmware was too late for
    stopped: bool = False  # the CPU executes nothing any more


class Chip:
    """A chip that runs a firmware, in lock step: its time passes in run() and wait() only."""

    def __init__(self, program: Path, chip: str, firmware: Path, frequency: int, baud: int) -> None:
        """Start the program; raises DeviceError when it does not know the chip or cannot read the firmware."""
        command = [str(program), chip, str(frequency), str(baud), str(firmware)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self.cycle = 0
        self.run(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the program; the chip is gone."""
        self._process.communicate()

    def watch(self, pins: Sequence[str], *, edges: bool = False) -> None:
        """Count the edges of these pins from now on; with `edges` each one is told with its cycle."""
        for pin in pins:
            self._tell(f"watch {pin}")
        if edges:
            self._tell("edges on")

    def drive(self, pin: str, level: int) -> None:
        """Put a level on a pin from outside."""
        self._tell(f"drive {pin} {level}")

    def set_adc(self, channel: int, millivolts: int) -> None:
        """Put a voltage on an ADC channel."""
        self._tell(f"adc {channel} {millivolts}")

    def add_memory(self, address: int) -> None:
        """Put a memory chip of 256 bytes with this 7-bit address on the two-wire bus."""
        self._tell(f"memory {address}")

    def hold_bus(self, held: bool) -> None:
        """Hold the clock of the two-wire bus low, or let it go."""
        self._tell(f"hold {'on' if held else 'off'}")

    def receive(self, data: bytes) -> None:
        """Bytes from the host begin to go on the wire now, behind those already under way."""
        if data:
            self._tell(f"rx {data.hex()}")

    def run(self, cycle: int) -> Happened:
        """Let time pass to `cycle`, or to the end of the instruction that passes it."""
        return self._happened(f"run {cycle}")

    def wait(self, cycle: int) -> Happened:
        """The same, but stop as soon as the chip has sent a byte."""
        return self._happened(f"wait {cycle}")

    def counts(self) -> dict[str, tuple[int, int]]:
        """Rising and falling edges so far of each watched pin."""
        self._tell("counts")
        found = {}
        while (words := self._line().split())[0] == "counts":
            found[words[1]] = int(words[2]), int(words[3])
        return found

    def peek(self, address: int, count: int) -> bytes:
        """Bytes of the data space: registers and RAM."""
        self._tell(f"peek {address} {count}")
        return bytes.fromhex(self._line().split()[1])

    def save_flash(self, path: Path) -> None:
        """Write the whole flash to an Intel HEX file, which another chip may start with."""
        self._tell(f"save {path}")
        self._line()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._fail()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._fail()
        return line

    def _fail(self) -> None:
        said = sanitise(self._process.communicate()[1].strip(), 600)
        raise DeviceError(f"the AVR runner ended: {said}", hint="this is a fault of klipkit: report it")

    def _happened(self, command: str) -> Happened:
        self._tell(command)
        found = Happened()
        while True:
            word, first, *rest = self._line().split()
            match word:
                case "tx":
                    found.sent += bytes.fromhex(rest[0])
                case "edge":
                    found.edges.append((int(first), rest[0], int(rest[1])))
                case "reset":
                    found.resets.append(int(first))
                case "overruns":
                    found.overruns += int(first)
                case _:
                    self.cycle = int(first)
                    found.stopped = bool(rest)
                    return found
