"""Which boards are meant: the one that was named, or the microcontrollers of a printer.cfg, each with its port."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from klipkit.base.config import Config, read_config
from klipkit.base.errors import DeviceError, KlipkitError, UnknownMcu, UsageError
from klipkit.base.flashfaults import NoMethod
from klipkit.base.text import did_you_mean, sanitise
from klipkit.boards.board import Board, board_named
from klipkit.boards.pincheck import chip_in_serial
from klipkit.flashing.job import Place, place_of
from klipkit.flashing.verify import identified, plain_chip
from klipkit.link.ports import Scan
from klipkit.link.portuse import uses
from klipkit.link.serial import BAUD

MAIN = "mcu"


class Target(NamedTuple):
    """A board to be flashed: its name in the config ("" without one), and the speed of its link (0: the board's)."""

    name: str
    board: Board
    place: Place | None
    baud: int


def single(board: str | None, port: str | None, baud: int, found: Scan) -> Target:
    """The one of the command line. Raises UnknownBoard, UsageError."""
    place = place_of(port, found) if port else None
    if board is not None:
        return Target("", board_named(board), place, baud)
    if place is None:
        raise UsageError("no board is named", hint="give --board NAME; `klipkit flash list` names the boards")
    return Target("", _board_at(place, baud or BAUD, "--board NAME"), place, baud)


def of_config(
    path: str, boards: Sequence[str], wanted: Sequence[str], baud: int, found: Scan, *, every: bool
) -> list[Target]:
    """Those of a config, the main one last: others may be reached through it.

    `boards` are NAME=BOARD, or BOARD for the main one; `wanted` names sections of which more than one needs `every`.
    Raises ConfigError, UsageError, UnknownMcu, UnknownBoard, NoMethod.
    """
    config = read_config(path)
    serials = {use.section.removeprefix("mcu ").strip(): use for use in uses(config)}
    told = _told(boards, serials)
    names = [*dict.fromkeys(wanted)] or list(serials)
    for name in names:
        if name not in serials:
            raise UnknownMcu(
                f"there is no [mcu {sanitise(name)}]", hint=did_you_mean(name, serials) or "see the config"
            )
    if not names:
        raise UsageError(f"{sanitise(path)} has no [mcu]")
    if len(names) > 1 and not every and not wanted:
        raise UsageError(
            f"there are {len(names)} microcontrollers: {', '.join(map(sanitise, names))}",
            hint="give --all, or --mcu NAME",
        )
    targets = []
    for name in sorted(names, key=lambda each: (each == MAIN, each)):
        use = serials[name]
        if use.option != "serial":
            raise NoMethod(
                f"[{sanitise(use.section)}] is on a CAN bus, over which klipkit does not flash yet",
                where=use.where,
                hint="connect the board by USB or a UART, and flash it with --board NAME PORT",
            )
        place = place_of(use.value, found)
        speed = baud or _baud(config, use.section)
        board = told.get(name) or _board_of(config, name, place, speed)
        targets.append(Target(name, board, place, speed))
    return targets


def _told(boards: Sequence[str], known: Mapping[str, object]) -> dict[str, Board]:
    found = {}
    for each in boards:
        name, equals, board = each.rpartition("=")
        name = name if equals else MAIN
        if name not in known:
            raise UnknownMcu(f"there is no [mcu {sanitise(name)}]", hint=did_you_mean(name, known))
        found[name] = board_named(board)
    return found


def _baud(config: Config, section: str) -> int:
    option = config.sections[section].options.get("baud")
    if option is None:
        return BAUD
    try:
        return int(option.value)
    except ValueError:
        raise UsageError(f"'{sanitise(option.value, 40)}' is no speed", where=option.where) from None


def _board_of(config: Config, name: str, place: Place, baud: int) -> Board:
    named = chip_in_serial(config, name)
    option = "--board NAME" if name == MAIN else f"--board {sanitise(name)}=NAME"
    return board_named(plain_chip(named)) if named else _board_at(place, baud, option)


def _board_at(place: Place, baud: int, option: str) -> Board:
    """The board, of which only the chip is known: by what USB or the running firmware says. Raises UsageError."""
    if place.port is not None and place.port.chip:
        return board_named(plain_chip(place.port.chip))
    try:
        dictionary = asyncio.run(identified(place, baud))
    except DeviceError as error:
        raise _unknown(place, option, error) from error
    return board_named(plain_chip(str(dictionary.constants.get("MCU", ""))))


def _unknown(place: Place, option: str, error: KlipkitError) -> KlipkitError:
    return UsageError(
        f"which board is on {sanitise(place.name, 200)} is not known, and no firmware there tells it",
        hint=f"give {option}; `klipkit flash list` names the boards",
    )
