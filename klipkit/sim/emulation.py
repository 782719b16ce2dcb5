"""What it takes to run a chip's own firmware in the co-simulator."""

from pathlib import Path
from typing import NamedTuple


class Emulation(NamedTuple):
    """The shared object of an emulator (sim/inner/emulator.h), and the ELF file that a chip in it executes."""

    emulator: Path
    elf: Path
