"""Whatever stands in sysfs, /dev/serial and /proc: the scan never fails, and nothing reaches the terminal raw."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from klipkit.link.ports import scan
from klipkit.link.sysfs import ATTRIBUTE_LIMIT, attribute, content, followed, number
from tests.golden.ports.tree import Tree, ch340, firmware
from tests.golden.transcript import run

WICKED = (
    st.binary(max_size=40)
    | st.sampled_from(
        (
            b"",
            b"\n",
            b"\0\0",
            b"\x1b[2J\x1b]0;owned\x07",
            b"\xff\xfe\x80",
            b"-1",
            b"0x",
            b"1_0",
            b"99999999999",
        )
    )
    | st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.just(b"A" * 100_000)
)
ATTRIBUTES = (
    "idVendor",
    "idProduct",
    "manufacturer",
    "product",
    "serial",
    "busnum",
    "devnum",
    "1-1:1.0/bInterfaceNumber",
    "1-1:1.0/ttyUSB0/port_number",
    "1-1:1.0/ttyUSB0/tty/ttyUSB0/dev",
)


def is_safe(text: str) -> bool:
    return all(char.isprintable() or char in "\n\t" for char in text)


def build(folder: str, values: dict[str, bytes], uart: bytes, can: bytes, process: bytes) -> Tree:
    """A computer with one of each, its attributes replaced."""
    tree = Tree(Path(folder) / "root")
    ch340(tree, "ttyUSB0", "1-1")
    firmware(tree, "ttyACM0", "1-2")
    usb = "devices/pci0000:00/0000:00:14.0/usb1/1-1"
    for name, data in values.items():
        tree.write(f"sys/{usb}/{name}", data)
    tree.uart("ttyAMA0")
    tree.net("can0", tree.usb("1-3", "1d50:606f"))
    can_folder = "sys/devices/pci0000:00/0000:00:14.0/usb1/1-3/1-3:1.0/net/can0"
    for name in ("flags", "tx_queue_len"):
        tree.write(f"{can_folder}/{name}", can)
    for name in ("type", "console", "dev"):
        tree.write(f"sys/devices/platform/serial8250/tty/ttyAMA0/{name}", uart)
    tree.process(5, "x", holds=("/dev/ttyUSB0",))
    for name in ("comm", "cmdline"):
        tree.write(f"proc/5/{name}", process)
    return tree


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(ATTRIBUTES), WICKED), WICKED, WICKED, WICKED)
def test_garbage_in_any_attribute_neither_fails_nor_reaches_the_terminal(
    values: dict[str, bytes], uart: bytes, can: bytes, process: bytes
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = build(folder, values, uart, can, process)
        for options, terminal in (((), False), (("-v", "--no-color"), True), (("--json",), False)):
            status, out, err = run(["ports", "--root", str(tree.root), *options], terminal=terminal)
            assert status == 0
            assert is_safe(out)
            assert is_safe(err)
        assert len(json.loads(out)["ports"]) >= 3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(
                st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20
            ),
            st.text(
                st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40
            ),
        ),
        max_size=5,
        unique_by=lambda pair: pair[0],
    )
)
def test_any_names_and_targets_of_links_are_only_shown_escaped(links: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder) / "root")
        ch340(tree, "ttyUSB0", "1-1")
        for name, target in links:
            if name not in (".", ".."):
                tree.link(f"dev/serial/by-id/x{name}", target)
        status, out, err = run(["ports", "--root", str(tree.root), "-v"])
        assert status == 0
        assert is_safe(out)
        assert is_safe(err)


@pytest.mark.parametrize("name", ["idVendor", "product", "serial", "busnum"])
def test_an_attribute_that_is_a_folder_a_pipe_or_missing_counts_as_empty(tmp_path: Path, name: str) -> None:
    import os

    for kind in ("missing", "folder", "pipe"):
        tree = Tree(tmp_path / kind)
        ch340(tree, "ttyUSB0", "1-1")
        file = tree.root / "sys/devices/pci0000:00/0000:00:14.0/usb1/1-1" / name
        file.unlink(missing_ok=True)
        if kind == "folder":
            file.mkdir()
        elif kind == "pipe":
            os.mkfifo(file)
        found = scan(str(tree.root))
        assert [port.device for port in found.ports] == ["/dev/ttyUSB0"]


def test_an_attribute_is_cut_at_its_limit_and_at_a_nul(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"x" * 5000)
    (tmp_path / "nul").write_bytes(b"ab\0cd\n")
    assert attribute(str(tmp_path), "long") == "x" * ATTRIBUTE_LIMIT
    assert attribute(str(tmp_path), "nul") == "ab"
    assert content(str(tmp_path / "a\0b"), 10) == b""


def test_links_that_go_round_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert followed(str(tmp_path), "/a") in ("/a", "/b")


@given(st.text(max_size=20), st.sampled_from((10, 16)))
def test_a_number_is_plain_digits_or_nothing(text: str, base: int) -> None:
    value = number(text, base)
    assert value is None or (value >= 0 and int(text, base) == value)


def test_an_empty_folder_is_a_computer_without_ports(tmp_path: Path) -> None:
    assert scan(str(tmp_path)).ports == ()
