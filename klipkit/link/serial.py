"""Opening the way to an MCU, whatever its path is: a serial port, a pty, a socket; for one program alone.

    what the path is             set up                                      when it breaks
    serial device, by-id link    locked, raw, any baud, DTR and RTS, no      unplugged
                                 hang-up on close, boot loader left
    pty                          locked, raw, baud noted                     its program ended
    other character device       locked (rpmsg of a coprocessor)             its driver's end
    Unix socket                  connected                                   its program ended
    tcp:HOST:PORT                connected, nothing held back to fill packets    the other computer, the net

A lock is an flock(2), which other printer programs take as well, and TIOCEXCL, which keeps out those that do not. On a
pty TIOCEXCL would outlive us (the tty stays as long as its master), so there it is flock alone.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import stat
import struct
import termios
from typing import NamedTuple

from klipkit._core import lib
from klipkit.base.errors import UsageError
from klipkit.base.faults import LinkError, PortHeld
from klipkit.base.text import did_you_mean, sanitise
from klipkit.link.holders import holder_of
from klipkit.link.nuisances import refused
from klipkit.link.ports import scan
from klipkit.link.pty import CABLE_HINT, DescriptorPipe

BAUD = 250_000  # the firmware's default
BAUD_MOST = 20_000_000
BITS_A_BYTE = 10  # on the line: start, 8 data, stop
OFF_MOST = (
    0.025  # share by which a port's speed may be off: half a bit over the 10 of a byte, shared by both ends
)
PTY_MAJORS = range(136, 144)  # linux/major.h: UNIX98_PTY_SLAVE_MAJOR
ENDED = "the program that serves it has ended"

# struct termios2, asm-generic/termbits.h of Linux (x86, ARM, RISC-V): flags of input, output, control and local modes;
# line discipline; control characters; speeds. Its ioctls, and the mark of a speed that is given as a number.
TERMIOS2 = struct.Struct("=4IB19s2I")
TCGETS2, TCSETS2 = 0x802C542A, 0x402C542B
BOTHER = 0x1000

TCP = "tcp:"  # before HOST:PORT in place of a path
TCP_PATIENCE = 5.0  # s
TCP_HINT = "is the program that serves it running there?"

LEAVE_STK500 = bytes.fromhex("1b0100010e1104")  # STK500v2 (Atmel AVR068): leave programming mode
STK500_BAUD = 115_200
STK500_WAKE = 0.1  # s from the reset by DTR until the boot loader listens
STK500_LEAVE = 0.05  # s until it has left


class ModemLines(NamedTuple):
    """What a serial port's outputs are to show while it is open. Boards like Arduinos are reset when DTR comes on."""

    dtr: bool = True
    rts: bool = True


LINES_ON = ModemLines()


async def open_pipe(
    path: str, baud: int = BAUD, lines: ModemLines = LINES_ON, *, board_behind_pty: bool = False
) -> DescriptorPipe:
    """A pipe to the MCU behind `path`. Raises LinkError when there is none, PortHeld when another program has it.

    Must be awaited within the event loop that is to use it. Takes 0.15 s on a serial device, on which a boot loader may
    have to be left; on a pty that is done when a simulated board with a boot loader may be behind it.
    """
    if not 1 <= baud <= BAUD_MOST:
        raise UsageError(f"a speed of {baud} baud is none: it is from 1 to {BAUD_MOST}")
    if path.startswith(TCP):
        return DescriptorPipe(
            await _connected_tcp(path), path, hint="look at the network and at the computer there"
        )
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except (OSError, ValueError) as error:
        raise unopened(path, error) from None
    if stat.S_ISSOCK(mode):
        return DescriptorPipe(_connected(path), path, hint=ENDED)
    if not stat.S_ISCHR(mode):
        raise LinkError("is no serial port", where=_shown(path), hint="`klipkit ports` lists them")
    return await _open_device(path, baud, lines, board_behind_pty=board_behind_pty)


async def _open_device(
    path: str, baud: int, lines: ModemLines, *, board_behind_pty: bool = False
) -> DescriptorPipe:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise unopened(path, error) from None
    try:
        is_pty = os.major(os.fstat(descriptor).st_rdev) in PTY_MAJORS
        lock(descriptor, path, is_pty=is_pty)
        if not os.isatty(descriptor):
            return DescriptorPipe(descriptor, path)
        set_speed(descriptor, baud)
        if not is_pty:
            show_lines(descriptor, lines)
        if board_behind_pty or not is_pty:
            await leave_boot_loader(descriptor, baud)
        termios.tcflush(descriptor, termios.TCIFLUSH)
        pipe = DescriptorPipe(descriptor, path, hint=ENDED if is_pty else CABLE_HINT)
    except OSError as error:
        os.close(descriptor)
        raise LinkError(f"cannot be set up: {error.strerror}", where=_shown(path), hint=CABLE_HINT) from None
    except BaseException:
        os.close(descriptor)
        raise
    pipe.speed = f"at {baud} baud"
    if not is_pty:
        lib.session_set_wire(pipe.session, BITS_A_BYTE / baud, 0)
    return pipe


