"""Opening ports: what kind they are, how they are set up, who has them, and what to do when it does not work."""

import asyncio
import contextlib
import errno
import fcntl
import os
import pty
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from klipkit._core import lib
from klipkit.base.errors import UsageError
from klipkit.base.faults import LinkError, PortHeld
from klipkit.link import serial
from klipkit.link.holders import Holder, holder_of
from klipkit.link.serial import LEAVE_STK500, TCGETS2, TERMIOS2, ModemLines, open_pipe
from tests.golden.ports.tree import Tree
from tests.unit.link_toy import ToyMcu
from tests.unit.test_link_pty import PATIENCE, ask

TIOCGEXCL = 0x80045440  # asm-generic/ioctls.h
USB_SERIAL = os.makedev(188, 0)  # the number of /dev/ttyUSB0


def is_exclusive(descriptor: int) -> bool:
    """Whether a tty may be opened by root alone."""
    return any(fcntl.ioctl(descriptor, TIOCGEXCL, bytes(4)))


@pytest.fixture
def slave() -> Iterator[tuple[int, int]]:
    """Master and other side of a pty in its usual cooked mode."""
    ends = pty.openpty()
    yield ends
    os.close(ends[1])
    with contextlib.suppress(OSError):
        os.close(ends[0])


@pytest.fixture
def terminal(slave: tuple[int, int]) -> tuple[int, str]:
    """The master, and the path of the other side."""
    return slave[0], os.ttyname(slave[1])


def opened(path: str, baud: int = 250_000) -> dict[str, object]:
    """Open and close; gives what was seen in between."""

    async def main() -> dict[str, object]:
        pipe = await open_pipe(path, baud)
        try:
            status = os.open(path, os.O_RDWR | os.O_NOCTTY)
            mode = TERMIOS2.unpack(fcntl.ioctl(status, TCGETS2, bytes(TERMIOS2.size)))
            os.close(status)
            return {"mode": mode, "speed": pipe.speed}
        finally:
            pipe.close()

    return asyncio.run(main())


@pytest.mark.parametrize("baud", [9600, 250_000, 1_234_567])
def test_a_port_is_raw_at_any_speed(terminal: tuple[int, str], baud: int) -> None:
    seen = opened(terminal[1], baud)
    mode = seen["mode"]
    assert isinstance(mode, tuple)
    _, output, control, local, *_, speed_in, speed_out = mode
    assert (output, local, speed_in, speed_out) == (0, 0, baud, baud)
    assert (
        control & (termios.CSIZE | termios.CREAD | termios.CLOCAL)
        == termios.CS8 | termios.CREAD | termios.CLOCAL
    )
    assert not control & (termios.HUPCL | termios.PARENB | termios.CRTSCTS | termios.CSTOPB)
    assert seen["speed"] == f"at {baud} baud"


def test_every_byte_passes_both_ways(terminal: tuple[int, str]) -> None:
    master, path = terminal
    toy = ToyMcu(master)
    payload = bytes(range(0x03, 0x20)) + b"\x7f\x80\xff\x11\x13\r\n"

    async def main() -> bytes:
        pipe = await open_pipe(path)
        [answer] = await ask(pipe, lib.session_add_queue(pipe.session), payload)
        pipe.close()
        return answer.payload

    assert asyncio.run(main()) == payload[::-1]
    assert toy.executed == [payload]


def test_a_pty_is_not_exclusive_for_it_would_stay_so(slave: tuple[int, int]) -> None:
    async def main() -> None:
        pipe = await open_pipe(os.ttyname(slave[1]))
        assert not is_exclusive(slave[1])
        pipe.close()

    asyncio.run(main())


