"""What it takes to run a chip's own firmware in the co-simulator."""

from pathlib import Path
from typing import NamedTuple


class Emulation(NamedTuple):
    """The shared object of an emulator (sim/inner/emulator.h), and the file with what a chip in it executes.

    `boots`: s from power-on until its boot loader, when there is one, has started the firmware.
    """

    emulator: Path
    elf: Path
    boots: float = 0.0
