"""`klipkit flash` over serial ports: real flash tools, and the own Katapult client, against doubles of boot loaders."""

from collections.abc import Callable
from pathlib import Path

import pytest

from klipkit.flashing.image import hex_text
from tests.flash_peers.avr109_double import Avr109
from tests.flash_peers.command import Said, flash
from tests.flash_peers.images import Made, made_image
from tests.flash_peers.katapult_double import Katapult
from tests.flash_peers.samba import Due, Zero
from tests.flash_peers.serial_peer import SerialPeer
from tests.flash_peers.stm32_rom import Stm32Rom

STM32 = 0x800_0000
PAGE = 256  # bytes: the largest of those flashed here


def written(folder: Path, made: Made, kind: str = "bin") -> Path:
    """The image as a file."""
    file = folder / f"firmware.{kind}"
    file.write_bytes(made.data if kind == "bin" else hex_text(made.start, made.data).encode())
    return file


def assert_flashed(said: Said, peer: SerialPeer, made: Made) -> None:
    """It says so, and the flash holds the image, and nothing behind its last page."""
    assert said.status == 0, said.err
    (row,) = said.flashed
    assert (row["result"], row["version"], row["port"]) == ("verified", made.version, peer.path)
    assert bytes(peer.flash[: len(made.data)]) == made.data
    rest = bytes(peer.flash[len(made.data) :]).rstrip(b"\xff")
    assert len(rest) < PAGE  # tools fill up words, or pages, with whatever is there


def test_stm32flash_writes_reads_back_and_starts_the_firmware(tmp_path: Path) -> None:
    made = made_image("stm32f103xe", STM32)
    with Stm32Rom() as peer:
        said = flash(
            tmp_path,
            "--board",
            "cheetah",
            "--method",
            "stm32flash",
            "--file",
            written(tmp_path, made),
            "--json",
            peer.path,
        )
    assert_flashed(said, peer, made)


def test_katapult_takes_the_firmware_block_by_block(tmp_path: Path) -> None:
    made = made_image("stm32f103xe", STM32 + 0x2000)
    with Katapult("stm32f103xe", made.start) as peer:
        peer.damaged = {3, 50}
        said = flash(
            tmp_path,
            "--board",
            "bluepill",
            "--method",
            "katapult",
            "--file",
            written(tmp_path, made),
            "--json",
            peer.path,
        )
    assert_flashed(said, peer, made)


def test_the_running_firmware_is_asked_to_start_katapult(tmp_path: Path) -> None:
    old, new = (
        made_image("stm32f103xe", STM32 + 0x2000, version=text, seed=len(text)) for text in ("old", "newer")
    )
    with Katapult("stm32f103xe", new.start) as peer:
        peer.flash[: len(old.data)] = old.data
        peer.start_firmware()
        said = flash(
            tmp_path,
            "--board",
            "bluepill",
            "--method",
            "katapult",
            "--file",
            written(tmp_path, new),
            "--json",
            peer.path,
        )
    assert_flashed(said, peer, new)


def test_avrdude_speaks_avr109(tmp_path: Path) -> None:
    made = made_image("atmega32u4", size=9_001)
    with Avr109() as peer:
        said = flash(
            tmp_path, "--board", "leonardo", "--file", written(tmp_path, made, "hex"), "--json", peer.path
        )
    assert peer.touches == 1
    assert_flashed(said, peer, made)


def test_bossac_writes_a_due_and_has_it_boot_from_the_flash(tmp_path: Path) -> None:
    made = made_image("sam3x8e", 0x8_0000)
    with Due() as peer:
        said = flash(tmp_path, "--board", "due", "--file", written(tmp_path, made), "--json", peer.path)
    assert (peer.touches, peer.boots_from_flash) == (1, True)
    assert_flashed(said, peer, made)


def test_bossac_writes_a_zero_behind_its_boot_loader(tmp_path: Path) -> None:
    made = made_image("samd21g18a", 0x2000)
    with Zero() as peer:
        said = flash(tmp_path, "--board", "zero", "--file", written(tmp_path, made), "--json", peer.path)
    assert peer.touches == 1
    assert_flashed(said, peer, made)


@pytest.mark.parametrize(
    ("peer", "chip", "options"),
    [
        (Stm32Rom, "stm32f103xe", ("--board", "bluepill", "--method", "stm32flash")),
        (Due, "sam3x8e", ("--board", "due")),
        (Avr109, "atmega32u4", ("--board", "leonardo")),
        (
            lambda: Katapult("stm32f103xe", STM32 + 0x2000),
            "stm32f103xe",
            ("--board", "bluepill", "--method", "katapult"),
        ),
    ],
    ids=["stm32flash", "bossac", "avr109", "katapult"],
)
def test_a_flash_that_does_not_keep_what_is_written_is_told(
    tmp_path: Path, peer: Callable[[], SerialPeer], chip: str, options: tuple[str, ...]
) -> None:
    """All tools read back."""
    with peer() as board:
        board.worn_out = 4444
        file = written(tmp_path, made_image(chip, board.start), "bin" if board.start else "hex")
        said = flash(tmp_path, *options, "--file", file, board.path)
    assert (said.status, said.out) == (3, "")
    assert "the firmware on the board is incomplete now" in said.err
    assert said.err.splitlines()[-1].endswith("[flash-differs]")


class Silent(SerialPeer):
    """A port behind which nothing answers."""

    def answer(self) -> bytes:
        """Nothing."""
        self.heard = b""
        return b""


def test_an_avr_whose_boot_loader_does_not_answer_is_told_soon(tmp_path: Path) -> None:
    made = made_image("atmega2560")
    with Silent(0, 1024) as peer:
        said = flash(tmp_path, "--board", "ramps", "--file", written(tmp_path, made, "hex"), peer.path)
    assert (said.status, said.out) == (3, "")
    last = said.err.splitlines()[-1]
    assert last.endswith("[no-bootloader]")
    assert "asked for STK500 version 2 (Mega 2560) at 115200 baud; is it the right port" in last


@pytest.mark.parametrize("options", [("--method", "katapult"), ("--method", "stm32flash")])
def test_a_port_where_nobody_answers_is_one_clear_error(tmp_path: Path, options: tuple[str, str]) -> None:

    start = STM32 + (0x2000 if "katapult" in options else 0)
    made = made_image("stm32f103xe", start)
    with Silent(start, 1024) as peer:
        said = flash(tmp_path, "--board", "bluepill", *options, "--file", written(tmp_path, made), peer.path)
    assert said.status in (1, 3)
    assert said.out == ""
    assert said.err.splitlines()[-1].endswith(("[no-bootloader]", "[by-hand]"))
