"""What a flash method is given, and the steps that it answers with: told by --dry-run, else carried out in order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from klipkit.base.text import sanitise
from klipkit.boards.board import Board
from klipkit.boards.families import Family, FlashMethod, family
from klipkit.flashing.image import Image
from klipkit.flashing.tools import Progress
from klipkit.link.ports import Port, Scan, scan

BOOT_PORT = "BOOTLOADER-PORT"  # stands in a command for the port that the boot loader will have


class Place(NamedTuple):
    """Where a board is: the name that was given, the file that is opened, and what the ports say of it, if anything."""

    name: str
    path: str
    port: Port | None

    @property
    def ids(self) -> tuple[int, int] | None:
        """The USB ids."""
        usb = self.port.usb if self.port else None
        return None if usb is None or usb.vid is None or usb.pid is None else (usb.vid, usb.pid)

    @property
    def runs_firmware(self) -> bool:
        """It is the USB port of a board that runs Klipper's or klipkit's firmware."""
        return self.port is not None and self.port.kind == "firmware"


def place_of(name: str, found: Scan) -> Place:
    """The place of that name; a port that no scan shows, such as a pty, is taken as it is."""
    for port in found.ports:
        if name in (port.device, port.name, *port.by_id, *port.by_path):
            return Place(name, found.root + port.device, port)
    return Place(name, name, None)


@dataclass(frozen=True, slots=True)
class Job:
    """A board to be flashed. `methods` are the chosen one, and others that differ from it in the speed alone.

    `source` is the firmware's file, `file` what the tool is given (the same, when its kind is right already). `offset`
    are the bytes that the boot loader keeps at the start of the flash; `baud` is the speed of the printer's link.
    `output` is the folder for a file that is carried by hand.
    """

    board: Board
    methods: tuple[FlashMethod, ...]
    place: Place | None
    source: Path
    file: Path
    offset: int
    baud: int
    output: Path
    found: Scan
    told_baud: bool = False  # the boot loader's speed was given, not guessed

    @property
    def method(self) -> FlashMethod:
        """The chosen method."""
        return self.methods[0]

    @property
    def family(self) -> Family:
        """The board's family."""
        return family(self.board.family)

    @property
    def start(self) -> int:
        """The address of the firmware's first byte."""
        return self.family.flash_start + self.offset

    @property
    def boot_ids(self) -> tuple[tuple[int, int], ...]:
        """The USB ids under which the boot loader may show up."""
        return self.method.usb or self.family.usb_bootloader

    @property
    def waits_in_bootloader(self) -> bool:
        """The port that was given is that of the boot loader."""
        return self.place is not None and self.place.ids in self.boot_ids

    def shown_port(self) -> str:
        """The port as it was given, safe to show."""
        return sanitise(self.place.name, 200) if self.place else ""

    def port_name(self) -> str:
        """The port as commands are given it: the device itself, which all tools understand."""
        if self.place is None:
            return BOOT_PORT
        return self.place.path


@dataclass
class Work:
    """What the carrying out of a plan knows: where the board is now, and whom to tell."""

    job: Job
    note: Callable[[str], None]
    detail: Callable[[str], None]
    progress: Progress
    ask: Callable[[str], bool]  # shows a person what to do by hand; False when nobody is there
    patience: float  # s that a person's hands may take
    image: Image | None = None
    path: str = ""  # the file of the port that the boot loader has
    choice: int = 0  # which of the job's methods
    before: Scan = field(default_factory=lambda: Scan("", (), (), has_by_id=False))

    def look(self) -> Scan:
        """The ports as they are now."""
        return scan(self.job.found.root)

    def loaded(self) -> Image:
        """The image, which the first step has read."""
        assert self.image is not None
        return self.image


Commands = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what is done in words, the commands that it runs (one of them), and the doing.

    `writes`: while it lasts the firmware on the board is incomplete. `by_hand` are numbered lines for a person.
    """

    words: str
    act: Callable[[Work], None]
    commands: tuple[tuple[str, ...], ...] = ()
    writes: bool = False
    by_hand: tuple[str, ...] = ()