def test_a_real_port_is_exclusive_its_lines_set_and_its_boot_loader_left(slave: tuple[int, int]) -> None:
    """A pty that is taken for a serial device: what happens to it in which order."""
    calls: list[tuple[int, int]] = []
    real = fcntl.ioctl

    def ioctl(descriptor: int, request: int, argument: bytes = b"") -> bytes:
        if request in (termios.TIOCMBIS, termios.TIOCMBIC):
            calls.append((request, int.from_bytes(argument, sys.byteorder)))
            raise OSError(errno.ENOTTY, "a pty has none")
        return real(descriptor, request, argument)

    async def main() -> None:
        pipe = await open_pipe(os.ttyname(slave[1]), 115_200, ModemLines(dtr=False, rts=True))
        assert is_exclusive(slave[1])
        pipe.close()

    with (
        mock.patch.object(serial, "PTY_MAJORS", range(0)),
        mock.patch("fcntl.ioctl", ioctl),
        mock.patch.object(serial, "STK500_WAKE", 0),
        mock.patch.object(serial, "STK500_LEAVE", 0),
    ):
        asyncio.run(main())
    assert calls == [(termios.TIOCMBIC, termios.TIOCM_DTR), (termios.TIOCMBIS, termios.TIOCM_RTS)]
    assert os.read(slave[0], 100) == LEAVE_STK500


def test_a_real_port_that_another_program_has_open_is_held_without_a_lock_too(slave: tuple[int, int]) -> None:
    with (
        mock.patch.object(serial, "PTY_MAJORS", range(0)),
        mock.patch.object(serial, "holder_of", return_value=Holder(1, "minicom")),
        pytest.raises(PortHeld, match=r"minicom \(pid 1\) has it open"),
    ):
        asyncio.run(open_pipe(os.ttyname(slave[1])))
    assert not is_exclusive(slave[1])


def test_a_port_that_is_open_here_already_is_told_so(terminal: tuple[int, str]) -> None:
    async def main() -> None:
        pipe = await open_pipe(terminal[1])
        try:
            await open_pipe(terminal[1])
        finally:
            pipe.close()

    with pytest.raises(PortHeld, match="it is open already, in this program"):
        asyncio.run(main())


def test_a_held_port_names_its_holder_and_is_free_afterwards(terminal: tuple[int, str]) -> None:
    path = terminal[1]
    program = "import fcntl,sys; f=open(sys.argv[1], 'rb+', 0); fcntl.flock(f, 6); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout and holder.stdin
        holder.stdout.readline()
        with pytest.raises(PortHeld) as caught:
            asyncio.run(open_pipe(path))
        holder.stdin.close()
    assert f"(pid {holder.pid}) has it open; stop that program first" in str(caught.value)
    assert str(caught.value).startswith(f"{path}: python")
    assert opened(path)["speed"]


def test_the_holder_is_the_owner_of_the_lock_or_else_who_has_the_port_open(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "root")
    tree.process(42, "minicom", "minicom", ("/dev/ttyUSB0",))
    tree.process(43, "python", "/usr/bin/python3 /home/pi/klipper/klippy/klippy.py", ())
    status = mock.Mock(st_dev=os.makedev(0, 0x1A), st_ino=7, st_rdev=USB_SERIAL, st_mode=0o20660)
    real = os.stat
    locks = tree.root / "proc" / "locks"

    def stat(path: str, **options: bool) -> object:
        return status if path == "/dev/ttyUSB0" else real(path, **options)

    with mock.patch("os.stat", stat):
        assert holder_of("/dev/ttyUSB0", str(tree.root)) == Holder(42, "minicom")
        locks.write_text(
            "1: POSIX  ADVISORY  WRITE 9 00:1a:7 0 EOF\n2: FLOCK  ADVISORY  WRITE 43 00:1a:7 0 EOF\n"
        )
        assert holder_of("/dev/ttyUSB0", str(tree.root)) == Holder(43, "klippy")
        locks.write_text("2: FLOCK  ADVISORY  WRITE 43 00:1a:8 0 EOF\n3: FLOCK\n")
        assert holder_of("/dev/ttyUSB0", str(tree.root)) == Holder(42, "minicom")
    assert holder_of(str(tmp_path / "none")) is None


@pytest.mark.parametrize(
    ("family", "hint"),
    [
        (socket.AF_UNIX, "the program that serves it has ended"),
        (socket.AF_INET, "look at the network and at the computer there"),
    ],
)
def test_a_socket_is_a_way_to_an_mcu(tmp_path: Path, family: socket.AddressFamily, hint: str) -> None:
    with socket.socket(family) as server:
        path = str(tmp_path / "mcu.sock")
        server.bind(path if family == socket.AF_UNIX else ("127.0.0.1", 0))
        server.listen()
        if family == socket.AF_INET:
            path = f"tcp:127.0.0.1:{server.getsockname()[1]}"
        toys: list[ToyMcu] = []
        accepting = threading.Thread(target=lambda: toys.append(ToyMcu(server.accept()[0].detach())))
        accepting.start()

        async def main() -> LinkError | None:
            pipe = await open_pipe(path)
            [answer] = await ask(pipe, lib.session_add_queue(pipe.session), b"hello")
            assert answer.payload == b"olleh"
            accepting.join()
            toys[0].hang_up()
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(LinkError) as caught:
                    async for _ in pipe.messages():
                        pass
            pipe.close()
            return caught.value

        assert str(asyncio.run(main())).endswith(f"; {hint}")


