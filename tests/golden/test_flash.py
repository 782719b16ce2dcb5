"""Transcripts of `klipkit flash`: plans, the list, and what is said when it cannot be done."""

import json
from pathlib import Path

import pytest

from klipkit.boards.board import boards
from klipkit.cli.flash import COMMAND
from klipkit.flashing.methods import METHODS
from tests.flash_peers.images import made_image
from tests.golden.ports.tree import Tree, ch340, firmware
from tests.golden.transcript import Transcript, run

FOLDER = Path(__file__).with_name("flash")
CONFIG = """[mcu]
serial: /dev/serial/by-id/usb-1a86_USB2.0-Serial-if00-port0
baud: 115200
[mcu toolhead]
serial: /dev/serial/by-id/usb-Klipper_stm32f446xx_2A003B000A51373330333137-if00
[mcu bed]
canbus_uuid: 1234567890ab
"""


@pytest.fixture
def transcript(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Transcript:
    """The transcript that is named like the test; a computer with a CH340 and a board that runs Klipper's firmware."""
    tree = Tree(tmp_path / "root")
    ch340(tree, "ttyUSB0", "1-1")
    firmware(tree, "ttyACM0", "1-2")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KLIPKIT_SYSROOT", str(tree.root))
    monkeypatch.chdir(tmp_path)
    for name, chip, start in (
        ("octopus.bin", "stm32f446xx", 0x0800_8000),
        ("skr-mini.bin", "stm32f103xe", 0x0800_7000),
        ("bluepill.bin", "stm32f103xe", 0x0800_2000),
        ("rom.bin", "stm32f103xe", 0x0800_0000),
        ("pico.bin", "rp2040", 0x1000_0000),
        ("due.bin", "sam3x8e", 0x8_0000),
        ("zero.bin", "samd21g18a", 0x2000),
        ("teensy.bin", "at90usb1286", 0),
    ):
        Path(name).write_bytes(made_image(chip, start).data)
    Path("printer.cfg").write_text(CONFIG)
    name = request.node.name.removeprefix("test_").replace("_", "-")
    places = {"ROOT": str(tree.root), "CACHE": str(tmp_path / "cache")}
    return Transcript(FOLDER / f"{name}.txt", places)


def test_dry_run(transcript: Transcript) -> None:
    for line in (
        "--board ramps /dev/ttyUSB0",
        "--board ramps /dev/ttyUSB0 --json",
        "--board nano /dev/ttyUSB0 --baud 115200",
        "--board nano /dev/ttyUSB0 --bootloader-baud 57600 --stop-service",
        "--board leonardo /dev/ttyUSB0",
        "--board due /dev/ttyUSB0 --file due.bin",
        "--board zero /dev/ttyUSB0 --file zero.bin",
        "--board octopus --method dfu-util --file octopus.bin",
        "--board octopus --method dfu-util --file octopus.bin /dev/ttyACM0",
        "--board bluepill --method katapult --file bluepill.bin /dev/ttyUSB0",
        "--board cheetah --method stm32flash --file rom.bin /dev/ttyUSB0",
        "--board skr-mini-e3 --file skr-mini.bin --output card",
        "--board pico --file pico.bin",
        "--board printrboard --method teensy_loader_cli --file teensy.bin",
        "--board printrboard --method dfu-programmer --file teensy.bin",
    ):
        transcript.run(f"klipkit flash {line} --dry-run")
    transcript.check()


def test_dry_run_of_a_config(transcript: Transcript) -> None:
    transcript.run("klipkit flash --config printer.cfg --dry-run")
    transcript.run("klipkit flash --config printer.cfg --all --board ramps --dry-run")
    transcript.run("klipkit flash --config printer.cfg --mcu mcu --board ramps --dry-run")
    transcript.run("klipkit flash --config printer.cfg --mcu toolhed --dry-run")
    transcript.run(
        "klipkit flash --config printer.cfg --mcu toolhead --file octopus.bin --output card --dry-run"
    )
    Path("printer.cfg").write_text(CONFIG.partition("[mcu bed]")[0].replace("stm32f446xx", "atmega2560"))
    transcript.run("klipkit flash --config printer.cfg --all --board ramps --stop-service --dry-run")
    transcript.check()


def test_list(transcript: Transcript) -> None:
    transcript.run("klipkit flash list")
    for board in ("ramps", "nano", "skr-mini-e3", "pico", "due"):
        transcript.run(f"klipkit flash list {board}")
    transcript.run("klipkit flash list skr-mini-e3", terminal=True)
    transcript.run("klipkit flash list rampz")
    transcript.check()


def test_errors(transcript: Transcript) -> None:
    for line in (
        "",
        "--board rampz /dev/ttyUSB0",
        "--board ramps",
        "--board sim /dev/ttyUSB0",
        "--board octopus",
        "--board ramps /dev/ttyUSB0 --method dfu-util",
        "--board octopus --method dfu-utl --file octopus.bin",
        "--board ramps --file missing.hex /dev/ttyUSB0",
        "--board ramps --file octopus.bin /dev/ttyUSB0",
        "--board octopus --file octopus.bin --offset 64k",
        "--board octopus --file octopus.bin --offset much",
        "--board octopus --file printer.cfg",
        "--board ramps /dev/ttyUSB0 /dev/ttyUSB1",
        "--board ramps --config printer.cfg /dev/ttyUSB0",
        "--board ramps /dev/ttyACM0",
        "--board ramps --all /dev/ttyUSB0",
        "--board ramps --board melzi /dev/ttyUSB0",
        "--config printer.cfg --all --mcu bed",
        "--config missing.cfg",
    ):
        transcript.run(f"klipkit flash {line}")
    transcript.check()


def test_by_hand(transcript: Transcript) -> None:
    transcript.run("klipkit flash --board skr-mini-e3 --file skr-mini.bin --output card")
    transcript.run("klipkit flash --board pico --file pico.bin")
    transcript.check()


def test_each_method_of_each_board_has_an_entry_and_instructions_when_it_needs_hands() -> None:
    for board in boards():
        for method in board.methods():
            assert method.tool in METHODS, board.name
            assert bool(method.instructions) == method.needs_hands, (board.name, method.tool)
            for line in method.instructions:
                assert line.format(file="firmware.bin", address="0x8000")


def test_the_list_in_json_says_the_same_and_more() -> None:
    status, out, _ = run(["flash", "list", "--json"])
    found = {board["board"]: board for board in json.loads(out)["boards"]}
    assert status == 0
    assert found["ramps"]["methods"] == ["avrdude"]
    assert found["bluepill"]["methods"] == ["sdcard", "dfu-util", "hid-flash", "katapult", "stm32flash"]
    assert set(found) == {board.name for board in boards() if board.family}
    _, out, _ = run(["flash", "list", "bluepill", "--json"])
    methods = {method["method"]: method for method in json.loads(out)["methods"]}
    assert methods["katapult"]["offsets"] == [0x2000]
    assert methods["sdcard"]["file"] == "firmware.bin"


def test_ports_and_boards_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ch340(Tree(tmp_path / "root"), "ttyUSB0", "1-1")
    monkeypatch.setenv("KLIPKIT_SYSROOT", str(tmp_path / "root"))
    words, board = (
        next(each for each in COMMAND.params if each.name == name) for name in ("words", "boards")
    )
    context = COMMAND.make_context("flash", ["list"])
    assert "list" in [each.value for each in words.shell_complete(context, "")]
    assert [each.value for each in words.shell_complete(context, "/dev/serial")] != []
    assert [each.value for each in board.shell_complete(context, "octopus-h")] == ["octopus-h723"]
