"""`klipkit ports --wait` and `--watch`: boards that come, go and change while nobody really waits."""

from collections.abc import Callable
from pathlib import Path

import pytest

from klipkit.cli import ports as tool
from klipkit.link.portwatch import PERIOD, SETTLE
from tests.golden.ports.tree import Tree, ch340, firmware, mega
from tests.golden.transcript import Transcript, run

FOLDER = Path(__file__).parent / "ports"
ROOTED = "klipkit ports --root ROOT"


class Stage:
    """A clock that does to the tree what the scene says when its time comes, and then interrupts."""

    def __init__(self, *, end: float | None = None) -> None:
        self.time = 1000.0
        self.end = end
        self.scenes: list[tuple[float, Callable[[], None]]] = []

    def at(self, seconds: float, act: Callable[[], None]) -> None:
        """Let something happen some seconds after the start."""
        self.scenes.append((1000.0 + seconds, act))

    def now(self) -> float:
        """The time of the play."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Go on; Ctrl-C at the end of the play."""
        self.time += seconds
        for scene in [scene for scene in self.scenes if scene[0] <= self.time]:
            self.scenes.remove(scene)
            scene[1]()
        if self.end is not None and self.time >= 1000.0 + self.end:
            raise KeyboardInterrupt


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path / "root")
    mega(tree, "ttyACM0", "1-1")
    return tree


def play(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "clock", lambda: stage)


