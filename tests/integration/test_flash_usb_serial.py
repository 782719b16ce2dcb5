"""`klipkit flash` on a board with USB of its own: its port goes and comes, each time under another name."""

import shutil
from pathlib import Path

from tests.flash_peers.command import flash
from tests.flash_peers.images import made_image
from tests.flash_peers.katapult_double import Katapult
from tests.golden.ports.tree import CONTROLLER, Tree, firmware

CHIP = "stm32f446xx"
START = 0x0800_8000
SERIAL = "2A003B000A51373330333137"
BY_ID = "/dev/serial/by-id/usb-{maker}_stm32f446xx_2A003B000A51373330333137-if00"


class UsbBoard(Katapult):
    """Shows up as Klipper's firmware, as Katapult after a touch, and as klipkit's firmware once that was flashed."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(CHIP, START)
        self._tree = tree
        self._is_plugged = False
        self.makers: list[str] = []

    def show(self, maker: str) -> None:
        """On the USB under that name, in the same socket."""
        if self._is_plugged:
            self._tree.remove("ttyACM0", "1-2")
            shutil.rmtree(self._tree.root / "sys" / CONTROLLER / "1-2")
        self._is_plugged = True
        self.makers.append(maker)
        firmware(self._tree, "ttyACM0", "1-2", maker=maker, chip=CHIP)
        node = self._tree.root / "dev/ttyACM0"
        node.unlink()
        node.symlink_to(self.path)

    def touched(self) -> None:
        """The firmware hands over to Katapult."""
        super().touched()
        self.show("katapult")

    def start_firmware(self) -> None:
        """Katapult hands over to the firmware."""
        super().start_firmware()
        if self._is_plugged:
            self.show("klipkit")


def test_firmware_is_touched_katapult_found_and_flashed_and_the_new_port_told(tmp_path: Path) -> None:
    old, new = (made_image(CHIP, START, version=text, seed=len(text)) for text in ("old", "newer"))
    (tmp_path / "firmware.bin").write_bytes(new.data)
    tree = Tree(tmp_path / "root")
    with UsbBoard(tree) as board:
        board.flash[: len(old.data)] = old.data
        board.start_firmware()
        board.show("Klipper")
        options = ("--board", "octopus", "--method", "katapult", "--file", "firmware.bin", "--json")
        port = BY_ID.format(maker="Klipper")
        said = flash(tmp_path, *options, port, extra={"KLIPKIT_SYSROOT": str(tree.root)})
    assert said.status == 0, said.err
    assert (board.touches, board.makers) == (1, ["Klipper", "katapult", "klipkit"])
    (row,) = said.flashed
    assert (row["port_before"], row["port"]) == (port, BY_ID.format(maker="klipkit"))
    assert f"the port is now {row['port']}: write it into printer.cfg" in said.err
    assert bytes(board.flash[: len(new.data)]) == new.data


def test_a_board_that_waits_in_katapult_is_known_by_its_port_and_needs_no_method(tmp_path: Path) -> None:
    made = made_image(CHIP, START)
    (tmp_path / "firmware.bin").write_bytes(made.data)
    tree = Tree(tmp_path / "root")
    with UsbBoard(tree) as board:
        board.show("katapult")
        options = ("--board", "octopus", "--file", "firmware.bin", "--json")
        said = flash(tmp_path, *options, "/dev/ttyACM0", extra={"KLIPKIT_SYSROOT": str(tree.root)})
    assert said.status == 0, said.err
    assert (said.flashed[0]["method"], board.touches) == ("katapult", 0)
    assert bytes(board.flash[: len(made.data)]) == made.data
