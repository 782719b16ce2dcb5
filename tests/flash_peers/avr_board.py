"""A board with an AVR: the real boot loader in the simulated chip, behind a pty whose opening resets it."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from klipkit.sim.avr.runner import build
from tests.bench.avr_session import BUILD
from tests.console_peers import PATIENCE, running
from tests.reference import TOP

INSTALLED = Path("/usr/share/arduino/hardware/arduino/avr/bootloaders")
UNPACKED = TOP / "build/packages/usr/share/arduino/hardware/mighty-1284p/bootloaders"
MEGA2560 = INSTALLED / "stk500v2/stk500boot_v2_mega2560.hex"
ATMEGA328P = INSTALLED / "atmega/ATmegaBOOT_168_atmega328.hex"
OPTIBOOT_1284P = UNPACKED / "optiboot/optiboot_atmega1284p.hex"
FREQUENCY, BAUD = 16_000_000, 250_000


class AvrBoard(NamedTuple):
    """A board that is there: its port, its process, and the file that its flash is saved to when it goes."""

    port: Path
    process: "subprocess.Popen[bytes]"
    saved: Path

    def unplug(self) -> None:
        """Pull the cable: the chip stops where it is, and its flash is saved."""
        self.process.terminate()
        self.process.wait(PATIENCE)


@contextlib.contextmanager
def avr_board(chip: str, flash: Path, folder: Path, name: str = "port") -> Iterator[AvrBoard]:
    """A board whose chip has that in its flash: a boot loader, or what was saved before."""
    assert flash.exists(), f"{flash} is missing: make setup"
    link, saved = folder / name, folder / f"{name}.saved.hex"
    command = [str(build(BUILD)), chip, str(FREQUENCY), str(BAUD), str(flash), str(link), str(saved)]
    with running(command, link) as process:
        yield AvrBoard(link, process, saved)
    process.wait(PATIENCE)
