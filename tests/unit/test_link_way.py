"""What resets a board from outside: the outputs of its port, and the power of the USB hub that it hangs on."""

import asyncio
import fcntl
import os
import pty
import socket
import stat
import struct
import termios
from pathlib import Path
from unittest import mock

import pytest

from klipkit.base.faults import LinkError
from klipkit.link.usbpower import cycle_power, hub_of, mounted_below
from klipkit.link.way import FileWay
from klipkit.mcu.restart import CHEETAH_STEPS

PI4 = "devices/platform/scb/fd500000.pcie/pci0000:00/0000:01:00.0/usb1"


def hub(folder: Path, ports: int = 4) -> None:
    folder.mkdir(parents=True)
    (folder / "maxchild").write_text(f"{ports}\n")


def tty(root: Path, below: Path, name: str = "ttyUSB0") -> str:
    """A tty behind a USB device; gives the path of its by-id link."""
    device = below / f"1-1.3/1-1.3:1.0/{name}"
    (device / "tty" / name).mkdir(parents=True)
    (device / "tty" / name / "device").symlink_to("../../../" + name)
    entry = root / "sys/class/tty"
    entry.mkdir(parents=True)
    (entry / name).symlink_to(os.path.relpath(device / "tty" / name, entry))
    (root / "dev/serial/by-id").mkdir(parents=True)
    (root / "dev/serial/by-id/usb-board").symlink_to(f"../../{name}")
    return "/dev/serial/by-id/usb-board"


@pytest.fixture
def pi4(tmp_path: Path) -> tuple[str, str, Path]:
    """Root folder, path of the board's port, and the hub that holds all ports of a Raspberry Pi 4."""
    root_hub = tmp_path / "sys" / PI4
    hub(root_hub, 1)
    hub(root_hub / "1-1")
    hub(root_hub / "1-1/1-1.3")  # a hub of the user's
    path = tty(tmp_path, root_hub / "1-1/1-1.3")
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text("24 1 8:2 / / rw,noatime shared:1 - ext4 /dev/root rw\n")
    (tmp_path / "proc/swaps").write_text("Filename\tType\tSize\n")
    return str(tmp_path), path, root_hub / "1-1"


def disk(root: str, below: Path, name: str, number: str) -> Path:
    folder = below / f"1-1.1/block/{name}"
    folder.mkdir(parents=True)
    (folder / "dev").write_text(f"{number}\n")
    entry = Path(root) / "sys/class/block"
    entry.mkdir(parents=True, exist_ok=True)
    (entry / name).symlink_to(os.path.relpath(folder, entry))
    return folder


def program(folder: Path, text: str) -> None:
    path = folder / "uhubctl"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_the_hub_nearest_to_the_computer_is_switched_not_the_root_hub(
    pi4: tuple[str, str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, path, ports = pi4
    assert hub_of(path, root) == ports
    program(tmp_path, f'echo "$@" > {tmp_path}/said')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    asyncio.run(cycle_power(path, root))
    assert (tmp_path / "said").read_text() == "--location 1-1 --action cycle --delay 2\n"


def test_a_root_hub_is_switched_where_there_is_no_other(tmp_path: Path) -> None:
    root_hub = tmp_path / "sys" / PI4
    hub(root_hub)
    assert hub_of(tty(tmp_path, root_hub), str(tmp_path)) == root_hub


def test_a_port_that_is_not_on_usb_has_no_power_to_switch(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match=r"not on USB.*Raspberry Pi"):
        asyncio.run(cycle_power("/dev/ttyAMA0", str(tmp_path)))


@pytest.mark.parametrize("use", ["mount", "swap", "holder"])
def test_a_disk_in_use_forbids_it(pi4: tuple[str, str, Path], use: str) -> None:
    root, path, ports = pi4
    folder = disk(root, ports, "sda2", "8:2" if use == "mount" else "8:17")
    if use == "swap":
        (Path(root) / "proc/swaps").write_text("Filename\tType\n/dev/sda2  partition\t100\n")
    if use == "holder":
        (folder / "holders/dm-0").mkdir(parents=True)
    with pytest.raises(LinkError, match="not switched off, for /dev/sda2 hangs there and is in use"):
        asyncio.run(cycle_power(path, root))


def test_an_idle_disk_or_one_elsewhere_does_not(pi4: tuple[str, str, Path]) -> None:
    root, _, ports = pi4
    disk(root, ports, "sdb1", "8:17")
    disk(root, ports.parent.parent / "usb3", "sda2", "8:2")
    assert mounted_below(ports, root) == []


def test_what_the_program_says_is_shown_when_it_fails(
    pi4: tuple[str, str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, path, _ = pi4
    program(tmp_path, 'echo first; echo "Permission problem" >&2; exit 1')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(LinkError, match="cannot be switched off: Permission problem"):
        asyncio.run(cycle_power(path, root))


def test_a_missing_program_is_named(pi4: tuple[str, str, Path]) -> None:
    root, path, _ = pi4
    with (
        mock.patch("shutil.which", return_value=None),
        pytest.raises(LinkError, match="uhubctl is not installed"),
    ):
        asyncio.run(cycle_power(path, root))


def test_lines_are_shown_in_their_order_and_a_port_without_them_is_told() -> None:
    master, slave = pty.openpty()
    calls: list[tuple[str, int]] = []
    real = fcntl.ioctl

    def ioctl(descriptor: int, request: int, argument: bytes = b"") -> bytes:
        names = {termios.TIOCMBIS: "on", termios.TIOCMBIC: "off"}
        if request not in names:
            return real(descriptor, request, argument)
        [line] = struct.unpack("=I", argument)
        calls.append((names[request], line))
        return argument

    way = FileWay(os.ttyname(slave))
    try:
        assert asyncio.run(way.show(CHEETAH_STEPS)) is False  # a pty has none
        with mock.patch("fcntl.ioctl", ioctl):
            assert asyncio.run(way.show(CHEETAH_STEPS)) is True
    finally:
        os.close(master)
        os.close(slave)
    dtr, rts = termios.TIOCM_DTR, termios.TIOCM_RTS
    assert calls == [("off", dtr), ("off", rts), ("on", dtr), ("off", rts)] * 2


def test_a_socket_has_no_lines_and_a_missing_port_is_an_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "mcu"))
        assert asyncio.run(FileWay(str(tmp_path / "mcu")).show(CHEETAH_STEPS)) is False
    with pytest.raises(LinkError, match="cannot open: No such file"):
        asyncio.run(FileWay(str(tmp_path / "gone")).show(CHEETAH_STEPS))
