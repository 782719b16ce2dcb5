"""An SD card: the file with the name that the boot loader looks for, and what to do with it."""

import shutil

from klipkit.base.errors import FileError
from klipkit.base.text import sanitise
from klipkit.flashing.byhand import hands_step
from klipkit.flashing.job import Job, Step, Work


def steps(job: Job) -> list[Step]:
    """Write the file; the rest is by hand."""
    target = job.output / job.method.filename

    def act(work: Work) -> None:
        try:
            job.output.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(job.file, target)
        except OSError as error:
            raise FileError(f"cannot be written: {error.strerror}", where=sanitise(str(target))) from None
        work.note(f"{target} is the file for the card")

    return [
        Step(f"write {target}, the file for the card", act),
        hands_step(job, "carry the file to the board on an SD card"),
    ]
