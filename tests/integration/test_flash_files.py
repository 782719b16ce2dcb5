"""`klipkit flash` where the firmware goes as a file, to a UF2 volume or an SD card; and what is refused or told."""

import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.flash_peers.command import HANG, Said, flash, start
from tests.flash_peers.images import Made, made_image
from tests.flash_peers.katapult_double import Katapult
from tests.golden.ports.tree import Tree

FLASH_START = 0x1000_0000
RP2040 = 0xE48B_FF56
BLOCK, PAYLOAD = 512, 256
LONG = 30.0  # s: a guard
HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_EX)
print(flush=True)
time.sleep(600)
"""


def assert_is_uf2(data: bytes, image: bytes, start: int, family: int) -> None:
    """Each block, as the format says (README of microsoft/uf2)."""
    assert len(data) % BLOCK == 0
    total = len(data) // BLOCK
    assert total == -(-len(image) // PAYLOAD)
    whole = b""
    for number in range(total):
        block = data[number * BLOCK : (number + 1) * BLOCK]
        fields = struct.unpack_from("<8I", block)
        place = start + number * PAYLOAD
        assert fields == (0x0A324655, 0x9E5D5157, 0x2000, place, PAYLOAD, number, total, family)
        assert block[32 + PAYLOAD : -4] == bytes(BLOCK - 32 - PAYLOAD - 4)
        assert block[-4:] == struct.pack("<I", 0x0AB16F30)
        whole += block[32 : 32 + PAYLOAD]
    assert whole == image.ljust(total * PAYLOAD, b"\xff")


class Board(Katapult):
    """A board that runs a firmware, on a port of the tree."""

    def __init__(self, made: Made, chip: str) -> None:
        super().__init__(chip, made.start)
        self.flash[: len(made.data)] = made.data
        self.start_firmware()

    def plug(self, tree: Tree, chip: str) -> None:
        """Appear on the USB."""
        folder = tree.usb("1-3", "1d50:614e", manufacturer="klipkit", product=chip, serial="E660C0D1C72B4A33")
        name = f"usb-klipkit_{chip}_E660C0D1C72B4A33-if00"
        tree.tty("ttyACM0", folder, by_id=name, by_path="pci-0000:00:14.0-usb-0:3:1.0")
        node = tree.root / "dev/ttyACM0"
        node.unlink()
        node.symlink_to(self.path)


def volume(tree: Tree) -> Path:
    """The volume of an RP2040 in its boot loader, mounted in a folder whose name has a blank."""
    tree.usb("1-2", "2e8a:0003", manufacturer="Raspberry Pi", product="RP2 Boot", serial="E0C9125B0D9B")
    tree.write("proc/mounts", r"/dev/sda1 /media/my\040pi/RPI-RP2 vfat rw,nosuid 0 0")
    return tree.write("media/my pi/RPI-RP2/INFO_UF2.TXT", "UF2 Bootloader v3.0\nBoard-ID: RPI-RP2").parent


def test_a_uf2_file_goes_onto_the_volume_and_the_board_comes_back_with_another_port(tmp_path: Path) -> None:
    made = made_image("rp2040", FLASH_START)
    (tmp_path / "firmware.bin").write_bytes(made.data)
    tree = Tree(tmp_path / "root")
    target = volume(tree) / "klipkit.uf2"
    extra = {"KLIPKIT_SYSROOT": str(tree.root)}
    with Board(made, "rp2040") as board:
        process = start(tmp_path, "--board", "pico", "--file", "firmware.bin", "--json", extra=extra)
        end = time.monotonic() + LONG
        while not (target.exists() and target.stat().st_size >= -(-len(made.data) // PAYLOAD) * BLOCK):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.01)
        board.plug(tree, "rp2040")
        out, err = process.communicate(timeout=HANG)
    said = Said(process.returncode, out, err)
    assert said.status == 0, err
    assert said.flashed[0]["port"] == "/dev/serial/by-id/usb-klipkit_rp2040_E660C0D1C72B4A33-if00"
    assert said.flashed[0]["result"] == "verified"
    assert_is_uf2(target.read_bytes(), made.data, FLASH_START, RP2040)


def test_without_a_volume_it_tells_what_to_do_by_hand(tmp_path: Path) -> None:
    made = made_image("rp2040", FLASH_START)
    (tmp_path / "firmware.bin").write_bytes(made.data)
    tree = Tree(tmp_path / "root")
    said = flash(
        tmp_path, "--board", "pico", "--file", "firmware.bin", extra={"KLIPKIT_SYSROOT": str(tree.root)}
    )
    assert (said.status, said.out) == (1, "")
    assert "  1. hold BOOTSEL" in said.err
    assert said.err.splitlines()[-1].endswith("[by-hand]")


def test_a_file_for_a_card_is_written_and_later_the_board_is_asked(tmp_path: Path) -> None:
    made = made_image("stm32f103xe", 0x0800_7000)
    (tmp_path / "built.bin").write_bytes(made.data)
    options = ("--board", "skr-mini-e3", "--file", "built.bin", "--output", "card")
    said = flash(tmp_path, *options)
    assert (said.status, said.out) == (1, "")
    assert "  2. copy firmware.bin to the card's top folder, and unmount the card" in said.err
    assert (tmp_path / "card/firmware.bin").read_bytes() == made.data
    other = made_image("stm32f103xe", made.start, version="an older one")
    for board, status in ((Board(other, made.chip), 3), (Board(made, made.chip), 0)):
        with board:
            said = flash(tmp_path, *options, "--verify", "--json", board.path)
        assert said.status == status, said.err
    assert said.flashed[0]["version"] == made.version


def test_another_version_that_answers_is_told_and_never_called_done(tmp_path: Path) -> None:
    made, other = (made_image("stm32f103xe", 0x0800_7000, version=text) for text in ("new-1", "old-1"))
    (tmp_path / "built.bin").write_bytes(made.data)
    with Board(other, made.chip) as board:
        said = flash(tmp_path, "--board", "skr-mini-e3", "--file", "built.bin", "--verify", board.path)
    assert (said.status, said.out) == (3, "")
    assert "version 'old-1', not 'new-1'" in said.err
    assert said.err.splitlines()[-1].endswith("[not-verified]")


def test_a_board_that_goes_while_katapult_writes_is_told(tmp_path: Path) -> None:
    made = made_image("stm32f103xe", 0x0800_2000)
    (tmp_path / "built.bin").write_bytes(made.data)
    with Katapult(made.chip, made.start) as board:
        board.cut_after = 4000
        said = flash(
            tmp_path, "--board", "bluepill", "--method", "katapult", "--file", "built.bin", board.path
        )
    assert (said.status, said.out) == (3, "")
    assert "the firmware on the board is incomplete now" in said.err
    assert said.err.splitlines()[-1].endswith("[port-vanished]")


def test_a_port_that_is_held_is_refused_with_the_holders_name_until_its_service_is_stopped(
    tmp_path: Path,
) -> None:
    made = made_image("stm32f103xe", 0x0800_2000)
    (tmp_path / "built.bin").write_bytes(made.data)
    options = ("--board", "bluepill", "--method", "katapult", "--file", "built.bin", "--json")
    with Katapult(made.chip, made.start) as board:
        command = [sys.executable, "-c", HOLDER, board.path]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            said = flash(tmp_path, *options, board.path)
            assert (said.status, said.out) == (3, "")
            assert f"(pid {holder.pid}) has it open" in said.err
            assert '"code": "port-held"' in said.err
            assert board.flash == b"\xff" * len(board.flash)
            systemctl = tmp_path / "systemctl"
            systemctl.write_text(
                f'#!/bin/sh\necho "$*" >>{tmp_path}/log\n[ "$1" != stop ] || kill {holder.pid}\n'
            )
            systemctl.chmod(0o755)
            path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
            said = flash(tmp_path, *options, "--stop-service=myprinter", board.path, extra=path)
    assert said.status == 0, said.err
    assert (tmp_path / "log").read_text() == "is-active myprinter\nstop myprinter\nstart myprinter\n"


@pytest.mark.parametrize(
    ("chip", "start", "what"),
    [
        (
            "stm32f401xc",
            0x0800_7000,
            "is a firmware for 'stm32f401', and the chip of the board 'skr-mini-e3' is stm32f103",
        ),
        ("stm32f103xe", 0x0800_2000, "it was built for another boot loader"),
    ],
)
def test_a_firmware_for_another_chip_or_place_is_not_written(
    tmp_path: Path, chip: str, start: int, what: str
) -> None:
    (tmp_path / "built.bin").write_bytes(made_image(chip, start).data)
    said = flash(tmp_path, "--board", "skr-mini-e3", "--file", "built.bin", "--output", "card")
    assert (said.status, said.out) == (2, "")
    assert what in said.err
    assert said.err.splitlines()[-1].endswith("[wrong-image]")
    assert not (tmp_path / "card").exists()


def test_a_tool_that_is_missing_is_named_with_its_package(tmp_path: Path) -> None:
    made = made_image("sam3x8e", 0x8_0000)
    (tmp_path / "built.bin").write_bytes(made.data)
    (tmp_path / "empty").mkdir()
    with Katapult("sam3x8e", made.start) as board:
        said = flash(
            tmp_path,
            "--board",
            "due",
            "--file",
            "built.bin",
            board.path,
            extra={"PATH": str(tmp_path / "empty")},
        )
    assert (said.status, said.out) == (3, "")
    assert "'bossac' is needed to flash this board; apt install bossa-cli [flash-tool-missing]" in said.err
