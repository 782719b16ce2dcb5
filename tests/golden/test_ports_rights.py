"""`klipkit ports` for a user who may not open the port: which group lets in."""

import grp
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from klipkit.link.nuisances import refused
from tests.golden.ports.tree import Tree, mega
from tests.golden.transcript import Transcript

FOLDER = Path(__file__).parent / "ports"
DIALOUT = 20
OWNER, USER = 0, 54321

real_stat = os.stat


@pytest.fixture
def computer(tmp_path: Path) -> Iterator[Tree]:
    """One board, its device file owned by root and group 20 "dialout"; the user is in no group of that kind."""
    tree = Tree(tmp_path / "root")
    mega(tree, "ttyACM0", "1-1")

    def stat(path: str, **options: bool) -> os.stat_result:
        values = list(real_stat(path, **options))
        if str(path).endswith("/dev/ttyACM0"):
            values[4:6] = OWNER, DIALOUT
        return os.stat_result(values)

    dialout = grp.struct_group(("dialout", "x", DIALOUT, []))
    with (
        mock.patch("klipkit.link.nuisances.os.stat", stat),
        mock.patch("os.geteuid", lambda: USER),
        mock.patch("os.getegid", lambda: USER),
        mock.patch("os.getgroups", lambda: [USER]),
        mock.patch("grp.getgrgid", lambda gid: dialout if gid == DIALOUT else None),
    ):
        yield tree


def test_a_user_outside_the_group_is_told_which_group(computer: Tree) -> None:
    script = Transcript(FOLDER / "no-permission.txt", {"ROOT": str(computer.root)})
    script.run("klipkit ports --root ROOT")
    (computer.root / "dev/ttyACM0").chmod(0o600)
    script.run("klipkit ports --root ROOT")
    script.check()


def test_a_member_of_the_group_sees_no_warning(computer: Tree) -> None:
    with mock.patch("os.getgroups", lambda: [USER, DIALOUT]):
        script = Transcript(FOLDER / "permission.txt", {"ROOT": str(computer.root)})
        script.run("klipkit ports --root ROOT")
        script.check()


def test_a_new_member_is_told_to_log_in_again(computer: Tree) -> None:
    import pwd

    person = pwd.struct_passwd(("pia", "x", USER, USER, "", "/", "/bin/sh"))
    group = grp.struct_group(("dialout", "x", DIALOUT, ["pia"]))
    with mock.patch("pwd.getpwuid", lambda uid: person), mock.patch("grp.getgrgid", lambda gid: group):
        script = Transcript(FOLDER / "new-member.txt", {"ROOT": str(computer.root)})
        script.run("klipkit ports --root ROOT")
        script.check()


@pytest.mark.parametrize(
    ("mode", "groups", "allowed"),
    [
        (0o660, [DIALOUT], True),
        (0o660, [USER], False),
        (0o666, [USER], True),
        (0o640, [DIALOUT], False),  # may read, may not write
        (0o620, [DIALOUT], False),
        (0o606, [DIALOUT], False),  # the group's digit counts for its members, not the one of others
        (0o600, [DIALOUT], False),
    ],
)
def test_owner_group_and_mode_decide(computer: Tree, mode: int, groups: list[int], allowed: bool) -> None:
    node = computer.root / "dev/ttyACM0"
    node.chmod(mode)
    with mock.patch("os.getgroups", lambda: groups):
        assert (refused(str(node)) == "") is allowed


def test_root_may_always(computer: Tree) -> None:
    (computer.root / "dev/ttyACM0").chmod(0)
    with mock.patch("os.geteuid", lambda: 0):
        assert refused(str(computer.root / "dev/ttyACM0")) == ""
