"""Bringing a board into its boot loader, without hands where that can be, and finding it there."""

import os
import time
from collections.abc import Iterator

from klipkit.base.flashfaults import ByHand, NoBootloader, WrongBootloader
from klipkit.flashing.job import Job, Step, Work
from klipkit.flashing.line import touch
from klipkit.link.ports import Port

PERIOD = 0.2  # s between two looks
APPEARS = 10.0  # s until a board's boot loader has shown up on the bus
STAYS = 2.0  # s after which a port that is still there will stay


def touch_step(job: Job) -> Step:
    """Open the port at 1200 baud, and wait for the boot loader's."""
    assert job.place is not None

    def act(work: Work) -> None:
        assert job.place is not None
        touch(job.place.path)
        work.path = _boot_port(work)

    return Step(f"open {job.place.name} at 1200 baud, which starts the boot loader, and find its port", act)


def usb_step(job: Job) -> Step:
    """Have the boot loader on the USB, by the firmware that runs or by hands."""
    touches = job.place is not None and job.place.runs_firmware

    def act(work: Work) -> None:
        device = _device(work)
        if device is None and touches and job.place is not None:
            touch(job.place.path)
            device = _wait(work, APPEARS)
        if device is None and work.ask(f"the board has to be brought into its boot loader ({_ids(job)})"):
            device = _wait(work, work.patience)
        if device is None:
            raise _not_there(job)
        work.path = device.device

    if touches and job.place is not None:
        words = f"open {job.place.name} at 1200 baud, which starts the boot loader; find it on the USB ({_ids(job)})"
        return Step(words, act)
    return Step(f"find the boot loader on the USB ({_ids(job)})", act, by_hand=instructions(job))


def instructions(job: Job) -> tuple[str, ...]:
    """What hands have to do, in the words of the board's data."""
    return tuple(
        line.format(file=job.method.filename or job.file.name, address=f"{job.start:#x}")
        for line in job.method.instructions
    )


def usb_devices(work: Work) -> list[Port]:
    """The devices on the bus that are a boot loader of this kind."""
    ids = {f"{vid:04x}:{pid:04x}" for vid, pid in work.job.boot_ids}
    return [port for port in work.look().ports if port.usb and port.usb.ids in ids]


def _device(work: Work) -> Port | None:
    """The one device. Raises WrongBootloader when there are several."""
    found = usb_devices(work)
    if len(found) > 1:
        names = ", ".join(port.device for port in found)
        raise WrongBootloader(
            f"{len(found)} boards are in this boot loader: {names}", hint="unplug all but the one"
        )
    return found[0] if found else None


def _wait(work: Work, seconds: float) -> Port | None:
    for _ in _looks(seconds):
        device = _device(work)
        if device is not None:
            return device
    return None


def _not_there(job: Job) -> ByHand | NoBootloader:
    if job.method.needs_hands:
        return ByHand(
            f"no board is in its boot loader ({_ids(job)})",
            hint="do what the numbered lines say, and give the command again",
        )
    return NoBootloader(
        f"the boot loader did not show up ({_ids(job)})",
        hint="press the reset button twice, quickly, and give the command again",
    )


def _ids(job: Job) -> str:
    return " or ".join(f"{vid:04x}:{pid:04x}" for vid, pid in job.boot_ids)


def _boot_port(work: Work) -> str:
    """The file of the boot loader's port after a touch. Raises NoBootloader when none comes."""
    place = work.job.place
    assert place is not None
    begun = time.monotonic()
    for _ in _looks(APPEARS):
        found = [port for port in usb_devices(work) if port.tty and port.has_node]
        if found:
            return work.job.found.root + found[0].device
        is_there = os.path.exists(place.path)  # noqa: PTH110 (text all along)
        if is_there and time.monotonic() - begun > STAYS and place.ids not in work.job.family.usb_application:
            return place.path
    raise NoBootloader(
        f"the boot loader did not show up after the touch of {place.name}",
        hint="press the reset button twice, quickly, and give the command again with the boot loader's port",
    )


def _looks(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while True:
        yield
        if time.monotonic() >= end:
            return
        time.sleep(PERIOD)
