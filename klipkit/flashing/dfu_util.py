"""dfu-util: DFU boot loaders over USB; ST's ROM (DfuSe) among them. Facts: dfu-util(1)."""

import re

from klipkit.flashing.entry import usb_step
from klipkit.flashing.job import Job, Step, Work
from klipkit.flashing.tools import limits, run_tool

DFUSE = (0x0483, 0xDF11)  # ST's ROM: it wants the address
BYTES_PER_SECOND = 4000
DONE = re.compile(r"File downloaded successfully|Download done\.")  # what follows may fail: the board leaves


def steps(job: Job) -> list[Step]:
    """Find the boot loader, write, start."""
    vid, pid = job.boot_ids[0]
    command = (
        *("dfu-util", "-d", f",{vid:04x}:{pid:04x}", *job.method.arguments),
        *("-a", str(job.method.alternate)),
        *(("-s", f"{job.start:#x}:leave") if (vid, pid) == DFUSE else ()),
        *("-D", str(job.file)),
    )

    def act(work: Work) -> None:
        allowed = limits(len(work.loaded().data), BYTES_PER_SECOND)
        work.detail(run_tool(command, allowed, work.progress, done=DONE))

    return [usb_step(job), Step("write the flash and start the firmware", act, (command,), writes=True)]
