"""Seeing that a board runs the firmware that was meant: the port is found again, and the firmware identified."""

import asyncio
import os
import time
from typing import Any, NamedTuple

from klipkit.base.errors import DeviceError, KlipkitError, UnknownChip
from klipkit.base.faults import LinkError, NoAnswer, PortHeld
from klipkit.base.flashfaults import NotVerified, PortVanished
from klipkit.base.text import sanitise
from klipkit.boards.chips import chip
from klipkit.flashing.job import Job, Place, Step, Work
from klipkit.link.ports import Port, Scan
from klipkit.link.serial import open_pipe
from klipkit.mcu.conversation import Conversation
from klipkit.wire.dictionary import Dictionary

RETURNS = 15.0  # s until a board's port is back after the firmware was started
ANSWERS = 12.0  # s until firmware answers: boot loaders wait up to 2 s, some 8 s, before they start it
ONE_TRY = (
    4.0  # s for one attempt to identify: it starts with the board's reset where the port's opening resets it
)
PERIOD = 0.25  # s between two looks


class Expected(NamedTuple):
    """What the firmware will say of itself."""

    chip: str
    version: str
    build: str

    @classmethod
    def of(cls, dictionary: dict[str, Any]) -> "Expected":
        """From the data dictionary in an image."""
        told = str(dictionary["config"].get("MCU", ""))
        version, build = (str(dictionary.get(key, "")) for key in ("version", "build_versions"))
        return cls(plain_chip(told), sanitise(version, 100), sanitise(build, 200))


class Verified(NamedTuple):
    """A board that runs what it should: its port's name now, and what the firmware says."""

    name: str
    chip: str
    version: str


def plain_chip(told: str) -> str:
    """A chip's name as klipkit writes it; what is no known chip stays as it is."""
    try:
        return chip(told).name
    except UnknownChip:
        return sanitise(told, 40)


def verify_step(job: Job, take: "list[Verified]") -> Step:
    """Identify the firmware; what is found is put into `take`."""

    def act(work: Work) -> None:
        dictionary = work.loaded().dictionary()
        assert dictionary is not None
        take.append(verify(work, Expected.of(dictionary)))

    place = job.place.name if job.place else "the board's port"
    words = f"identify the firmware on {place} at {job.baud} baud: chip, version and build as in the file"
    return Step(words, act)


def verify(work: Work, expected: Expected) -> Verified:
    """Raises NotVerified, PortVanished, PortHeld."""
    place = _returned(work, expected)
    dictionary = _identified(place, work.job.baud)
    found = Expected(
        plain_chip(str(dictionary.constants.get("MCU", ""))),
        sanitise(dictionary.version, 100),
        sanitise(dictionary.build_versions, 200),
    )
    for what, is_one, wanted in zip(("chip", "version", "build"), found, expected, strict=True):
        if is_one != wanted:
            raise NotVerified(
                f"the firmware that answers is another one: {what} '{is_one}', not '{wanted}'",
                where=place.name,
                hint="the boot loader did not take the new firmware, or another board is on this port",
            )
    return Verified(place.name, found.chip, found.version)


def _identified(place: Place, baud: int) -> Dictionary:
    """What answers, asked again and again: a boot loader may have to end first."""
    end = time.monotonic() + ANSWERS
    while True:
        try:
            return asyncio.run(identified(place, baud))
        except PortHeld:
            raise
        except (LinkError, DeviceError) as error:
            if time.monotonic() >= end:
                raise _silent(place, error) from error
        time.sleep(PERIOD)


async def identified(place: Place, baud: int) -> Dictionary:
    """The data dictionary of the firmware that answers there. Raises LinkError, DeviceError."""
    pipe = await open_pipe(place.path, baud, board_behind_pty=True)
    talk = Conversation(place.name, pipe)
    try:
        return await talk.identify(ONE_TRY)
    finally:
        await talk.close()
        pipe.close()


def _silent(place: Place, error: KlipkitError) -> KlipkitError:
    if not isinstance(error, NoAnswer):
        return NotVerified(
            f"the firmware cannot be asked who it is: {error.what}", where=place.name, hint=error.hint
        )
    return NotVerified(
        "no firmware answers",
        where=place.name,
        hint="was it built for this chip, crystal, link, speed (--baud) and boot loader (--offset)?",
    )


def _returned(work: Work, expected: Expected) -> Place:
    """The board's port, once it is back. Raises PortVanished."""
    end = time.monotonic() + RETURNS
    while True:
        place = _now(work, expected)
        if place is not None:
            return place
        if time.monotonic() >= end:
            raise PortVanished(
                "the board's port did not come back",
                where=work.job.place.name if work.job.place else "",
                hint="unplug the board and plug it in again, then give the command again with --verify; "
                "`klipkit ports` lists the ports that are there",
            )
        time.sleep(PERIOD)


def _now(work: Work, expected: Expected) -> Place | None:
    """Where the board is now; None when it is nowhere yet."""
    before, found = work.job.place, work.look()
    native = before is None or (before.port is not None and before.port.kind in ("firmware", "bootloader"))
    if before is not None and not native:
        return _same(work, before, found)
    running = [port for port in found.ports if port.kind == "firmware" and port.tty and port.has_node]
    fitting = [port for port in running if not port.chip or plain_chip(port.chip) == expected.chip]
    own = [port for port in fitting if before is not None and _is_same_device(port, before.port)]
    known = {port.device for port in work.before.ports if port.kind == "firmware"}
    new = [port for port in fitting if port.device not in known]
    for port in (*own, *new, *fitting[: len(fitting) == 1]):
        return Place(port.name or port.device, found.root + port.device, port)
    return None


def _same(work: Work, before: Place, found: Scan) -> Place | None:
    """A port that is a bridge's, a UART's or a pty: it keeps its name, if not always its number."""
    for port in found.ports:
        if before.port and port.has_node and _is_same_device(port, before.port):
            name = (
                before.name
                if before.name in (port.name, port.device, *port.by_id, *port.by_path)
                else port.name
            )
            return Place(name or port.device, found.root + port.device, port)
    usb_boards = (*work.job.family.usb_application, *work.job.family.usb_bootloader)
    for port in found.ports if before.ids in usb_boards else ():
        if port.kind == "firmware" and port.tty and port.has_node:
            return Place(port.name or port.device, found.root + port.device, port)
    return before if before.port is None and os.path.exists(before.path) else None  # noqa: PTH110


def _is_same_device(port: Port, before: Port | None) -> bool:
    if before is None:
        return False
    if port.usb is None or before.usb is None:
        return port.device == before.device
    same_number = bool(port.usb.serial) and port.usb.serial == before.usb.serial
    return same_number or port.usb.address == before.usb.address
