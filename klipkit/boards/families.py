"""Board families: boards that take the same firmware in the same way, one data file per family."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from klipkit.base.errors import UnknownBoard
from klipkit.base.text import did_you_mean, sanitise
from klipkit.boards import datafile
from klipkit.boards.datafile import UsbId


@dataclass(frozen=True, slots=True)
class FlashMethod:
    """One way to put firmware on a board.

    `tool` is the program or the way (avrdude, bossac, dfu-util, sdcard, uf2, katapult, ...), `file` the kind of
    file it takes (hex, bin, uf2, elf). `offsets` are the bytes that the bootloader keeps at the start of the flash, the
    usual one first; `offset` is that one. `baud`, 0 when the tool does not ask for it. `touch`: the port
    is opened at 1200 baud first. `needs_hands`: somebody has to press a button or carry a card. `usb` are the
    ids under which the bootloader appears, `programmer` avrdude's -c, `alternate` dfu-util's -a,
    `filename` the name on the card, `uf2_family` the id in each block of a UF2 file (0: none), `bootloader` the
    bytes at the end of the flash that the bootloader keeps, `arguments` what else the tool is given, besides port,
    speed, offset and file. `instructions` are what hands do, in order; {file} in them is the firmware's file, {address}
    where it stands in the flash.
    """

    tool: str
    file: str
    offsets: tuple[int, ...]
    baud: int
    touch: bool
    needs_hands: bool
    usb: tuple[UsbId, ...]
    programmer: str
    alternate: int
    filename: str
    uf2_family: int
    bootloader: int
    arguments: tuple[str, ...]
    note: str
    instructions: tuple[str, ...]

    @property
    def offset(self) -> int:
        """Bytes before the application in the flash, in the usual case."""
        return self.offsets[0] if self.offsets else 0


@dataclass(frozen=True, slots=True)
class Member:
    """A board of a family, as its firmware differs from the others'.

    `frequency` (Hz) and `baud` are 0 when they are the usual ones of the chip and of the port; `bootloader_baud` is
    that of its bootloader where the family has several; `flash_chip` is the chip that the flash tool is told, "" when
    it is `chip`.
    """

    name: str
    aliases: tuple[str, ...]
    chip: str
    frequency: int
    baud: int
    bootloader_baud: int
    flash_chip: str


@dataclass(frozen=True, slots=True)
class Family:
    """A board family. `table` names its pin table, "" when pins go by the chip's own names.

    `port` is the firmware's port for its chips, "" when none is planned; `board_note` what to know before wiring one.
    `flash_start` is the address of the first byte of flash. The USB ids are those of a board that runs
    (`usb_application`), waits in its bootloader, or sits behind a serial bridge.
    """

    name: str
    title: str
    members: tuple[Member, ...]
    chips: tuple[str, ...]
    port: str
    board_note: str
    table: str
    flash_start: int
    flash: tuple[FlashMethod, ...]
    usb_application: tuple[UsbId, ...]
    usb_bootloader: tuple[UsbId, ...]
    usb_bridge: tuple[UsbId, ...]

    @property
    def boards(self) -> tuple[str, ...]:
        """The names of its boards, with those that mean the same."""
        return tuple(name for member in self.members for name in (member.name, *member.aliases))


@lru_cache(maxsize=1)
def family_names() -> tuple[str, ...]:
    """The names of all families, sorted."""
    return datafile.names("families")


@lru_cache(maxsize=64)
def family(name: str) -> Family:
    """The family of exactly that name. Raises UnknownBoard with the nearest names."""
    if name not in family_names():
        raise _unknown(name, family_names())
    fields = datafile.read("families", name)
    chips = fields.words("chips")
    found = Family(
        name=name,
        title=fields.text("title"),
        members=tuple(_member(member, chips) for member in fields.tables("boards")),
        chips=chips,
        port=fields.text("port", ""),
        board_note=fields.text("board_note", ""),
        table=fields.text("table", ""),
        flash_start=fields.number("flash_start", 0),
        flash=tuple(_method(method) for method in fields.tables("flash")),
        usb_application=fields.usb("usb_application"),
        usb_bootloader=fields.usb("usb_bootloader"),
        usb_bridge=fields.usb("usb_bridge"),
    )
    fields.end()
    return found


def families() -> tuple[Family, ...]:
    """All families, sorted by name."""
    return tuple(family(name) for name in family_names())


def board(name: str) -> Family:
    """The family of a board, named as people do: case, dashes and underscores do not matter.

    A family's own name will do as well. Raises UnknownBoard with the nearest names.
    """
    found = _boards().get(plain(name))
    if found is None:
        known = [spoken for each in families() for spoken in (each.name, *each.boards)]
        raise _unknown(name, known)
    return family(found)


def plain(name: str) -> str:
    """A name as it is compared: lower case, without dashes, underscores and outer blanks."""
    return name.strip().lower().replace("-", "").replace("_", "")


@lru_cache(maxsize=1)
def _boards() -> Mapping[str, str]:
    """Family name by compared board name; a family's own name wins over a board of another one."""
    spoken = {plain(name): each.name for each in families() for name in each.boards}
    return {**spoken, **{plain(name): name for name in family_names()}}


def _member(fields: datafile.Fields, chips: tuple[str, ...]) -> Member:
    member = Member(
        name=fields.text("name"),
        aliases=fields.words("aliases", ""),
        chip=fields.text("chip", chips[0] if len(chips) == 1 else None),
        frequency=fields.number("frequency", 0),
        baud=fields.number("baud", 0),
        bootloader_baud=fields.number("bootloader_baud", 0),
        flash_chip=fields.text("flash_chip", ""),
    )
    if member.chip not in chips:
        raise fields.error(f"board {member.name!r} has a chip that is not among the family's")
    fields.end()
    return member


def _method(fields: datafile.Fields) -> FlashMethod:
    method = FlashMethod(
        tool=fields.text("tool"),
        file=fields.text("file"),
        offsets=fields.numbers("offsets"),
        baud=fields.number("baud", 0),
        touch=fields.flag("touch", False),
        needs_hands=fields.flag("needs_hands", False),
        usb=fields.usb("usb"),
        programmer=fields.text("programmer", ""),
        alternate=fields.number("alternate", 0),
        filename=fields.text("filename", ""),
        uf2_family=fields.number("uf2_family", 0),
        bootloader=fields.number("bootloader", 0),
        arguments=fields.words("arguments", ""),
        note=fields.text("note", ""),
        instructions=fields.strings("instructions"),
    )
    fields.end()
    return method


def _unknown(name: str, known: tuple[str, ...] | list[str]) -> UnknownBoard:
    hint = did_you_mean(name, known) or "`klipkit pins list` names the boards"
    return UnknownBoard(f"unknown board {sanitise(name, 60)!r}", hint=hint)
