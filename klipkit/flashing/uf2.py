"""UF2: the file is copied to the volume that the boot loader shows. Facts: the README of microsoft/uf2."""

import os
import re
import time
from pathlib import Path

from klipkit.base.flashfaults import ByHand, PortVanished
from klipkit.base.text import sanitise
from klipkit.flashing.entry import APPEARS, PERIOD, instructions
from klipkit.flashing.job import Job, Step, Work
from klipkit.flashing.line import touch

INFO = "INFO_UF2.TXT"  # the file by which such a volume is known
PIECE = 64 * 512  # bytes written at a time
_OCTAL = re.compile(r"\\([0-7]{3})")  # how /proc/mounts writes blanks


def steps(job: Job) -> list[Step]:
    """Find the volume, copy."""
    touches = job.place is not None and job.place.runs_firmware
    words = "find the volume of the boot loader (by its INFO_UF2.TXT)"
    if touches and job.place is not None:
        words = f"open {job.place.name} at 1200 baud, which starts the boot loader; {words}"

    def find(work: Work) -> None:
        volume = _volume(work)
        if volume is None and touches and job.place is not None:
            touch(job.place.path)
            volume = _wait(work, APPEARS)
        if volume is None and work.ask("the board has to show its volume"):
            volume = _wait(work, work.patience)
        if volume is None:
            raise ByHand(
                "no volume with INFO_UF2.TXT is mounted",
                hint="do what the numbered lines say, and give the command again",
            )
        work.path = volume

    by_hand = () if touches else instructions(job)
    copied = Step(f"copy {job.file.name} to the volume", _copy, writes=True)
    return [Step(words, find, by_hand=by_hand), copied]


def _volume(work: Work) -> str | None:
    """Where such a volume is mounted; the folder that was given with --output when it is one."""
    root = work.job.found.root
    if (work.job.output / INFO).is_file():
        return str(work.job.output)
    try:
        lines = Path(f"{root}/proc/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    for words in map(str.split, lines):
        folder = _OCTAL.sub(lambda match: chr(int(match[1], 8)), words[1]) if len(words) > 2 else ""
        if words[2:3] in (["vfat"], ["msdos"]) and Path(root + folder, INFO).is_file():
            return root + folder
    return None


def _wait(work: Work, seconds: float) -> str | None:
    end = time.monotonic() + seconds
    while (volume := _volume(work)) is None and time.monotonic() < end:
        time.sleep(PERIOD)
    return volume


def _copy(work: Work) -> None:
    """Copy; the board takes its volume away with the last block, before the file is closed."""
    source = work.job.file
    target = Path(work.path, source.name)
    size, done = source.stat().st_size, 0
    try:
        with source.open("rb") as file, target.open("wb", buffering=0) as copy:
            while piece := file.read(PIECE):
                copy.write(piece)
                os.fsync(copy.fileno())
                done += len(piece)
                work.progress(done / size)
    except OSError as error:
        if done + PIECE < size:
            raise PortVanished(
                f"the volume went away after {done} of {size} bytes: {error.strerror}",
                where=sanitise(str(target)),
                hint="look at the cable, and give the command again",
            ) from None
