"""One board as its firmware is built and flashed: chip, clock, baud, port of the firmware, ways to flash it."""

from dataclasses import dataclass

from klipkit.base.errors import UnknownBoard
from klipkit.base.text import did_you_mean, sanitise
from klipkit.boards.chips import chip
from klipkit.boards.families import Family, FlashMethod, Member, families, family, plain

BAUD = 250_000  # of the printer's link, where it is a UART
SIM = "sim"  # the name of the simulated board, and of its port


@dataclass(frozen=True, slots=True)
class Board:
    """A board. `port` is the firmware's port for it, whether it exists already or not ("": none is planned).

    `frequency` is the chip's clock in Hz, `baud` that of the printer's link. `flash_chip` is what the flash tool calls
    the chip. The simulated board has no family and no chip: it takes the persona of any chip.
    """

    name: str
    aliases: tuple[str, ...]
    family: str
    chip: str
    frequency: int
    baud: int
    port: str
    bootloader_baud: int = 0  # of its own bootloader, 0 when it is not known which one it has
    flash_chip: str = ""
    note: str = ""

    def methods(self) -> tuple[FlashMethod, ...]:
        """The ways to flash it, the likeliest first; none for the simulated board."""
        if not self.family:
            return ()
        found = family(self.family).flash
        return tuple(sorted(found, key=lambda method: method.baud != self.bootloader_baud))


SIMULATED = Board(SIM, (), "", "", 0, 0, SIM)


def boards() -> tuple[Board, ...]:
    """All boards, by family and in its order, the simulated one last."""
    return (*(_board(each, member) for each in families() for member in each.members), SIMULATED)


def board_named(name: str) -> Board:
    """The board of that name, as people write it: case, dashes and underscores do not matter.

    A chip's name stands for a board of which nothing but the chip is known. Raises UnknownBoard with the nearest names.
    """
    wanted = plain(name)
    if wanted == SIM:
        return SIMULATED
    for each in families():
        for member in each.members:
            if wanted in map(plain, (member.name, *member.aliases)):
                return _board(each, member)
    for each in families():
        if wanted in each.chips:
            return _board(each, Member(wanted, (), wanted, 0, 0, 0, ""))
    hint = did_you_mean(name, board_names()) or "`klipkit build --list` names the boards"
    raise UnknownBoard(f"unknown board {sanitise(name, 60)!r}", hint=hint)


def board_names() -> tuple[str, ...]:
    """Every name of every board, also those that mean the same."""
    return (*(name for each in families() for name in each.boards), SIM)


def bootloader_room(name: str) -> int:
    """The bytes at the end of a chip's flash that the largest bootloader of its boards keeps."""
    found = (method.bootloader for each in families() if name in each.chips for method in each.flash)
    return max(found, default=0)


def _board(of_family: Family, member: Member) -> Board:
    return Board(
        name=member.name,
        aliases=member.aliases,
        family=of_family.name,
        chip=member.chip,
        frequency=member.frequency or chip(member.chip).clock,
        baud=member.baud or BAUD,
        port=of_family.port,
        bootloader_baud=member.bootloader_baud,
        flash_chip=member.flash_chip or member.chip,
        note=of_family.board_note,
    )
