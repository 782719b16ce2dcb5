"""`klipkit flash` on AVR boards: the real avrdude and the real boot loaders, executed instruction by instruction."""

import concurrent.futures
import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from klipkit.boards.chips import chip as chip_named
from klipkit.cli.simulation import Simulation
from klipkit.flashing.image import read_image
from klipkit.sim.avr.emulation import emulation_of
from klipkit.sim.avr.runner import build
from klipkit.sim.printer import SimulatedPrinter
from tests.bench.avr_session import BUILD
from tests.command import KLIPKIT
from tests.flash_peers.avr_board import ATMEGA328P, MEGA2560, OPTIBOOT_1284P, AvrBoard, avr_board
from tests.flash_peers.command import HANG, Said, flash, start
from tests.golden.ports.tree import Tree, ch340
from tests.integration.test_simulate import LINE, RAMPS, assert_line_is_exact, configured, firmware
from tests.integration.test_simulate_emulated import LATE

AT_MOST = 15.0  # s in which a wrong boot loader is told
HOMED = 0.05  # mm: how far homing may be off
WRITING = 1.2  # s after which avrdude writes: at 115200 baud the whole takes 2.5 s at least


class Board(NamedTuple):
    """A kind of board: klipkit's name for it, chip, boot loader, the address at which that begins."""

    name: str
    chip: str
    loader: Path
    boot: int


MEGA = Board("ramps", "atmega2560", MEGA2560, 0x3E000)
BOARDS = (
    MEGA,
    Board("melzi", "atmega1284p", OPTIBOOT_1284P, 0x1FC00),
    Board("nano", "atmega328p", ATMEGA328P, 0x7800),
)


class Flashed(NamedTuple):
    """What came of flashing a board: what was said, the firmware's file, the flash afterwards."""

    said: Said
    firmware: Path
    saved: Path


def plugged_in(board: AvrBoard, folder: Path) -> dict[str, str]:
    """The environment in which the board is behind a CH340, as /dev/ttyUSB0 of a computer of its own."""
    tree = Tree(folder / "root")
    ch340(tree, "ttyUSB0", "1-1")
    node = tree.root / "dev/ttyUSB0"
    node.unlink()
    node.symlink_to(board.port.readlink())
    return {"KLIPKIT_SYSROOT": str(tree.root)}


