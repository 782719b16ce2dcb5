"""stm32flash: the ROM boot loader of STM32 chips over a UART. Facts: stm32flash(1), ST's AN3155."""

import os

from klipkit.flashing.byhand import with_hands
from klipkit.flashing.entry import instructions
from klipkit.flashing.job import Job, Step, Work
from klipkit.flashing.tools import limits, run_tool
from klipkit.link.serial import PTY_MAJORS

BAUD = 57_600  # stm32flash's own default; the ROM finds the speed by itself
BYTES_PER_BAUD = 1 / 12
FLASH_START = 0x800_0000


def steps(job: Job) -> list[Step]:
    """Write, read back, start."""
    port, baud = job.port_name(), job.method.baud or BAUD
    command = (
        *("stm32flash", "-b", str(baud)),
        *(("-m", "8n1") if _is_pty(port) else ()),  # a pty has no parity
        *((f"-S{job.start:#x}",) if job.start != FLASH_START else ()),
        *("-w", str(job.file), *job.method.arguments, port),
    )

    def act(work: Work) -> None:
        allowed = limits(len(work.loaded().data), baud * BYTES_PER_BAUD)
        with_hands(work, lambda: work.detail(run_tool(command, allowed, work.progress, port=port)))

    words = "write the flash, read it back, and start the firmware"
    return [Step(words, act, (command,), writes=True, by_hand=instructions(job))]


def _is_pty(path: str) -> bool:
    try:
        return os.major(os.stat(path).st_rdev) in PTY_MAJORS  # noqa: PTH116
    except OSError:
        return False
