"""The firmware of simulated MCUs: building it, for this computer or for a chip."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from klipkit.base.errors import DeviceError
from klipkit.base.text import sanitise
from klipkit.toolchain.firmware import cache
from klipkit.toolchain.sources import installed, sources

PORT = "sim"
MAKE = {"make": "make"}
TOOLS = {"gcc": "gcc"}  # program: the Debian packages that bring it
AVR_TOOLS = {"avr-gcc": "gcc-avr avr-libc"}
AVR_FREQUENCY = (
    16_000_000  # Hz: the folder of other builds is named by theirs, as in firmware/ports/avr/port.mk
)
HANG = 600  # s: a guard, far above what the build takes


def build(name: str) -> Path:
    """A file that the build of the sim port makes ("klipkit-sim.so", "klipkit-sim"), up to date.

    A checkout builds in its own firmware/build; an installed package in the user's cache folder. Raises DeviceError
    with what the compiler says, or with the package that is missing.
    """
    return _make(TOOLS, (f"PORT={PORT}",)) / PORT / name


def build_avr(chip: str, frequency: int, baud: int) -> Path:
    """The ELF file of the firmware of an AVR, likewise; frequency in Hz."""
    options = ("PORT=avr", f"CHIP={chip}", f"FREQUENCY={frequency}", f"BAUD={baud}")
    suffix = "" if frequency == AVR_FREQUENCY else f"-{frequency}"
    return _make(AVR_TOOLS, options) / f"avr-{chip}{suffix}" / "klipkit.elf"


def _make(tools: Mapping[str, str], options: Sequence[str]) -> Path:
    """Run the firmware's Makefile; gives its folder build/."""
    for tool, package in {**MAKE, **tools}.items():
        if shutil.which(tool) is None:
            raise DeviceError(
                f"'{tool}' is needed to build the simulated firmware", hint=f"apt install {package}"
            )
    folder = sources()
    in_place = not installed(folder) and os.access(folder, os.W_OK)
    target = folder if in_place else _copy(folder)
    command = ["make", "--silent", "-C", str(target), *options]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=HANG, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        said = sanitise(done.stderr.strip()[-600:], 600)
        raise DeviceError(f"the simulated firmware was not built: {said}", where=str(target))
    return target / "build"


def _copy(folder: Path) -> Path:
    """A copy of the sources in the cache, where they can be built."""
    target = cache() / "firmware"
    shutil.copytree(folder, target, dirs_exist_ok=True)
    return target
