"""Which of a board's flash methods is meant: by what was told, by what is plugged in, else the likeliest."""

from dataclasses import replace

from klipkit.base.flashfaults import NoMethod
from klipkit.base.text import did_you_mean, sanitise
from klipkit.boards.board import Board
from klipkit.boards.families import FlashMethod
from klipkit.flashing.job import Place
from klipkit.flashing.methods import METHODS
from klipkit.link.ports import Scan


def choose(
    board: Board, place: Place | None, found: Scan, told: str = "", baud: int = 0
) -> tuple[FlashMethod, ...]:
    """The method, followed by those that differ from it in the boot loader's speed alone. Raises NoMethod."""
    methods = _told(board, told) if told else board.methods()
    if not methods:
        raise NoMethod(f"the board '{board.name}' is not flashed: it is simulated")
    first = _fitting(methods, place, found)
    same = [method for method in methods if _kind(method) == _kind(first) and method is not first]
    chosen = (first, *same)
    if not first.programmer or first.touch:
        return chosen if not baud else tuple(replace(method, baud=baud) for method in chosen[:1])
    if baud:
        return (next((m for m in chosen if m.baud == baud), replace(first, baud=baud)),)
    return chosen


def names(method: FlashMethod) -> tuple[str, ...]:
    """What --method may be for it: the tool, or what avrdude calls the boot loader."""
    return (method.tool, method.programmer) if method.programmer else (method.tool,)


def _told(board: Board, told: str) -> tuple[FlashMethod, ...]:
    found = tuple(method for method in board.methods() if told in names(method))
    if found:
        return found
    ways = dict.fromkeys(name for method in board.methods() for name in names(method))
    programmers = [method for method in board.methods() if method.programmer]
    if programmers and told in ("arduino", "wiring", "avr109"):  # a boot loader that somebody put there
        return (replace(programmers[0], programmer=told),)
    hint = did_you_mean(told, ways) or f"it is flashed by {', '.join(ways)}"
    raise NoMethod(f"no method '{sanitise(told, 40)}' for the board '{board.name}'", hint=hint)


def _kind(method: FlashMethod) -> tuple[str, str]:
    return method.tool, method.programmer


def _fitting(methods: tuple[FlashMethod, ...], place: Place | None, found: Scan) -> FlashMethod:
    """The method whose boot loader is plugged in; else the first that works on the port as it is; else the first."""
    ids = {place.ids} if place and place.ids else _ids(found)
    for method in methods:
        if ids.intersection(method.usb):
            return method
    if place is not None:
        for method in methods:
            if METHODS[method.tool].on_port and not method.needs_hands and not method.usb:
                return method
    return methods[0]


def _ids(found: Scan) -> set[tuple[int, int] | None]:
    """The USB ids of all boot loaders that are plugged in."""
    usb = [port.usb for port in found.ports if port.usb and port.kind == "bootloader"]
    return {(each.vid, each.pid) for each in usb if each.vid is not None and each.pid is not None}
