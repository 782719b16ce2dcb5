"""teensy_loader_cli: PJRC's HalfKay boot loader over USB. Facts: teensy_loader_cli --help."""

from klipkit.flashing.entry import usb_step
from klipkit.flashing.job import Job, Step, Work
from klipkit.flashing.tools import limits, run_tool

BYTES_PER_SECOND = 4000


def steps(job: Job) -> list[Step]:
    """Find the boot loader, write, start."""
    command = ("teensy_loader_cli", f"--mcu={job.board.chip}", "-v", str(job.file))

    def act(work: Work) -> None:
        work.detail(run_tool(command, limits(len(work.loaded().data), BYTES_PER_SECOND), work.progress))

    return [usb_step(job), Step("write the flash and start the firmware", act, (command,), writes=True)]