def set_speed(descriptor: int, baud: int) -> None:
    """Make a tty raw, with 8 bits, no parity, no flow control, no hang-up on close, at `baud`.

    Raises LinkError when the port cannot do it, OSError when it fails.

    DTR stays on when the port is closed (no HUPCL), so that the next program to open it does not reset the board.
    """
    *_, discipline, characters, _, _ = TERMIOS2.unpack(fcntl.ioctl(descriptor, TCGETS2, bytes(TERMIOS2.size)))
    control = termios.CS8 | termios.CREAD | termios.CLOCAL | BOTHER
    characters = bytearray(characters)
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    wanted = TERMIOS2.pack(termios.IGNBRK, 0, control, 0, discipline, bytes(characters), baud, baud)
    try:
        fcntl.ioctl(descriptor, TCSETS2, wanted)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise LinkError(f"the port does not do {baud} baud", hint="take a speed that it does") from None
    taken = TERMIOS2.unpack(fcntl.ioctl(descriptor, TCGETS2, bytes(TERMIOS2.size)))[-1]
    if abs(taken - baud) > OFF_MOST * baud:
        raise LinkError(f"the port does {taken} baud in place of {baud}", hint="take a speed that it does")


async def leave_boot_loader(descriptor: int, baud: int) -> None:
    """Bring a boot loader of the Arduino Mega kind, which opening the port may have started, to start the firmware.

    Firmware takes the bytes for noise. Raises LinkError, OSError.
    """
    set_speed(descriptor, STK500_BAUD)
    await asyncio.sleep(STK500_WAKE)
    with contextlib.suppress(BlockingIOError):  # nobody takes them
        os.write(descriptor, LEAVE_STK500)
    await asyncio.sleep(STK500_LEAVE)
    set_speed(descriptor, baud)


def show_lines(descriptor: int, lines: ModemLines) -> bool:
    """Set the outputs of an open port; whether it has a DTR, by which boards are reset. Raises OSError."""
    missing: list[int] = []
    for on, line in ((lines.dtr, termios.TIOCM_DTR), (lines.rts, termios.TIOCM_RTS)):
        try:
            fcntl.ioctl(descriptor, termios.TIOCMBIS if on else termios.TIOCMBIC, struct.pack("=I", line))
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL):  # a port without these outputs
                raise
            missing.append(line)
    return termios.TIOCM_DTR not in missing


def lock(descriptor: int, path: str, *, is_pty: bool) -> None:
    """Keep other programs out. Raises PortHeld when one is in."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _held(path) from None
    if is_pty:
        return
    holder = holder_of(path)  # at least this program, by its lock
    if holder is not None and holder.pid != os.getpid():
        raise _held(path)
    if os.isatty(descriptor):
        fcntl.ioctl(descriptor, termios.TIOCEXCL)


def _held(path: str) -> PortHeld:
    holder = holder_of(path)
    if holder is None:
        return PortHeld(
            "another program has it open", where=_shown(path), hint="`sudo klipkit ports` names it"
        )
    if holder.pid == os.getpid():
        return PortHeld("it is open already, in this program", where=_shown(path))
    return PortHeld(f"{holder} has it open", where=_shown(path), hint="stop that program first")


def _connected(path: str) -> int:
    """The descriptor of a connection to a Unix socket. Raises LinkError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(path)
        except OSError as error:
            hint = "is the program that serves it running?"
            raise LinkError(
                f"cannot connect: {error.strerror or error}", where=_shown(path), hint=hint
            ) from None
        return connection.detach()


async def _connected_tcp(path: str) -> int:
    """The descriptor of a connection to tcp:HOST:PORT. Raises LinkError."""
    host, _, port = path.removeprefix(TCP).rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise LinkError(
            "is no address", where=_shown(path), hint=f"write {TCP}HOST:PORT, as {TCP}printer.local:5000"
        )
    try:
        async with asyncio.timeout(TCP_PATIENCE):
            return await _first_connected(host.strip("[]"), int(port))
    except TimeoutError:
        raise LinkError(f"no answer in {TCP_PATIENCE:g} s", where=_shown(path), hint=TCP_HINT) from None
    except OSError as error:
        is_name = isinstance(error, socket.gaierror)
        reason = (
            error.strerror if is_name else os.strerror(error.errno or 0)
        )  # asyncio says the address instead
        raise LinkError(f"cannot connect: {reason}", where=_shown(path), hint=TCP_HINT) from None


async def _first_connected(host: str, port: int) -> int:
    """The descriptor of a connection to the first address of a host that takes one. Raises OSError."""
    loop = asyncio.get_running_loop()
    refused = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as connection:
            connection.setblocking(False)
            try:
                await loop.sock_connect(connection, address)
            except OSError as error:
                refused = error
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection.detach()
    raise refused


def unopened(path: str, error: OSError | ValueError) -> LinkError:
    """Why a path could not be opened, with what to do."""
    number = error.errno if isinstance(error, OSError) else errno.ENOENT
    if number == errno.EBUSY:
        return _held(path)
    reason = os.strerror(number or errno.ENOENT)
    return LinkError(f"cannot open: {reason}", where=_shown(path), hint=_advice(path, number))


def _advice(path: str, number: int | None) -> str:
    if number in (errno.EACCES, errno.EPERM):
        return refused(path) or "you may not read and write it"
    if number == errno.ENOENT:
        names = [port.name for port in scan().ports if port.name]
        return did_you_mean(path[:200], names) or "`klipkit ports` lists the ports that are there"
    return CABLE_HINT


def _shown(path: str) -> str:
    return sanitise(path, 200)
