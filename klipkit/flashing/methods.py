"""The table of flash methods: for each tool that boards/data names, the file that knows it."""

import importlib
from typing import NamedTuple

from klipkit.flashing.job import Job, Step


class Entry(NamedTuple):
    """The file in this folder, whose `steps(job)` gives the steps; and whether the tool works on a serial port."""

    module: str
    on_port: bool
    what: str


METHODS = {
    "avrdude": Entry("avrdude", True, "avrdude talks with the boot loader of an AVR"),
    "bossac": Entry("bossac", True, "bossac talks with the boot loader or ROM of a SAM"),
    "stm32flash": Entry("stm32flash", True, "stm32flash talks with the ROM of an STM32 over a UART"),
    "katapult": Entry("katapult", True, "the Katapult boot loader takes the firmware over the port"),
    "dfu-util": Entry("dfu_util", False, "dfu-util talks with a boot loader over USB"),
    "teensy_loader_cli": Entry("teensy", False, "teensy_loader_cli talks with HalfKay over USB"),
    "uf2": Entry("uf2", False, "a file is copied to the volume that the board shows"),
    "sdcard": Entry("sdcard", False, "a file is carried on an SD card"),
    "dfu-programmer": Entry("command", False, "dfu-programmer talks with Atmel's DFU over USB"),
    "hid-flash": Entry("command", False, "hid-flash talks with the HID boot loader over USB"),
    "install": Entry("command", False, "the program is copied on this computer"),
}


def steps_of(job: Job) -> list[Step]:
    """The steps that the job's method takes, without those that are the same for all."""
    module = importlib.import_module(f"klipkit.flashing.{METHODS[job.method.tool].module}")
    found: list[Step] = module.steps(job)
    return found
