"""Prints the settings of a board for make: PORT, CHIP, FREQUENCY and BAUD, from klipkit's table of boards.

board.py ramps
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Find the package that these sources belong to, and the board in it; the standard library is all it needs."""
    for folder in (HERE.parent, HERE.parent.parent):  # a checkout's, or that of an installed package
        if (folder / "klipkit" / "__init__.py").is_file():
            sys.path.insert(0, str(folder))
    from klipkit.base.errors import KlipkitError
    from klipkit.boards.board import board_named

    try:
        board = board_named(sys.argv[1])
    except KlipkitError as error:
        sys.exit(f"board.py: {error}")
    if not (HERE / "ports" / (board.port or "none") / "port.mk").is_file():
        sys.exit(f"board.py: no port yet for {board.chip}")
    settings = {"PORT": board.port, "CHIP": board.chip, "FREQUENCY": board.frequency, "BAUD": board.baud}
    sys.stdout.write(" ".join(f"{name}={value}" for name, value in settings.items() if value) + "\n")


if __name__ == "__main__":
    main()
