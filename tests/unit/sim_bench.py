"""What the tests of the simulator share: the fake firmware's object and personas for it."""

import subprocess
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from klipkit.sim.persona import Persona
from tests.reference import TOP

TOGGLE, BYTES, INPUT, COPY, DIR, STEP = range(6)
PINS = ("toggle", "bytes", "input", "copy", "dir", "step")

_keep: list[TemporaryDirectory[str]] = []  # removed when the tests end


@lru_cache(maxsize=1)
def fake_firmware() -> Path:
    """The object of tests/c/fake_firmware.c, built once."""
    _keep.append(TemporaryDirectory(prefix="klipkit-test-"))
    target = Path(_keep[-1].name) / "fake.so"
    flags = ["-std=c11", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-I", str(TOP)]
    sources = [str(TOP / "tests/c/fake_firmware.c"), str(TOP / "klipkit/wire/crc16.c")]
    subprocess.run(["gcc", *flags, "-o", str(target), *sources], check=True)
    return target


def fake_persona(frequency: int = 16_000_000, period: int = 0) -> Persona:
    """A persona for the fake firmware, whose timer has this period in ticks (0: no timer)."""
    return Persona("fake", {"clock_frequency": frequency, "move_memory": period}, PINS)