def test_wait_names_the_board_that_is_plugged_in(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Transcript(FOLDER / "wait.txt", {"ROOT": str(tree.root)})
    names = iter(("ttyUSB0", "ttyUSB1", "ttyUSB2"))
    for number, options in enumerate(("--wait", "--wait --one -q", "--wait --json"), start=2):
        stage = Stage()
        stage.at(1, lambda number=number: ch340(tree, next(names), f"1-{number}", by_id=number == 2))  # type: ignore[misc]
        play(stage, monkeypatch)
        script.run(f"{ROOTED} {options}")
    script.check()


def test_wait_gives_udev_the_time_to_make_the_links(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    usb = tree.usb("1-2", "0403:6001", manufacturer="FTDI", product="FT232R USB UART", serial="A10K5JHX")
    link = "usb-FTDI_FT232R_USB_UART_A10K5JHX-if00-port0"
    stage.at(1, lambda: tree.tty("ttyUSB0", usb))
    stage.at(2, lambda: tree.link(f"dev/serial/by-id/{link}", "../../ttyUSB0"))
    play(stage, monkeypatch)
    status, out, _ = run(["ports", "--root", str(tree.root), "--wait", "--one"])
    assert (status, out) == (0, f"/dev/serial/by-id/{link}\n")


def test_wait_does_not_wait_for_ever_for_links(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    usb = tree.usb("1-2", "0403:6001", product="FT232R USB UART")
    stage.at(1, lambda: tree.tty("ttyUSB0", usb))
    play(stage, monkeypatch)
    status, out, _ = run(["ports", "--root", str(tree.root), "--wait", "--one", "--timeout", "2"])
    assert (status, out) == (0, "/dev/ttyUSB0\n")
    assert 1000 + 1 + SETTLE <= stage.time <= 1000 + 1 + SETTLE + 2 * PERIOD


def test_wait_ends_with_the_timeout(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    play(stage, monkeypatch)
    script = Transcript(FOLDER / "wait-timeout.txt", {"ROOT": str(tree.root)})
    script.run(f"{ROOTED} --wait --timeout 5")
    script.check()
    assert 1005 <= stage.time <= 1005 + PERIOD


def test_a_board_that_enters_its_bootloader_has_appeared(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    firmware(tree, "ttyACM1", "1-2", chip="rp2040")
    stage = Stage()
    stage.at(1, lambda: tree.remove("ttyACM1"))
    stage.at(2, lambda: become_bootsel(tree, "1-2"))
    play(stage, monkeypatch)
    status, out, _ = run(["ports", "--root", str(tree.root), "--wait"])
    assert status == 0
    assert out.startswith("-\tusb:1-2\tbootloader\tRP2040 BOOTSEL\t2e8a:0003\t")


def write(file: Path, text: str) -> None:
    file.write_text(text)


def become_bootsel(tree: Tree, address: str) -> None:
    """The USB device comes back as another one."""
    for name, text in {"idVendor": "2e8a", "idProduct": "0003", "product": "RP2 Boot"}.items():
        write(tree.root / f"sys/bus/usb/devices/{address}/{name}", text)


def test_wait_for_a_board_leaves_others_out(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    stage.at(1, lambda: ch340(tree, "ttyUSB0", "1-3"))
    stage.at(3, lambda: firmware(tree, "ttyACM1", "1-2"))
    play(stage, monkeypatch)
    status, out, _ = run(["ports", "--root", str(tree.root), "--wait", "--one", "--board", "octopus"])
    assert status == 0
    assert out.startswith("/dev/serial/by-id/usb-Klipper_stm32f446xx")


def test_ctrl_c_ends_wait_quietly(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    play(Stage(end=3), monkeypatch)
    status, out, err = run(["ports", "--root", str(tree.root), "--wait", "-q"])
    assert (status, out, err.strip()) == (130, "", "")


def test_watch_streams_changes_until_interrupted(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Transcript(FOLDER / "watch.txt", {"ROOT": str(tree.root)})
    can = tree.usb("1-5", "1d50:606f")
    tree.net("can0", can)
    flags = tree.root / f"sys/{can}/1-5:1.0/net/can0/flags"
    for options, name in (("--watch", "ttyUSB0"), ("--watch --json", "ttyUSB1")):
        stage = Stage(end=6)
        stage.at(1, lambda name=name: ch340(tree, name, f"1-{2 + int(name[-1])}"))  # type: ignore[misc]
        stage.at(3, lambda: write(flags, "0x40080"))
        stage.at(4, lambda name=name: tree.remove(name, f"1-{2 + int(name[-1])}"))  # type: ignore[misc]
        stage.at(5, lambda: write(flags, "0x40081"))
        play(stage, monkeypatch)
        script.run(f"{ROOTED} {options}")
    script.check()


def test_watch_waits_until_a_bridge_has_its_serial_device(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(end=6)
    usb = tree.root / "sys/bus/usb/devices/1-2"
    stage.at(1, lambda: ch340(tree, "ttyUSB0", "1-2"))
    stage.at(1, lambda: hide(tree, "ttyUSB0"))
    stage.at(2, lambda: show(tree, "ttyUSB0"))
    play(stage, monkeypatch)
    status, out, _ = run(["ports", "--root", str(tree.root), "--watch"])
    assert usb.exists()
    assert status == 130
    assert [line.split("\t")[1] for line in out.splitlines()] == ["/dev/ttyUSB0"]


def hide(tree: Tree, name: str) -> None:
    (tree.root / f"sys/class/tty/{name}").rename(tree.root / f"sys/class/{name}")


def show(tree: Tree, name: str) -> None:
    (tree.root / f"sys/class/{name}").rename(tree.root / f"sys/class/tty/{name}")


def test_a_by_id_link_that_comes_just_after_the_by_path_link_is_not_missed(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage()
    usb = tree.usb("1-2", "0403:6001", manufacturer="FTDI", product="FT232R USB UART", serial="A10K5JHX")
    link = "usb-FTDI_FT232R_USB_UART_A10K5JHX-if00-port0"
    stage.at(1, lambda: tree.tty("ttyUSB0", usb, by_path="pci-0000:00:14.0-usb-0:2:1.0-port0"))
    stage.at(1 + PERIOD, lambda: tree.link(f"dev/serial/by-id/{link}", "../../ttyUSB0"))
    play(stage, monkeypatch)
    status, out, _ = run(["ports", "--root", str(tree.root), "--wait", "--one"])
    assert (status, out) == (0, f"/dev/serial/by-id/{link}\n")
