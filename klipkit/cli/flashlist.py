"""`klipkit flash list`: the boards and how each of them is flashed."""

from collections.abc import Sequence
from typing import Any

from klipkit.base.errors import EXIT_DONE, UsageError
from klipkit.base.output import Column, Output
from klipkit.boards.board import Board, board_named, boards
from klipkit.boards.families import FlashMethod
from klipkit.flashing.methods import METHODS

BOARDS = (
    Column("board", "Board"),
    Column("chip", "Chip"),
    Column("methods", "Methods"),
    Column("aliases", "Also called"),
)
METHOD = (
    Column("method", "Method"),
    Column("programmer", "Boot loader"),
    Column("bootloader_baud", "Baud"),
    Column("offsets_text", "Offset"),
    Column("file", "File"),
    Column("usb", "USB ids"),
    Column("hands", "Hands"),
    Column("note", "Note"),
)


def show_list(out: Output, words: Sequence[str]) -> int:
    """All boards, or the methods of one. Raises UnknownBoard."""
    if len(words) > 1:
        raise UsageError("list takes one board at most")
    if words:
        rows = [_method(each) for each in board_named(words[0]).methods()]
        out.records(METHOD, rows, methods=rows)
        return EXIT_DONE
    rows = [_board(each) for each in boards() if each.methods()]
    out.records(BOARDS, rows, boards=rows)
    return EXIT_DONE


def _board(board: Board) -> dict[str, Any]:
    return {
        "board": board.name,
        "chip": board.chip,
        "methods": list(dict.fromkeys(method.tool for method in board.methods())),
        "aliases": list(board.aliases),
        "family": board.family,
    }


def _method(method: FlashMethod) -> dict[str, Any]:
    return {
        "method": method.tool,
        "what": METHODS[method.tool].what,
        "programmer": method.programmer or None,
        "bootloader_baud": method.baud or None,
        "offsets": list(method.offsets),
        "offsets_text": [f"{offset:#x}" for offset in method.offsets],
        "file": method.filename or method.file,
        "usb": [f"{vid:04x}:{pid:04x}" for vid, pid in method.usb],
        "hands": method.needs_hands,
        "instructions": list(method.instructions),
        "note": method.note or None,
    }