def test_the_first_bytes_are_kept_whatever_they_are(terminal: tuple[int, str]) -> None:
    master, path = terminal

    async def main() -> bytes:
        pipe = await open_pipe(path)
        assert pipe.heard() == b""
        os.write(master, b"start\r\n")
        os.write(master, b"x" * 2000)
        async with asyncio.timeout(PATIENCE):
            while len(heard := pipe.heard()) < 1024:
                await asyncio.sleep(0.001)
        pipe.close()
        assert pipe.heard() == b""
        return heard

    assert asyncio.run(main()) == b"start\r\n" + b"x" * 1017


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("none", r"none: cannot open: No such file or directory; `klipkit ports` lists the ports"),
        ("file", r"file: is no serial port; `klipkit ports` lists them"),
        ("folder", r"folder: is no serial port"),
        ("socket", r"socket: cannot connect: Connection refused; is the program that serves it running\?"),
        ("zero\0", r"cannot open: No such file"),
    ],
)
def test_what_is_no_port_is_one_clear_error(tmp_path: Path, kind: str, message: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        with pytest.raises(LinkError, match=message):
            asyncio.run(open_pipe(str(tmp_path / kind)))


def test_an_address_where_nobody_listens_or_that_is_none_is_one_clear_error() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        with pytest.raises(
            LinkError, match=r"tcp:127.*: cannot connect: .*refused.*; is the program that serves it"
        ):
            asyncio.run(open_pipe(f"tcp:127.0.0.1:{server.getsockname()[1]}"))
    for path in ("tcp:host", "tcp:host:port", "tcp::5000", "tcp:host:99999"):
        with pytest.raises(LinkError, match="is no address; write tcp:HOST:PORT"):
            asyncio.run(open_pipe(path))


def test_a_speed_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="from 1 to"):
        asyncio.run(open_pipe(str(tmp_path), 0))


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "cannot open: Permission denied; add yourself to group dialout: sudo usermod"),
        (errno.EBUSY, "minicom (pid 42) has it open; stop that program first"),
        (errno.ENODEV, "cannot open: No such device; look at cable and power of the board"),
    ],
)
def test_a_port_that_refuses_is_explained(terminal: tuple[int, str], number: int, message: str) -> None:
    advice = "add yourself to group dialout: sudo usermod -aG dialout $USER, then log out and in again"
    with (
        mock.patch("os.open", side_effect=OSError(number, os.strerror(number))),
        mock.patch.object(serial, "refused", return_value=advice),
        mock.patch.object(serial, "holder_of", return_value=Holder(42, "minicom")),
        pytest.raises(LinkError) as caught,
    ):
        asyncio.run(serial._open_device(terminal[1], 250_000, ModemLines()))
    assert message in str(caught.value)


def test_a_port_that_does_another_speed_than_asked_is_told(terminal: tuple[int, str]) -> None:
    real = fcntl.ioctl

    def ioctl(descriptor: int, request: int, argument: bytes = b"") -> bytes:
        found = real(descriptor, request, argument)
        return found[:-4] + (230_400).to_bytes(4, sys.byteorder) if request == TCGETS2 else found

    with (
        mock.patch("fcntl.ioctl", ioctl),
        pytest.raises(LinkError, match="does 230400 baud in place of 250000"),
    ):
        asyncio.run(open_pipe(terminal[1]))


def test_what_fails_half_way_gives_back_all_descriptors(terminal: tuple[int, str]) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for fault in (OSError(errno.EIO, "gone"), LinkError("x"), ValueError("y")):
        with (
            mock.patch.object(serial, "set_speed", side_effect=fault),
            pytest.raises((LinkError, ValueError)),
        ):
            asyncio.run(open_pipe(terminal[1]))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
