"""bossac: the boot loaders and the ROM of SAM chips. Facts: bossac --help."""

from klipkit.flashing.byhand import with_hands
from klipkit.flashing.entry import instructions, touch_step
from klipkit.flashing.job import BOOT_PORT, Job, Step, Work
from klipkit.flashing.tools import limits, run_tool

BYTES_PER_SECOND = 4000


def steps(job: Job) -> list[Step]:
    """Enter the boot loader by a touch, write, read back, start."""
    touches = job.method.touch and not job.waits_in_bootloader
    command = (
        *("bossac", "-p", BOOT_PORT if touches else job.port_name()),
        *((f"--offset={job.offset:#x}",) if job.offset else ()),
        *(word for word in job.method.arguments if word != "-R"),
        *("-w", str(job.file), "-R"),
    )

    def act(work: Work) -> None:
        path = work.path or job.port_name()
        filled = [path if word == BOOT_PORT else word for word in command]
        allowed = limits(len(work.loaded().data), BYTES_PER_SECOND)
        with_hands(work, lambda: work.detail(run_tool(filled, allowed, work.progress, port=path)))

    by_hand = instructions(job) if job.method.needs_hands else ()
    write = Step("write the flash, read it back, and start the firmware", act, (command,), True, by_hand)
    return [touch_step(job), write] if touches else [write]
