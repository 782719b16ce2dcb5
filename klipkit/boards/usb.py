"""USB ids: what a device on the bus is, from its ids and, where they say more, its strings."""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from klipkit.base.errors import UnknownChip
from klipkit.boards import datafile
from klipkit.boards.datafile import UsbId


class UsbKind(StrEnum):
    """What a device is good for."""

    BOARD = "board"  # a board with firmware of its own, or with a bridge that only it has
    BRIDGE = "bridge"  # a serial or CAN bridge: any board may be behind it
    FIRMWARE = "firmware"  # Klipper's or klipkit's firmware, ready to talk to
    BOOTLOADER = "bootloader"  # ready to be flashed
    OTHER = "other"


class UsbIdentity(NamedTuple):  # not a dataclass: that costs start-up time
    """What an id stands for. `families` are those of the boards that it can be, none when any or unknown.

    Without a serial number (`has_serial_number`) two such devices differ only by their place on the bus.
    `chip` is the microcontroller's name where the firmware tells it, otherwise "".
    All text is klipkit's own: nothing of what the device said is passed on.
    """

    kind: UsbKind
    name: str
    families: tuple[str, ...]
    has_serial_number: bool
    note: str
    chip: str = ""


class _Entry(NamedTuple):
    identity: UsbIdentity
    manufacturers: Mapping[str, str]  # name by manufacturer string, where makers share an id


def identify(vid: int, pid: int, manufacturer: str = "", product: str = "") -> UsbIdentity | None:
    """What the device with these ids and strings is; None when the ids are not known."""
    entry = _entries().get((vid, pid))
    if entry is None:
        return None
    identity = entry.identity
    for maker, name in entry.manufacturers.items():
        if manufacturer.strip().lower() == maker.lower():
            identity = identity._replace(name=name)
    return _with_chip(identity, product) if identity.kind is UsbKind.FIRMWARE else identity


def known_ids() -> Mapping[UsbId, UsbIdentity]:
    """Each id of the data file and what it stands for."""
    return {key: entry.identity for key, entry in _entries().items()}


def _with_chip(identity: UsbIdentity, product: str) -> UsbIdentity:
    if not product:
        return identity
    # Imported here: most devices are told by their ids alone, and chips and families are many files.
    from klipkit.boards.chips import chip
    from klipkit.boards.families import families

    try:
        name = chip(product).name
    except UnknownChip:
        return identity
    return identity._replace(chip=name, families=tuple(f.name for f in families() if name in f.chips))


@lru_cache(maxsize=1)
def _entries() -> Mapping[UsbId, _Entry]:
    fields = datafile.read(".", "usb")
    entries: dict[UsbId, _Entry] = {}
    for kind in UsbKind:
        section = fields.table(kind.value)
        for word in section.remaining():
            key = section.usb_id(word)
            if key in entries:
                raise section.error(f"{word} is given twice")
            entries[key] = _entry(kind, section.table(word))
    fields.end()
    return entries


def _entry(kind: UsbKind, fields: datafile.Fields) -> _Entry:
    identity = UsbIdentity(
        kind=kind,
        name=fields.text("name"),
        families=fields.words("families", ""),
        has_serial_number=fields.flag("serial", True),
        note=fields.text("note", ""),
    )
    makers = fields.table("manufacturers")
    entry = _Entry(identity, {maker: makers.text(maker) for maker in makers.remaining()})
    fields.end()
    return entry
