"""The method that is chosen: by what was told, by what is plugged in, else the likeliest; and who holds the port."""

from pathlib import Path

import pytest

from klipkit.base.faults import PortHeld
from klipkit.base.flashfaults import FlashError, NoMethod
from klipkit.boards.board import board_named
from klipkit.flashing import plan
from klipkit.flashing.choose import choose
from klipkit.flashing.job import place_of
from klipkit.flashing.service import stopped
from klipkit.link.holders import Holder
from klipkit.link.ports import scan
from tests.golden.ports.tree import Tree, ch340, firmware


def chosen(
    tree: Tree, board: str, port: str = "", method: str = "", baud: int = 0
) -> list[tuple[str, str, int]]:
    """Tool, protocol and speed of the methods."""
    found = scan(str(tree.root))
    place = place_of(port, found) if port else None
    methods = choose(board_named(board), place, found, method, baud)
    return [(each.tool, each.programmer, each.baud) for each in methods]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A computer with a CH340 on ttyUSB0."""
    made = Tree(tmp_path)
    ch340(made, "ttyUSB0", "1-1")
    return made


@pytest.mark.parametrize(
    ("ids", "tool"),
    [
        ("1eaf:0003", "dfu-util"),
        ("1209:beba", "hid-flash"),
        ("1d50:6177", "katapult"),
        ("0483:df11", "sdcard"),  # a boot loader of other boards
        ("1d50:614e", "sdcard"),
    ],
)
def test_a_boot_loader_that_is_plugged_in_decides(tree: Tree, ids: str, tool: str) -> None:
    tree.usb("1-4", ids, product="stm32f103xe")
    assert chosen(tree, "bluepill")[0][0] == tool


def test_the_boot_loader_on_the_port_that_was_given_decides(tree: Tree) -> None:
    tree.usb("1-4", "1eaf:0003")
    firmware(tree, "ttyACM0", "1-5", maker="katapult", chip="stm32f103xe")
    assert chosen(tree, "bluepill", "/dev/ttyACM0")[0][0] == "katapult"
    assert chosen(tree, "bluepill", "/dev/ttyUSB0")[0][0] == "sdcard"


def test_with_a_port_what_works_on_it_comes_first(tree: Tree) -> None:
    assert chosen(tree, "printrboard", "/dev/ttyUSB0")[0] == ("avrdude", "avr109", 57600)
    assert chosen(tree, "printrboard")[0][0] == "teensy_loader_cli"


def test_speeds_that_a_boot_loader_may_have_are_all_tried_the_likeliest_first(tree: Tree) -> None:
    speeds = {
        name: [baud for *_, baud in chosen(tree, name, "/dev/ttyUSB0")] for name in ("melzi", "uno", "ramps")
    }
    assert speeds == {"melzi": [57600, 115200], "uno": [115200, 57600], "ramps": [115200]}


def test_what_is_told_is_taken(tree: Tree) -> None:
    assert chosen(tree, "melzi", "/dev/ttyUSB0", baud=115200) == [("avrdude", "arduino", 115200)]
    assert chosen(tree, "melzi", "/dev/ttyUSB0", baud=38400) == [("avrdude", "arduino", 38400)]
    assert chosen(tree, "ramps", "/dev/ttyUSB0", "arduino", 57600) == [("avrdude", "arduino", 57600)]
    assert chosen(tree, "bluepill", "/dev/ttyUSB0", "stm32flash")[0][0] == "stm32flash"
    with pytest.raises(NoMethod, match=r"no method 'bossac'.*it is flashed by avrdude, wiring"):
        chosen(tree, "ramps", method="bossac")


@pytest.mark.parametrize(
    ("program", "hint"),
    [
        ("klipkit", "--stop-service does"),
        ("klippy", "--stop-service=klipper does"),
        ("octoprint", "stop that program first"),
    ],
)
def test_who_holds_the_port_is_named_with_what_stops_it(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, program: str, hint: str
) -> None:
    monkeypatch.setattr(plan, "holder_of", lambda path, root: Holder(42, program))
    place = place_of("/dev/ttyUSB0", scan(str(tree.root)))
    with pytest.raises(PortHeld) as caught:
        plan.check_free(place, str(tree.root))
    assert caught.value.what == f"{program} (pid 42) has it open"
    assert hint in caught.value.hint


def systemctl(folder: Path, monkeypatch: pytest.MonkeyPatch, *failing: str) -> Path:
    """A systemctl of our own that notes what it is told, and fails for some words."""
    program, log = folder / "bin" / "systemctl", folder / "log"
    program.parent.mkdir()
    fails = " ".join(f'[ "$1" != {word} ] || {{ echo it refuses >&2; exit 5; }};' for word in failing)
    program.write_text(f'#!/bin/sh\necho "$*" >>{log}\n{fails}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return log


def test_a_service_is_started_again_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = systemctl(tmp_path, monkeypatch)
    with pytest.raises(ZeroDivisionError), stopped("klipkit"):
        log.write_text(log.read_text() + "work\n")
        _ = 1 / 0
    assert log.read_text().splitlines() == ["is-active klipkit", "stop klipkit", "work", "start klipkit"]


def test_a_service_that_did_not_run_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = systemctl(tmp_path, monkeypatch, "is-active")
    with stopped("klipkit"):
        pass
    assert log.read_text().splitlines() == ["is-active klipkit"]


def test_a_service_that_does_not_stop_is_told_and_nothing_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = systemctl(tmp_path, monkeypatch, "stop")
    with pytest.raises(FlashError, match="'systemctl stop klipkit' failed: it refuses"), stopped("klipkit"):
        pytest.fail("it went on")
    assert log.read_text().splitlines() == ["is-active klipkit", "stop klipkit"]
