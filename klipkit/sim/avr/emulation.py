"""A chip's own firmware, run in its emulator: which chips can be, and building what that needs."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from klipkit.base.errors import FileError, UnknownChip, UnknownMcu
from klipkit.base.text import did_you_mean, sanitise
from klipkit.boards.chips import Chip
from klipkit.sim import firmware
from klipkit.sim.avr import runner
from klipkit.sim.emulation import Emulation
from klipkit.toolchain.firmware import cache
from klipkit.toolchain.sources import installed, sources

CHIPS = ("atmega2560", "atmega1280", "atmega1284p", "atmega644p", "atmega328p", "atmega168")
BAUD = 250_000
BOOTS = 4.0  # s: longer than the boot loaders of Arduinos wait for somebody to talk to them


def emulation_of(chip: Chip, flash: Path | None = None) -> Emulation:
    """The emulator and the ELF file of a chip's firmware, built when they are not up to date.

    `flash`: what the chip has in its flash instead, as klipkit-avr saved it, boot loader and all; its reset begins in
    that. Raises UnknownChip for a chip that cannot be emulated, DeviceError when something cannot be built.
    """
    if chip.name not in CHIPS:
        raise UnknownChip(f"a chip {chip.name!r} cannot be emulated", hint=f"these can: {', '.join(CHIPS)}")
    if flash is not None:
        if not flash.is_file():
            raise FileError("no such file", where=sanitise(str(flash)))
        return Emulation(runner.build_object(_folder()), flash, BOOTS)
    baud = int(chip.constants.get("SERIAL_BAUD", BAUD))
    return Emulation(runner.build_object(_folder()), firmware.build_avr(chip.name, chip.clock, baud))


def emulations_of(chips: Mapping[str, Chip], names: Iterable[str]) -> dict[str, Emulation]:
    """The emulations of the microcontrollers of these names, or NAME=FILE for one with that in its flash.

    Raises UnknownMcu for one that is not in `chips`, FileError.
    """
    found = {}
    for text in names:
        name, _, file = text.partition("=")
        if name not in chips:
            raise UnknownMcu(f"there is no [mcu {sanitise(name)}]", hint=did_you_mean(name, chips))
        found[name] = emulation_of(chips[name], Path(file) if file else None)
    return found


def _folder() -> Path:
    """Where the emulator is built: build/avr of a checkout, else in the cache."""
    in_place = not installed(sources()) and os.access(runner.TOP, os.W_OK)
    return runner.TOP / "build" / "avr" if in_place else cache() / "avr"
