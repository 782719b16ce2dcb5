"""What the tests of emulated chips share: the double of an AVR's firmware, and a conversation with it."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from klipkit._core import lib
from klipkit.boards.chips import chip
from klipkit.sim.avr.runner import build_object
from klipkit.sim.cosim import Cosim, Faults
from klipkit.sim.emulation import Emulation
from klipkit.sim.loop import run_virtual
from klipkit.sim.persona import Persona, persona_of
from klipkit.sim.pipe import SimPipe
from tests.reference import TOP

CHIP = "atmega2560"
WINDOW = 64  # bytes: the double has no buffer, and hears nothing while it answers
BOOT = 0.001  # s: more than the double takes until it listens
PATIENCE = 2.0  # s of virtual time: an answer that has not come by then does not come

_keep: list[TemporaryDirectory[str]] = []  # removed when the tests end


@lru_cache(maxsize=1)
def program() -> Path:
    """The ELF file of tests/c/avr_program.c, built once."""
    _keep.append(TemporaryDirectory(prefix="klipkit-test-"))
    target = Path(_keep[-1].name) / "program.elf"
    flags = ["-std=gnu11", "-Os", "-Wall", "-Wextra", "-Werror", "-DF_CPU=16000000UL", f"-mmcu={CHIP}"]
    source = str(TOP / "tests/c/avr_program.c")
    subprocess.run(["avr-gcc", *flags, "-I", str(TOP), "-o", str(target), source], check=True)
    return target


def emulation(elf: Path | None = None) -> Emulation:
    """The emulator with a program, by default the double's."""
    return Emulation(build_object(TOP / "build/avr"), elf or program())


def persona() -> Persona:
    """An ATmega2560."""
    return persona_of(chip(CHIP))


class Double:
    """An emulated chip of `cosim` that runs the double, and the way to it."""

    def __init__(
        self, cosim: Cosim, faults: Faults | None = None, *, offset: int = 0, drift: float = 0.0
    ) -> None:
        self.cosim, self.persona = cosim, persona()
        self.number = cosim.add_chip(emulation(), self.persona, offset, drift)
        self._faults = faults

    def connect(self) -> None:
        """Plug it in."""
        self.pipe = SimPipe(self.cosim, self.number, self.persona.byte_time, self._faults)
        lib.session_set_wire(self.pipe.session, self.persona.byte_time, WINDOW)
        self._queue = lib.session_add_queue(self.pipe.session)

    def pin(self, name: str) -> int:
        """A pin's number."""
        return self.persona.pins[name]

    def tell(self, payload: bytes) -> int:
        """Send a command; gives its ticket."""
        return int(lib.session_query(self.pipe.session, self._queue, payload, len(payload), 0, 0))

    async def ask(self, payload: bytes) -> bytes:
        """Send a command and give the answer."""
        ticket, answer = self.tell(payload), b""
        async with asyncio.timeout(PATIENCE):
            async for message in self.pipe.messages():
                if message.answers >= ticket and not message.payload:
                    return answer
                answer = message.payload
        raise AssertionError("the pipe has ended")


def simulate(main: Callable[[Cosim, list[Double]], Awaitable[Any]], *chips: dict[str, Any]) -> Any:
    """Run a coroutine with a double for each of these options, one without any when there are none."""
    cosim = Cosim()
    doubles = [Double(cosim, **options) for options in chips or ({},)]

    async def run() -> Any:
        for double in doubles:
            double.connect()
        await asyncio.sleep(BOOT)
        try:
            return await main(cosim, doubles)
        finally:
            for double in doubles:
                double.pipe.close()

    try:
        return run_virtual(run(), cosim)
    finally:
        cosim.close()
