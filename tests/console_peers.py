"""What `klipkit console` is tested against: a firmware process behind a pty, and ptys that say something else."""

import contextlib
import os
import pty
import select
import subprocess
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

from klipkit.sim.firmware import build

PATIENCE = 60.0  # s: a guard against hanging
Reply = Callable[[bytes], bytes]


@contextlib.contextmanager
def firmware(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A simulated microcontroller: the path of its pty, and its process."""
    link = folder / "mcu"
    with running([str(build("klipkit-sim")), "--pty", str(link)], link) as process:
        yield str(link), process


@contextlib.contextmanager
def running(command: list[str], link: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A program that makes a pty at `link`."""
    with subprocess.Popen(command) as process:
        try:
            end = time.monotonic() + PATIENCE
            while not link.exists():
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.01)
            yield process
        finally:
            process.terminate()


@contextlib.contextmanager
def peer(reply: Reply, greeting: bytes = b"") -> Iterator[str]:
    """The path of a pty whose other side answers what it reads with `reply`, and the first time with a greeting."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    stop = threading.Event()

    def serve() -> None:
        said = False
        while not stop.is_set():
            if select.select([master], [], [], 0.02)[0]:
                data = os.read(master, 4096)
                os.write(master, (b"" if said else greeting) + reply(data))
                said = True

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        stop.set()
        thread.join()
        os.close(slave)
        os.close(master)
