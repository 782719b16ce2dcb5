"""Who holds a port open: by path, by device number, and what may not be seen."""

import os
import stat
from pathlib import Path
from unittest import mock

import pytest

from klipkit.link.holders import Holder, survey
from klipkit.link.ports import Port
from tests.golden.ports.tree import Tree

PORT = Port("/dev/ttyUSB0", "bridge", "CH340", rdev=(188, 0))


@pytest.mark.parametrize(
    ("command_line", "program"),
    [
        ("/home/pi/klippy-env/bin/python /home/pi/klipper/klippy/klippy.py printer.cfg", "klippy"),
        ("/home/pi/moonraker-env/bin/python -m moonraker -d data", "moonraker"),
        ("/home/pi/moonraker-env/bin/python3.11 /home/pi/moonraker/moonraker/moonraker.py", "moonraker"),
        ("/home/pi/oprint/bin/python /home/pi/oprint/bin/octoprint serve", "octoprint"),
        ("/usr/bin/python3 -X utf8 /usr/local/bin/klipkit run", "klipkit"),
        ("/usr/local/bin/klipkit run printer.cfg", "klipkit"),
        ("python3 -c import time", "comm"),
        ("/opt/tools/sniffer.py", "comm"),
        ("python3 /opt/tools/sniffer.py", "sniffer.py"),
        ("", "comm"),
    ],
)
def test_programs_of_the_field_are_known_by_their_command_line(
    tmp_path: Path, command_line: str, program: str
) -> None:
    tree = Tree(tmp_path / "root")
    tree.process(42, "comm", command_line, ("/dev/ttyUSB0",))
    assert survey(str(tree.root), [PORT]).holders == {"/dev/ttyUSB0": (Holder(42, program),)}


def test_a_device_shown_under_another_path_is_known_by_its_number(tmp_path: Path) -> None:
    """A container may show /dev/ttyUSB0 as /dev/printer."""
    tree = Tree(tmp_path / "root")
    tree.process(42, "klippy", "", ("/dev/printer",))
    real = os.stat

    def numbered(path: str, **options: bool) -> object:
        if str(path).endswith("/fd/3"):
            return mock.Mock(st_rdev=os.makedev(188, 0), st_mode=stat.S_IFCHR)
        return real(path, **options)

    with mock.patch("klipkit.link.holders.os.stat", numbered):
        assert survey(str(tree.root), [PORT]).holders == {"/dev/ttyUSB0": (Holder(42, "klippy"),)}


def test_other_files_and_ports_are_nobodys(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "root")
    tree.process(42, "picocom", "", ("/dev/ttyUSB1", "/home/pi/dev/ttyUSB0", "pipe:[12]"))
    assert survey(str(tree.root), [PORT]).holders == {}


def test_processes_of_others_are_counted_and_their_names_still_known(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "root")
    tree.process(1, "systemd")
    tree.process(42, "picocom", "", ("/dev/ttyUSB0",))
    real = os.scandir

    def refused(path: str) -> object:
        if path.endswith("/proc/1/fd"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    with mock.patch("klipkit.link.holders.os.scandir", refused):
        found = survey(str(tree.root), [PORT])
    assert found.unreadable == 1
    assert found.commands == {"systemd", "picocom"}
    assert [holder.pid for holder in found.holders["/dev/ttyUSB0"]] == [42]


def test_a_process_that_ends_meanwhile_is_left_out(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "root")
    (tree.root / "proc/43").mkdir()
    tree.write("proc/self", "no process")
    found = survey(str(tree.root), [PORT])
    assert (found.holders, found.unreadable) == ({}, 0)


def test_this_process_is_seen_to_hold_a_pty_open(tmp_path: Path) -> None:
    """On the real /proc: a pseudo-terminal stands for a port."""
    leader, follower = os.openpty()
    try:
        number = os.fstat(follower).st_rdev
        port = Port("/dev/other", "bridge", "", rdev=(os.major(number), os.minor(number)))
        with mock.patch("klipkit.link.holders.BORING", ("/dev/null",)):
            found = survey("", [port])
    finally:
        os.close(leader)
        os.close(follower)
    assert os.getpid() in [holder.pid for holder in found.holders["/dev/other"]]
