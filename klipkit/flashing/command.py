"""Flash tools that take a line of their own and nothing more: one entry in a table each."""

from klipkit.flashing.entry import usb_step
from klipkit.flashing.job import Job, Step, Work
from klipkit.flashing.tools import limits, run_tool

BYTES_PER_SECOND = 4000
TABLE: dict[str, tuple[str, ...]] = {  # each line is a step; {file} and {chip} are filled in
    "dfu-programmer": (
        "dfu-programmer {chip} erase --force",
        "dfu-programmer {chip} flash {file}",
        "dfu-programmer {chip} launch",
    ),
    "hid-flash": ("hid-flash {file}",),
    "install": ("install -D -m 755 {file} /usr/local/bin/klipkit-mcu",),
}


def steps(job: Job) -> list[Step]:
    """The lines of the table; before them the boot loader is found when it is on the USB."""
    before = [usb_step(job)] if job.method.usb else []
    return [*before, *(_step(job, line) for line in TABLE[job.method.tool])]


def _step(job: Job, line: str) -> Step:
    words = tuple(word.format(file=job.file, chip=job.board.chip) for word in line.split())

    def act(work: Work) -> None:
        work.detail(run_tool(words, limits(len(work.loaded().data), BYTES_PER_SECOND), work.progress))

    return Step(f"run {words[0]}", act, (words,), writes=True)
