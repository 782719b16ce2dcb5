"""The line of the own boot loader clients: what comes and goes, who else has it, and how it ends."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from klipkit.base.faults import LinkError, PortHeld
from klipkit.base.flashfaults import PortVanished
from klipkit.flashing.line import Line

HOLDER = (
    "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, 2); print(flush=True); time.sleep(600)"
)


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """The master side of a pty, and the path of the other."""
    master, slave = pty.openpty()
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


def test_bytes_go_both_ways_as_they_are(terminal: tuple[int, str]) -> None:
    everything = bytes(range(256))
    with Line(terminal[1], 115_200) as line:
        line.write(everything)
        assert os.read(terminal[0], 1000) == everything
        os.write(terminal[0], everything)
        assert line.read(5) == everything
        assert line.read(0.01) == b""


def test_a_port_that_is_not_there_is_told_as_everywhere(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="cannot open: No such file or directory"):
        Line(str(tmp_path / "missing"), 115_200)


def test_a_port_that_another_program_holds_is_refused_with_its_name(terminal: tuple[int, str]) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, terminal[1]], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            with pytest.raises(PortHeld, match=rf"\(pid {holder.pid}\) has it open"):
                Line(terminal[1], 115_200)
        finally:
            holder.kill()
    Line(terminal[1], 115_200).close()


def test_a_port_that_goes_is_told() -> None:
    master, slave = pty.openpty()
    with Line(os.ttyname(slave), 115_200) as line:
        os.close(slave)
        os.close(master)
        with pytest.raises(PortVanished, match="the port does not work"):
            line.read(5)
