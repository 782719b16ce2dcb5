"""`klipkit flash` over USB: the real dfu-util and teensy_loader_cli, unmodified, on a bus that umockdev plays."""

import os
import subprocess
from pathlib import Path

from klipkit.flashing.image import hex_text
from tests.command import KLIPKIT
from tests.flash_peers.command import HANG, Said
from tests.flash_peers.images import Made, made_image
from tests.flash_peers.serial_peer import SerialPeer
from tests.reference import TOP

BED = TOP / "tests/flash_peers/usb_bed.py"
SYSTEM_PYTHON = "/usr/bin/python3"  # umockdev's bindings belong to it


class Started(SerialPeer):
    """The port of the firmware that a boot loader on the USB has started: it answers as the flash says."""

    def __init__(self, file: Path, offset: int) -> None:
        super().__init__(0, 1 << 20)
        self._file, self._offset = file, offset

    def answer(self) -> bytes:
        """The first bytes come when the boot loader is gone."""
        self.flash[:] = self._file.read_bytes()[self._offset :]
        self.start_firmware()
        return self.firmware.feed(self.heard) if self.firmware else b""


def flash(folder: Path, kind: str, offset: int, *options: str) -> tuple[Said, bytes]:
    """Run `klipkit flash` with such a boot loader on the bus; gives what it said, and the flash from the offset on."""
    file = folder / "flash"
    with Started(file, offset) as peer:
        bed = [
            "umockdev-wrapper",
            SYSTEM_PYTHON,
            str(BED),
            kind,
            str(file),
            peer.path,
            "--",
        ]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("KLIPKIT")}
        done = subprocess.run(
            [*bed, str(KLIPKIT), "flash", "--json", *options],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env=environment | {"XDG_CACHE_HOME": str(folder / "cache")},
            timeout=HANG,
        )
    return Said(done.returncode, done.stdout, done.stderr), file.read_bytes()[offset:]


def assert_flashed(said: Said, written: bytes, made: Made) -> None:
    assert said.status == 0, said.err
    assert said.flashed[0] | {"port": "/dev/ttyACM0", "version": made.version} == said.flashed[0]
    assert written[: len(made.data)] == made.data
    assert written[len(made.data) :].strip(b"\xff") == b""


def test_dfu_util_writes_an_stm32f4_and_its_end_counts_as_the_start_of_the_firmware(tmp_path: Path) -> None:
    """dfu-util's status is 74 although all went well: the ROM leaves before it has answered."""
    made = made_image("stm32f446xx", 0x0800_8000)
    (tmp_path / "firmware.bin").write_bytes(made.data)
    said, written = flash(tmp_path, "dfuse", 0x8000, "--board", "octopus", "--file", "firmware.bin")
    assert_flashed(said, written, made)


def test_a_cable_pulled_amid_the_writing_is_told_and_the_second_time_succeeds(tmp_path: Path) -> None:
    made = made_image("stm32f446xx", 0x0800_8000, size=40_000)
    (tmp_path / "firmware.bin").write_bytes(made.data)
    options = ("--board", "octopus", "--file", "firmware.bin")
    said, written = flash(tmp_path, "dfuse-unplugs", 0x8000, *options)
    assert (said.status, said.out) == (3, "")
    assert "the firmware on the board is incomplete now: give the same command again" in said.err
    assert 0 < len(written) < len(made.data)
    said, written = flash(tmp_path, "dfuse", 0x8000, *options)
    assert_flashed(said, written, made)


def test_teensy_loader_cli_writes_a_teensy(tmp_path: Path) -> None:
    made = made_image("at90usb1286")
    (tmp_path / "firmware.hex").write_text(hex_text(0, made.data))
    said, written = flash(tmp_path, "halfkay", 0, "--board", "printrboard", "--file", "firmware.hex")
    assert_flashed(said, written, made)