def klipkit(folder: Path, extra: dict[str, str], *arguments: str) -> str:
    """A call that succeeds; gives what it printed."""
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")} | extra
    command = [str(KLIPKIT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=HANG, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


CONFIG = """[mcu]
serial: {main}
[mcu side]
serial: {side}
"""
SYSTEMCTL = """#!/bin/sh
echo "$1 $2" >>{log}
"""


def all_of_a_config(folder: Path) -> dict[str, Flashed]:
    """Two boards of one printer.cfg by one command, the service stopped meanwhile."""
    main, side = BOARDS[1:]
    log = folder / "systemctl.log"
    program = folder / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(SYSTEMCTL.format(log=log))
    program.chmod(0o755)
    with (
        avr_board(main.chip, main.loader, folder, "main") as first,
        avr_board(side.chip, side.loader, folder, "side") as second,
    ):
        config = folder / "printer.cfg"
        config.write_text(CONFIG.format(main=first.port, side=second.port))
        boards = ("--board", main.name, "--board", f"side={side.name}")
        path = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
        said = flash(folder, "--config", config, "--all", *boards, "--stop-service", "--json", extra=path)
    assert log.read_text().splitlines() == ["is-active klipkit", "stop klipkit", "start klipkit"]
    files = [folder / "cache/klipkit/firmware" / board.name / "klipkit.hex" for board in (main, side)]
    assert said.status == 0, said.err
    assert [row["mcu"] for row in said.flashed] == ["side", "mcu"]
    rows = [Said(0, json.dumps({"flashed": [row]}), "") for row in reversed(said.flashed)]
    return {
        main.name: Flashed(rows[0], files[0], first.saved),
        side.name: Flashed(rows[1], files[1], second.saved),
    }


def ports_build_flash(board: Board, folder: Path) -> Flashed:
    """Find the port, build, flash, identify: each by its command, the next one given what the last one printed."""
    with avr_board(board.chip, board.loader, folder) as plugged:
        extra = plugged_in(plugged, folder)
        port = klipkit(folder, extra, "ports", "--one", "--board", board.name).strip()
        built = Path(klipkit(folder, extra, "build", "--board", board.name).split("\t")[0])
        said = flash(folder, "--board", board.name, "--json", port, extra=extra)
    return Flashed(said, built, plugged.saved)


@pytest.fixture(scope="module")
def flashed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Flashed]:
    """Each board, flashed: one alone, two by a config; at the same time, for the boot loaders mostly wait."""
    build(BUILD)
    folders = [tmp_path_factory.mktemp(name) for name in ("alone", "config")]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        several = pool.submit(all_of_a_config, folders[1])
        return {MEGA.name: ports_build_flash(MEGA, folders[0])} | several.result()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_a_board_is_flashed_started_and_identified(board: Board, flashed: dict[str, Flashed]) -> None:
    said, built, saved = flashed[board.name]
    assert said.status == 0, said.err
    (row,) = said.flashed
    assert (row["result"], row["chip"], row["method"]) == ("verified", board.chip, "avrdude")
    image, whole = read_image(built), read_image(saved)
    assert row["version"] == (image.dictionary() or {})["version"]
    assert image.address == whole.address == 0
    assert whole.data[: len(image.data)] == image.data
    loader = read_image(board.loader).data if board.name != "melzi" else b""
    assert whole.data[board.boot :].startswith(loader)


def simulated(saved: Path, text: str, begin: tuple[float, float, float]) -> Simulation:
    """Lines printed by the host, in lock step with the chip that has this in its flash: first its boot loader runs."""
    loaded = configured(RAMPS)
    chip = chip_named(MEGA.chip)
    emulations = {"mcu": emulation_of(chip, saved)}
    printer = SimulatedPrinter(loaded, {"mcu": chip}, firmware(), emulations=emulations, begin=begin)
    try:
        simulation = Simulation(loaded, printer, None, keep=True)
        simulation.run(text, "line.gcode")
        whole = read_image(saved).data
        assert printer.cosim.flash(printer.numbers["mcu"])[: len(whole)] == whole
    finally:
        printer.close()
    return simulation


def test_what_was_flashed_homes_and_moves(flashed: dict[str, Flashed]) -> None:
    """The image that ports, build and flash gave goes on where the board would."""
    simulation = simulated(flashed[MEGA.name].saved, "G28\nG1 X30 Y20 Z5 F6000\n", (22.0, 13.0, 4.0))
    assert [(row["lost"], row["violations"]) for row in simulation.rows] == [(0, 0)] * 3
    assert simulation.report["position"][:3] == [30.0, 20.0, 5.0]
    assert simulation.report["true_position"] == pytest.approx([30.0, 20.0, 5.0], abs=HOMED)


def test_what_was_flashed_is_driven_by_klipkit_run(flashed: dict[str, Flashed], tmp_path: Path) -> None:
    """The last link: ports, build, flash, run, each as a command. Host and chip are in lock step, paced to the wall."""
    link = tmp_path / "printer"
    options = ["--sim", "--mcu", MEGA.chip, "--emulate", f"mcu={flashed[MEGA.name].saved}", "-I", str(link)]
    command = [str(KLIPKIT), "run", str(RAMPS), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "is ready" not in (line := process.stderr.readline()):
            assert line, "klipkit run has ended"
        port = os.open(link, os.O_RDWR | os.O_NOCTTY)
        os.write(port, b"G28 X Y\nG1 X30 Y20 F6000\nM400\nM114\n")
        said, end = b"", time.monotonic() + HANG
        while said.count(b"ok") < 4 and time.monotonic() < end:
            if select.select([port], [], [], 1)[0]:
                said += os.read(port, 1000)
        os.close(port)
        process.terminate()
        assert process.wait(HANG) == 0
    answers = [line for line in said.splitlines() if not line.startswith(b"//")]
    assert answers == [b"ok"] * 3 + [b"ok X:30.000 Y:20.000 Z:0.000 E:0.000"]


def test_each_step_of_what_was_flashed_is_exact(flashed: dict[str, Flashed]) -> None:
    assert_line_is_exact(simulated(flashed[MEGA.name].saved, LINE, (0.0, 0.0, 0.0)), LATE)


@contextlib.contextmanager
def writing(folder: Path, board: AvrBoard) -> Iterator["subprocess.Popen[str]"]:
    """`klipkit flash` in the midst of writing."""
    process = start(folder, "--board", MEGA.name, board.port)
    assert process.stderr is not None
    while not (line := process.stderr.readline()).startswith("3/"):
        assert line, "it ended before it wrote"
    time.sleep(WRITING)
    yield process


def test_after_the_cable_was_pulled_and_after_a_kill_the_same_command_succeeds(tmp_path: Path) -> None:
    with avr_board(MEGA.chip, MEGA.loader, tmp_path) as board, writing(tmp_path, board) as process:
        board.unplug()
        out, err = process.communicate(timeout=HANG)
    assert (process.returncode, out) == (3, "")
    assert err.splitlines()[-1].endswith("[port-vanished]")
    assert "the firmware on the board is incomplete now: give the same command again" in err
    incomplete = board.saved.rename(tmp_path / "incomplete.hex")
    with avr_board(MEGA.chip, incomplete, tmp_path) as board:
        with writing(tmp_path, board) as process:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=HANG)
        assert (process.returncode, out) == (130, "")
        assert "interrupted; the firmware on the board is incomplete now" in err
        said = flash(tmp_path, "--board", MEGA.name, "--json", board.port)
    assert said.status == 0, said.err
    assert said.flashed[0]["result"] == "verified"


@pytest.mark.parametrize(
    ("board", "options", "code", "advice"),
    [
        (
            BOARDS[1],
            ("--board", "melzi", "--bootloader-baud", "57600"),
            "wrong-bootloader",
            "give --bootloader-baud 115200",
        ),
        (BOARDS[1], ("--board", "ramps"), "wrong-bootloader", "on an atmega1284p; the board is no 'ramps'"),
        (
            BOARDS[0],
            ("--board", "nano"),
            "wrong-bootloader",
            "STK500 version 2 (Mega 2560) answers at 115200 baud",
        ),
        (BOARDS[2], ("--board", "melzi"), "wrong-chip", "the chip is an atmega328p"),
    ],
    ids=["speed", "optiboot for stk500v2", "stk500v2 for optiboot", "another chip"],
)
def test_a_wrong_boot_loader_is_told_soon_and_with_the_right_advice(
    board: Board,
    options: tuple[str, ...],
    code: str,
    advice: str,
    tmp_path: Path,
    flashed: dict[str, Flashed],
) -> None:
    """The firmware is taken from the flashed boards, so that the time is that of the boot loader alone."""
    built = flashed[next(each.name for each in BOARDS if each.name == options[1])].firmware
    with avr_board(board.chip, board.loader, tmp_path) as plugged:
        begun = time.monotonic()
        said = flash(tmp_path, *options, "--file", built, plugged.port)
        seconds = time.monotonic() - begun
    assert (said.status, said.out) == (3, "")
    last = said.err.splitlines()[-1]
    assert last.endswith(f"[{code}]")
    assert advice in last
    assert seconds < AT_MOST
